# Pushes the image in $AVIF_IMAGE, a docker archive, and prints the digest that the registry gave it.

usage() {
  cat <<'TEXT'
usage: push REPOSITORY

Pushes the image to REPOSITORY, an ECR repository's URI say, tagged with the image's version, and prints
REPOSITORY@DIGEST. To ECR it logs in by itself, with the AWS credentials at hand.
TEXT
}
case ${1-} in -h | --help) usage; exit 0 ;; esac
if [ $# -ne 1 ]; then usage >&2; exit 2; fi
repository=$1

tls=()
case $repository in
  *.dkr.ecr.*)
    aws ecr get-login-password | skopeo login --username AWS --password-stdin "${repository%%/*}" >&2 ;;
  localhost:* | 127.0.0.1:*) tls=(--tls-verify=false) ;;
esac

tag=$(skopeo inspect --format '{{index .Labels "org.opencontainers.image.version"}}' "docker-archive:$AVIF_IMAGE")
skopeo --insecure-policy copy --quiet "${tls[@]/#--tls/--dest-tls}" "docker-archive:$AVIF_IMAGE" "docker://$repository:$tag" >&2
# The digest depends on who compressed the layers: only the registry knows it.
digest=$(skopeo inspect "${tls[@]}" --format '{{.Digest}}' "docker://$repository:$tag")
echo "$repository@$digest"
