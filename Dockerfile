# The image that `nix build .#lambda-image` makes, for people with Docker and no Nix: the same flake, the same closure.
#
#   docker buildx build --platform linux/arm64 --provenance=false --tag avif-lambda .
#
# With a binary cache: --build-arg SUBSTITUTER=https://NAME.cachix.org --build-arg TRUSTED_KEY=NAME.cachix.org-1:...

FROM nixos/nix:2.35.2@sha256:7a007c766426c1877758ddc5cb87a965ac131fc78c582ce0083d922d51ae945c AS build
ARG SUBSTITUTER=
ARG TRUSTED_KEY=
ARG TARGETARCH
COPY . /project
# A container has no room for Nix's own sandbox, and under emulation no system calls to filter.
RUN printf '%s\n' \
      'experimental-features = nix-command flakes' 'sandbox = false' 'filter-syscalls = false' \
      "extra-substituters = $SUBSTITUTER" "extra-trusted-public-keys = $TRUSTED_KEY" >>/etc/nix/nix.conf && \
    case $TARGETARCH in amd64) image=lambda-image-x86_64 ;; *) image=lambda-image ;; esac && \
    nix build --out-link /archive "path:/project#$image" && \
    # The archive's layers, one over the other; no two have a file in common.
    mkdir /archive.d /root.d && tar --extract --file=/archive --directory=/archive.d && \
    for layer in /archive.d/*/layer.tar; do tar --extract --file="$layer" --directory=/root.d || exit 1; done

# checkov:skip=CKV_DOCKER_2: Lambda checks no health, it sends events
# checkov:skip=CKV_DOCKER_3: Lambda runs every image as a user of its own without privileges, and supports no USER
FROM scratch
COPY --from=build /root.d /
ENTRYPOINT ["/bootstrap"]
