#!/usr/bin/env bash
# measure-image.sh IMAGE WHEN: builds an image, and writes the build time and the size, layer count and SHA-256 of the image to the
# summary of the job. WHEN is a label for the table. The SHA-256 is also an output of the step.
set -euo pipefail
image=$1 when=$2

start=$SECONDS
nix build --print-build-logs --out-link image.tar ".#$image"
seconds=$((SECONDS - start))
digest=$(sha256sum image.tar | cut --delimiter=' ' --fields=1)
layers=$(tar --extract --to-stdout --file=image.tar manifest.json | jq '.[0].Layers | length')

cat >>"$GITHUB_STEP_SUMMARY" <<SUMMARY
| image | build | seconds | bytes | bytes, gzip | layers | SHA-256 of the archive |
|---|---|---:|---:|---:|---:|---|
| $image | $when | $seconds | $(stat --dereference --format=%s image.tar) | $(gzip --stdout image.tar | wc --bytes) | $layers | $digest |
SUMMARY
echo "$image=$digest" >>"$GITHUB_OUTPUT"
