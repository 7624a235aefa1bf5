# shellcheck shell=bash
# Pushes the image in $AVIF_IMAGE, a Docker archive, and prints its digest in the registry.

usage() {
  cat <<'TEXT'
usage: push REPOSITORY

Pushes the image to REPOSITORY, for example the URI of an ECR repository, and prints REPOSITORY@DIGEST. If the image is
already there, it only prints. The tag is the image's version and the first digits of its content hash. So a tag never
moves, and the repository may have immutable tags. For ECR, it logs in with your AWS credentials.
TEXT
}
case ${1-} in -h | --help)
  usage
  exit 0
  ;;
esac
if [ $# -ne 1 ]; then
  usage >&2
  exit 2
fi
repository=$1

tls=()
case $repository in
  *.dkr.ecr.*)
    aws ecr get-login-password | skopeo login --username AWS --password-stdin "${repository%%/*}" >&2
    ;;
  localhost:* | 127.0.0.1:*) tls=(--tls-verify=false) ;;
esac

version=$(skopeo inspect --format '{{index .Labels "org.opencontainers.image.version"}}' "docker-archive:$AVIF_IMAGE")
# The configuration contains the hash of every layer before compression.
content=$(skopeo inspect --config --raw "docker-archive:$AVIF_IMAGE" | sha256sum)
tag=$version-${content:0:12}
# The digest depends on the compression of the layers, so it comes from the registry.
registry_digest() { skopeo inspect "${tls[@]}" --format '{{.Digest}}' "docker://$repository:$tag"; }
if ! digest=$(registry_digest 2>/dev/null); then
  skopeo --insecure-policy copy --quiet "${tls[@]/#--tls/--dest-tls}" "docker-archive:$AVIF_IMAGE" "docker://$repository:$tag" >&2
  digest=$(registry_digest)
fi
echo "$repository@$digest"
