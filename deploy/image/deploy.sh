# shellcheck shell=bash
# Pushes the image in $AVIF_IMAGE, a Docker archive, and updates a function to the digest of this image.

usage() {
  cat <<'TEXT'
usage: deploy FUNCTION REPOSITORY [--alias NAME] [--dry-run]

Pushes the image to REPOSITORY, updates FUNCTION to the digest of the image, and publishes a version. With --alias, it also
moves the alias NAME to this version. At the end it prints the command that rolls back. If FUNCTION already runs the image,
it changes nothing. It rejects an image for another CPU architecture before it pushes anything.

  --alias NAME   move this alias; create it if it does not exist
  --dry-run      print what would be done; change nothing
TEXT
}

alias='' dry_run='' names=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --dry-run) dry_run=1 ;;
    --alias)
      if [ $# -lt 2 ]; then
        usage >&2
        exit 2
      fi
      alias=$2
      shift
      ;;
    -*)
      echo "deploy: unknown option $1" >&2
      usage >&2
      exit 2
      ;;
    *) names+=("$1") ;;
  esac
  shift
done
if [ ${#names[@]} -ne 2 ]; then
  usage >&2
  exit 2
fi
function=${names[0]} repository=${names[1]}

fail() {
  echo "deploy: $*" >&2
  exit 1
}
say() { echo "deploy: $*"; }

state=$(aws lambda get-function --function-name "$function") || fail "cannot read the function $function; nothing was changed"
# Reads the image of the function: ImageUri if it has a digest, which this script sets, or the digest of its tag.
read -r architecture package running < <(
  jq --raw-output '[
    .Configuration.Architectures[0] // "x86_64",
    .Configuration.PackageType,
    (.Code | [.ImageUri, .ResolvedImageUri] | map(strings | select(contains("@sha256:"))) | first // "-")
  ] | join(" ")' <<<"$state"
)
[ "$package" = Image ] || fail "$function is a $package function, and Lambda cannot change it to an image; create a new function from the image"
image_architecture=$(skopeo inspect --format '{{.Architecture}}' "docker-archive:$AVIF_IMAGE")
# Lambda calls it x86_64, OCI calls it amd64.
image_architecture=${image_architecture/amd64/x86_64}
[ "$architecture" = "$image_architecture" ] ||
  fail "$function has the architecture $architecture, but the image is for $image_architecture; nothing was changed"

if [ -n "$dry_run" ]; then
  say "would push to $repository and update $function ($architecture), which now runs $running${alias:+; would then move $alias}"
  exit 0
fi

image=$(push "$repository")
say "pushed $image"
if [ "$image" = "$running" ]; then
  say "$function already runs this image; nothing to do"
  exit 0
fi

aws lambda update-function-code --function-name "$function" --image-uri "$image" >/dev/null ||
  fail "cannot update $function; it still runs $running"
aws lambda wait function-updated-v2 --function-name "$function" ||
  fail "the update of $function did not finish; to roll back: aws lambda update-function-code --function-name $function --image-uri $running"
version=$(aws lambda publish-version --function-name "$function" --query Version --output text) ||
  fail "$function runs $image, but its version cannot be published"
say "$function runs $image, published as version $version"

if [ -z "$alias" ]; then
  if [ "$running" != - ]; then
    say "to roll back: aws lambda update-function-code --function-name $function --image-uri $running"
  fi
  exit 0
fi
move() { aws lambda "$1" --function-name "$function" --name "$alias" --function-version "$version" >/dev/null; }
if before=$(aws lambda get-alias --function-name "$function" --name "$alias" --query FunctionVersion --output text 2>/dev/null); then
  move update-alias || fail "cannot move the alias $alias; it still points to version $before"
  say "$alias points to version $version"
  say "to roll back: aws lambda update-alias --function-name $function --name $alias --function-version $before"
else
  move create-alias || fail "cannot create the alias $alias"
  say "created $alias, which points to version $version"
fi
