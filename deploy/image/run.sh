#!/usr/bin/env bash
# run.sh PROGRAM ARGUMENT...: runs push, deploy or a program that calls them without Nix, with this machine's aws, skopeo and jq.
# AVIF_IMAGE is the path of the image, a Docker archive.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
: "${AVIF_IMAGE:?is not set; set it to the path of the Docker archive}"
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
# Adds the header that Nix adds. deploy calls push, so both must be in PATH.
for name in push deploy; do
  printf '#!/usr/bin/env bash\nset -o errexit -o nounset -o pipefail\n' | cat - "$here/$name.sh" >"$programs/$name"
  chmod +x "$programs/$name"
done
export PATH=$programs:$PATH
"$@"
