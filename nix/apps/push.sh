# Pushes the image in $AVIF_IMAGE, a docker archive, and prints the digest that the registry gave it.

usage() {
  cat <<'TEXT'
usage: push REPOSITORY

Pushes the image to REPOSITORY, an ECR repository's URI say, and prints REPOSITORY@DIGEST. Its tag is the image's version
and the beginning of its content's digest, so that no tag ever moves: the repository's tags may be immutable. What is there
already is not pushed again. To ECR it logs in by itself, with the AWS credentials at hand.
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

version=$(skopeo inspect --format '{{index .Labels "org.opencontainers.image.version"}}' "docker-archive:$AVIF_IMAGE")
# The configuration names every layer by its content before compression.
content=$(skopeo inspect --config --raw "docker-archive:$AVIF_IMAGE" | sha256sum)
tag=$version-${content:0:12}
# The digest depends on who compressed the layers: only the registry knows it.
look() { skopeo inspect "${tls[@]}" --format '{{.Digest}}' "docker://$repository:$tag"; }
if ! digest=$(look 2>/dev/null); then
  skopeo --insecure-policy copy --quiet "${tls[@]/#--tls/--dest-tls}" "docker-archive:$AVIF_IMAGE" "docker://$repository:$tag" >&2
  digest=$(look)
fi
echo "$repository@$digest"
