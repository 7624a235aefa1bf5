# Pushes the image in $AVIF_IMAGE, a docker archive, and updates a function to exactly that image.

usage() {
  cat <<'TEXT'
usage: deploy FUNCTION REPOSITORY [--alias NAME] [--dry-run]

Pushes the image to REPOSITORY and updates FUNCTION to it, by digest; waits until that is done, publishes a version,
and, with --alias, moves the alias NAME to it. Where the function runs that image already, nothing is done. It prints how
to roll back. An image of another architecture than the function's is refused before anything is pushed.

  --alias NAME   the alias to move, made where it does not exist yet
  --dry-run      look, and say what would be done
TEXT
}

alias='' dry_run='' names=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --dry-run) dry_run=1 ;;
    --alias)
      if [ $# -lt 2 ]; then usage >&2; exit 2; fi
      alias=$2; shift ;;
    -*) echo "deploy: unknown option $1" >&2; usage >&2; exit 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
if [ ${#names[@]} -ne 2 ]; then usage >&2; exit 2; fi
function=${names[0]} repository=${names[1]}

fail() { echo "deploy: $*" >&2; exit 1; }
say() { echo "deploy: $*"; }

state=$(aws lambda get-function --function-name "$function") || fail "cannot look at $function; nothing was changed"
# What it runs: the image's URI where that is by digest, as this program leaves it, or what Lambda resolved a tag to.
read -r architecture package running < <(
  jq --raw-output '[
    .Configuration.Architectures[0] // "x86_64",
    .Configuration.PackageType,
    (.Code | [.ImageUri, .ResolvedImageUri] | map(strings | select(contains("@sha256:"))) | first // "-")
  ] | join(" ")' <<<"$state"
)
[ "$package" = Image ] || fail "$function is deployed as $package, and Lambda never changes that; create it from an image"
image_architecture=$(skopeo inspect --format '{{.Architecture}}' "docker-archive:$AVIF_IMAGE")
# Lambda's word for what OCI calls amd64.
image_architecture=${image_architecture/amd64/x86_64}
[ "$architecture" = "$image_architecture" ] ||
  fail "$function runs on $architecture and the image is for $image_architecture; nothing was changed"

if [ -n "$dry_run" ]; then
  say "would push to $repository and update $function ($architecture), which runs $running${alias:+, then move $alias}"
  exit 0
fi

image=$(push "$repository")
say "pushed $image"
if [ "$image" = "$running" ]; then
  say "$function runs it already; nothing to do"
  exit 0
fi

aws lambda update-function-code --function-name "$function" --image-uri "$image" >/dev/null ||
  fail "$function was not updated; it runs $running as before"
aws lambda wait function-updated-v2 --function-name "$function" ||
  fail "$function did not finish its update; back: aws lambda update-function-code --function-name $function --image-uri $running"
version=$(aws lambda publish-version --function-name "$function" --query Version --output text) ||
  fail "$function runs $image, but no version was published"
say "$function runs $image, published as version $version"

if [ -z "$alias" ]; then
  if [ "$running" != - ]; then
    say "back: aws lambda update-function-code --function-name $function --image-uri $running"
  fi
  exit 0
fi
move() { aws lambda "$1" --function-name "$function" --name "$alias" --function-version "$version" >/dev/null; }
if before=$(aws lambda get-alias --function-name "$function" --name "$alias" --query FunctionVersion --output text 2>/dev/null); then
  move update-alias || fail "$alias was not moved; it names version $before as before"
  say "$alias names version $version"
  say "back: aws lambda update-alias --function-name $function --name $alias --function-version $before"
else
  move create-alias || fail "the alias $alias could not be made"
  say "$alias was made, and names version $version"
fi
