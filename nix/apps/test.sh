#!/usr/bin/env bash
# push and deploy against a registry and a Lambda on loopback: every branch. Needs docker-registry, skopeo, jq, aws and
# moto_server.
set -euo pipefail
for tool in docker-registry skopeo jq aws moto_server curl python3; do
  command -v "$tool" >/dev/null || { echo "test.sh: $tool is missing; install it (make tools does on Debian)" >&2; exit 1; }
done
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
servers=()

# As a release runs them, without Nix.
mkdir "$work/bin"
for name in push deploy; do
  printf '#!/bin/sh\nexec %s %s "$@"\n' "$here/run.sh" "$name" >"$work/bin/$name"
  chmod +x "$work/bin/$name"
done
export PATH=$work/bin:$PATH

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() { for _ in $(seq 100); do if curl --silent --output /dev/null "$1"; then return; fi; sleep 0.1; done; echo "$1 does not answer" >&2; exit 1; }

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
# An aws older than 2.13 knows no variable for the endpoint.
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
# shellcheck disable=SC2016 # it is the wrapper that expands them
printf '#!/bin/sh\nexec %s --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n' "$(type -P aws)" >"$work/bin/aws"
chmod +x "$work/bin/aws"
repository=127.0.0.1:$registry/avif

# A docker archive of one file, as small as they come.
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

fail() { echo "FAILED: $1" >&2; exit 1; }
passed=0
pass() { passed=$((passed + 1)); }
is() { [ "$2" = "$3" ] || fail "$1: $2 is not $3"; pass; }
says() { grep --quiet --fixed-strings -e "$2" <<<"$3" || fail "$1: nothing about '$2' in: $3"; pass; }
running() { aws lambda get-function --function-name avif --query Code.ImageUri --output text; }
versions() { aws lambda list-versions-by-function --function-name avif --query 'length(Versions)' --output text; }

export AVIF_IMAGE=$work/one.tar
one=$(push "$repository")
tags() { skopeo list-tags --tls-verify=false "docker://$repository" | jq --raw-output '.Tags[]'; }
tag=$(tags)
says "a tag begins with the image's version" "0.1.0-" "$tag"
is "a push prints the digest that the registry has" "$one" \
  "$repository@$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$repository:$tag")"
is "the same image has the same digest" "$(push "$repository")" "$one"
is "and no second tag" "$(tags)" "$tag"
code=0; push >/dev/null 2>&1 || code=$?
is "a push to nowhere is wrong usage" "$code" 2
says "help is to be had" "usage: push" "$(push --help)"

role=$(aws iam create-role --role-name avif --assume-role-policy-document '{}' --query Role.Arn --output text)
create() { # NAME IMAGE ARCHITECTURE
  aws lambda create-function --function-name "$1" --package-type Image --code "ImageUri=$2" --role "$role" \
    --architectures "$3" >/dev/null
}
create avif "$one" arm64

before=$(versions)
says "an unchanged image does nothing" "nothing to do" "$(deploy avif "$repository")"
is "and publishes nothing" "$(versions)" "$before"

export AVIF_IMAGE=$work/two.tar
says "a dry run says what it would do" "would push" "$(deploy avif "$repository" --alias live --dry-run)"
is "and does nothing" "$(running)" "$one"
output=$(deploy avif "$repository" --alias live)
two=$(push "$repository")
is "an image of the same version leaves the other's tag" "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$repository:$tag")" "${one#*@}"
is "a changed image updates the function by digest" "$(running)" "$two"
says "a new alias is made" "live was made" "$output"
first=$(aws lambda get-alias --function-name avif --name live --query FunctionVersion --output text)

export AVIF_IMAGE=$work/one.tar
output=$(deploy avif "$repository" --alias live)
second=$(aws lambda get-alias --function-name avif --name live --query FunctionVersion --output text)
[ "$second" != "$first" ] || fail "the alias was not moved"; pass
says "how to roll back is told" "--name live --function-version $first" "$output"
says "without an alias, by image" "--image-uri $one" "$(AVIF_IMAGE=$work/two.tar deploy avif "$repository")"

refused() { # WHAT WORDS COMMAND...
  local what=$1 words=$2 output code=0
  shift 2
  output=$("$@" 2>&1) || code=$?
  [ "$code" != 0 ] || fail "$what: it went through"
  says "$what" "$words" "$output"
}
refused "another architecture is refused" "runs on arm64 and the image is for x86_64" \
  env AVIF_IMAGE="$work/intel.tar" deploy avif "$repository"
is "and leaves the function as it was" "$(running)" "$two"
refused "an unknown function is named" "cannot look at missing" deploy missing "$repository"
refused "a registry that is not there changes nothing" "refused" deploy avif 127.0.0.1:1/avif
is "the function runs what it ran" "$(running)" "$two"
code=0; deploy avif >/dev/null 2>&1 || code=$?
is "a deployment to nowhere is wrong usage" "$code" 2

# A failure half-way: the update itself is refused.
mv "$work/bin/aws" "$work/bin/aws.real"
# shellcheck disable=SC2016 # it is the wrapper that expands them
printf '#!/bin/sh\ncase "$*" in *update-function-code*) echo throttled >&2; exit 254 ;; esac\nexec %s.real "$@"\n' "$work/bin/aws" >"$work/bin/aws"
chmod +x "$work/bin/aws"
refused "an update that fails is told" "it runs $two as before" env AVIF_IMAGE="$work/one.tar" deploy avif "$repository" --alias live
is "the alias is where it was" "$(aws lambda get-alias --function-name avif --name live --query FunctionVersion --output text)" "$second"

echo "$passed passed, 0 failed"
