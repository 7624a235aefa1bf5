#!/usr/bin/env bash
# Tests every branch of push and deploy, with a local registry and a simulated Lambda. Needs docker-registry, skopeo, jq, aws and
# moto_server.
set -euo pipefail
for tool in docker-registry skopeo jq aws moto_server curl python3; do
  command -v "$tool" >/dev/null || {
    echo "test.sh: $tool is missing; install it, on Debian with make tools" >&2
    exit 1
  }
done
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
servers=()

# Run the scripts without Nix, as the release workflow does.
mkdir "$work/bin"
for name in push deploy; do
  printf '#!/bin/sh\nexec %s %s "$@"\n' "$here/run.sh" "$name" >"$work/bin/$name"
  chmod +x "$work/bin/$name"
done
export PATH=$work/bin:$PATH

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() {
  for _ in $(seq 100); do
    if curl --silent --output /dev/null "$1"; then return; fi
    sleep 0.1
  done
  echo "$1 did not start" >&2
  exit 1
}

registry=$(free_port)
cat >"$work/registry.yml" <<CONFIG
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$registry"}
CONFIG
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
servers+=($!)
lambda=$(free_port)
moto_server --host 127.0.0.1 --port "$lambda" >"$work/moto.log" 2>&1 &
servers+=($!)
wait_for "http://127.0.0.1:$registry/v2/"
wait_for "http://127.0.0.1:$lambda/moto-api/"

export AWS_ENDPOINT_URL=http://127.0.0.1:$lambda AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_PAGER=
# The AWS CLI before 2.13 does not support AWS_ENDPOINT_URL.
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
# shellcheck disable=SC2016 # the wrapper expands the variables
printf '#!/bin/sh\nexec %s --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n' "$(type -P aws)" >"$work/bin/aws"
chmod +x "$work/bin/aws"
repository=127.0.0.1:$registry/avif

# A minimal Docker archive with one file.
archive() { # FILE CONTENT ARCHITECTURE
  local folder layer config
  folder=$(mktemp -d -p "$work")
  echo "$2" >"$folder/bootstrap"
  tar --create --file="$folder/layer.tar" --sort=name --mtime=@0 --owner=0 --group=0 --directory="$folder" bootstrap
  layer=$(sha256sum "$folder/layer.tar" | cut --delimiter=' ' --fields=1)
  jq --null-input --compact-output --arg layer "sha256:$layer" --arg architecture "$3" '{
    architecture: $architecture, os: "linux", created: "1970-01-01T00:00:01Z",
    config: { Entrypoint: ["/bootstrap"], Labels: { "org.opencontainers.image.version": "0.1.0" } },
    rootfs: { type: "layers", diff_ids: [$layer] }, history: [{ created: "1970-01-01T00:00:01Z" }]
  }' >"$folder/config.json"
  config=$(sha256sum "$folder/config.json" | cut --delimiter=' ' --fields=1)
  mv "$folder/config.json" "$folder/$config.json"
  echo "[{\"Config\": \"$config.json\", \"RepoTags\": [\"avif-lambda:0.1.0\"], \"Layers\": [\"layer.tar\"]}]" >"$folder/manifest.json"
  tar --create --file="$1" --directory="$folder" manifest.json "$config.json" layer.tar
}
archive "$work/one.tar" one arm64
archive "$work/two.tar" two arm64
archive "$work/intel.tar" one amd64

fail() {
  echo "FAILED: $1" >&2
  exit 1
}
passed=0
pass() { passed=$((passed + 1)); }
is() {
  [ "$2" = "$3" ] || fail "$1: expected $3, got $2"
  pass
}
says() {
  grep --quiet --fixed-strings -e "$2" <<<"$3" || fail "$1: expected '$2' in: $3"
  pass
}
running() { aws lambda get-function --function-name avif --query Code.ImageUri --output text; }
versions() { aws lambda list-versions-by-function --function-name avif --query 'length(Versions)' --output text; }

export AVIF_IMAGE=$work/one.tar
one=$(push "$repository")
tags() { skopeo list-tags --tls-verify=false "docker://$repository" | jq --raw-output '.Tags[]'; }
tag=$(tags)
says "tag begins with the version" "0.1.0-" "$tag"
is "push prints the digest in the registry" "$one" \
  "$repository@$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$repository:$tag")"
is "second push prints the same digest" "$(push "$repository")" "$one"
is "second push creates no tag" "$(tags)" "$tag"
code=0
push >/dev/null 2>&1 || code=$?
is "push without repository is a usage error" "$code" 2
says "push has a help text" "usage: push" "$(push --help)"

role=$(aws iam create-role --role-name avif --assume-role-policy-document '{}' --query Role.Arn --output text)
create() { # NAME IMAGE ARCHITECTURE
  aws lambda create-function --function-name "$1" --package-type Image --code "ImageUri=$2" --role "$role" \
    --architectures "$3" >/dev/null
}
create avif "$one" arm64

before=$(versions)
says "unchanged image changes nothing" "nothing to do" "$(deploy avif "$repository")"
is "unchanged image publishes no version" "$(versions)" "$before"

export AVIF_IMAGE=$work/two.tar
says "dry run prints the plan" "would push" "$(deploy avif "$repository" --alias live --dry-run)"
is "dry run changes nothing" "$(running)" "$one"
output=$(deploy avif "$repository" --alias live)
two=$(push "$repository")
is "another image of the same version does not change the tag" "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$repository:$tag")" "${one#*@}"
is "changed image updates the function by digest" "$(running)" "$two"
says "missing alias is created" "created live" "$output"
first=$(aws lambda get-alias --function-name avif --name live --query FunctionVersion --output text)

export AVIF_IMAGE=$work/one.tar
output=$(deploy avif "$repository" --alias live)
second=$(aws lambda get-alias --function-name avif --name live --query FunctionVersion --output text)
[ "$second" != "$first" ] || fail "existing alias is moved"
pass
says "rollback command with alias" "--name live --function-version $first" "$output"
says "rollback command without alias" "--image-uri $one" "$(AVIF_IMAGE=$work/two.tar deploy avif "$repository")"

fails() { # WHAT WORDS COMMAND...
  local what=$1 words=$2 output code=0
  shift 2
  output=$("$@" 2>&1) || code=$?
  [ "$code" != 0 ] || fail "$what: the command succeeded"
  says "$what" "$words" "$output"
}
fails "other architecture is rejected" "has the architecture arm64, but the image is for x86_64" \
  env AVIF_IMAGE="$work/intel.tar" deploy avif "$repository"
is "other architecture changes nothing" "$(running)" "$two"
fails "unknown function is reported" "cannot read the function missing" deploy missing "$repository"
fails "unreachable registry is reported" "refused" deploy avif 127.0.0.1:1/avif
is "unreachable registry changes nothing" "$(running)" "$two"
code=0
deploy avif >/dev/null 2>&1 || code=$?
is "deploy without repository is a usage error" "$code" 2

# Lambda rejects the update after the push.
mv "$work/bin/aws" "$work/bin/aws.real"
# shellcheck disable=SC2016 # the wrapper expands the variables
printf '#!/bin/sh\ncase "$*" in *update-function-code*) echo throttled >&2; exit 254 ;; esac\nexec %s.real "$@"\n' "$work/bin/aws" >"$work/bin/aws"
chmod +x "$work/bin/aws"
fails "failed update is reported" "it still runs $two" env AVIF_IMAGE="$work/one.tar" deploy avif "$repository" --alias live
is "failed update does not move the alias" "$(aws lambda get-alias --function-name avif --name live --query FunctionVersion --output text)" "$second"

echo "$passed passed, 0 failed"
