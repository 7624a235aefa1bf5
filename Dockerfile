# Builds the image of `nix build .#lambda-image` with Docker, without Nix on the host. It uses the same flake.
#
#   docker buildx build --platform linux/arm64 --provenance=false --tag avif-lambda .
#
# To use a binary cache, add: --build-arg SUBSTITUTER=https://NAME.cachix.org --build-arg TRUSTED_KEY=NAME.cachix.org-1:...

FROM nixos/nix:2.35.2@sha256:7a007c766426c1877758ddc5cb87a965ac131fc78c582ce0083d922d51ae945c AS build
ARG SUBSTITUTER=
ARG TRUSTED_KEY=
ARG TARGETARCH
COPY . /project
# Nix cannot create its sandbox in a container, and cannot filter system calls under emulation.
RUN printf '%s\n' \
      'experimental-features = nix-command flakes' 'sandbox = false' 'filter-syscalls = false' \
      "extra-substituters = $SUBSTITUTER" "extra-trusted-public-keys = $TRUSTED_KEY" >>/etc/nix/nix.conf && \
    case $TARGETARCH in amd64) image=lambda-image-x86_64 ;; *) image=lambda-image ;; esac && \
    nix build --out-link /archive "path:/project#$image" && \
    # Extract all layers of the archive into one folder. No two layers contain the same file.
    mkdir /archive.d /root.d && tar --extract --file=/archive --directory=/archive.d && \
    for layer in /archive.d/*/layer.tar; do tar --extract --file="$layer" --directory=/root.d || exit 1; done

# checkov:skip=CKV_DOCKER_2: Lambda does not use HEALTHCHECK
# checkov:skip=CKV_DOCKER_3: Lambda runs every image as its own unprivileged user, and does not support USER
FROM scratch
COPY --from=build /root.d /
ENTRYPOINT ["/bootstrap"]
