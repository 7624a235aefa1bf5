#!/usr/bin/env bash
# run.sh PROGRAM ARGUMENT...: runs push or deploy without Nix, with the aws, skopeo and jq of this machine. AVIF_IMAGE names
# the image, a docker archive.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
: "${AVIF_IMAGE:?names no docker archive}"
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
# What Nix makes of the scripts; deploy calls push.
for name in push deploy; do
  printf '#!/usr/bin/env bash\nset -o errexit -o nounset -o pipefail\n' | cat - "$here/$name.sh" >"$programs/$name"
  chmod +x "$programs/$name"
done
export PATH=$programs:$PATH
"$@"
