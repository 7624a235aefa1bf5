# `make demo` converts a photo. `make test` runs all checks that must pass before a merge. Both install the tools that they need.

PROFILE := quick
TOOLS := target/tools
NIX_FILES := flake.nix $(wildcard nix/*.nix)
SCRIPTS := $(wildcard *.sh .github/*.sh deploy/image/*.sh)
CARGO_FLAGS := --workspace --profile $(PROFILE) --locked
# More options for `make bench`. `python3 -m bench --help` lists them.
BENCH_FLAGS :=
# More options for `make smoke`. `python3 -m deploy.smoke --help` lists them.
SMOKE_FLAGS :=
# pip installs only packages with known hashes, and only wheels: the installation of a source package would run its code.
PIP_FLAGS := --quiet --require-hashes --only-binary :all:
# The time in seconds for each fuzz target.
FUZZ_SECONDS := 60
# AddressSanitizer also checks the C code. libFuzzer needs flags of the nightly compiler; RUSTC_BOOTSTRAP enables them in the stable one.
FUZZ_ENV := CC=clang CFLAGS='-fsanitize=address -fno-omit-frame-pointer -g1' RUSTC_BOOTSTRAP=1
FUZZ_FLAGS := -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=10 -print_final_stats=1

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/'

demo: programs ## convert a photo with the function, on your machine; installs missing tools
	target/$(PROFILE)/avif demo --output target/demo

programs: tools
	cargo build $(CARGO_FLAGS) --bins

# The Python tests often wait for a server to start, so Cargo compiles the Rust tests at the same time.
test: programs nextest ## check formatting, lints and docs, and run all tests; installs missing tools
	$(MAKE) --jobs=2 lint deployment infrastructure
	rm -rf target/tmp/manifests
	cargo nextest run --workspace --cargo-profile $(PROFILE) --locked
	$(TOOLS)/bin/python -B deploy/tests/stored_manifests.py target/tmp/manifests
	python3 -B -m unittest bench.test_cost bench.test_search bench.test_subsets

lint: programs nextest ## check formatting, lints and docs, and compile the dependencies of the tests
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc $(CARGO_FLAGS) --no-deps
	cargo test $(CARGO_FLAGS) --doc
	@tree="$$(cargo tree --locked --package cli --package backfill --edges normal --prefix none)" && \
		if echo "$$tree" | grep lambda_runtime; then echo 'cli and backfill must not depend on lambda_runtime' >&2; exit 1; fi
	./built-once.py $(CARGO_FLAGS)

# These checks do not need Nix. `nix flake check` checks the packages that Nix builds.
deployment: $(TOOLS)/bin/nixfmt $(TOOLS)/bin/moto_server ## check the format of all files, the Nix files, the scripts and the Dockerfile, and test push and deploy on loopback
	$(TOOLS)/bin/nixfmt --check $(NIX_FILES)
	$(TOOLS)/bin/deadnix --fail $(NIX_FILES)
	$(TOOLS)/bin/ruff format --quiet --check .
	RUST_LOG=error $(TOOLS)/bin/taplo fmt --check
	$(TOOLS)/bin/shfmt --diff $(SCRIPTS)
	shellcheck $(SCRIPTS)
	$(TOOLS)/bin/hadolint Dockerfile
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" deploy/image/test.sh

# These tests do not need AWS: Terraform evaluates the module without its provider, and moto simulates CloudFormation.
infrastructure: programs $(TOOLS)/bin/moto_server $(TOOLS)/checkov/bin/checkov ## test the Terraform module, the SAM template, the workflows and the commands in the documentation
	$(TOOLS)/bin/cfn-lint deploy/sam/*.yaml
	$(TOOLS)/bin/python -B -W ignore -m unittest discover --buffer --start-directory deploy/tests
	$(TOOLS)/bin/zizmor --offline --persona=auditor --quiet .github/workflows
	$(TOOLS)/checkov/bin/checkov --directory . --skip-path target --framework terraform cloudformation github_actions dockerfile \
		--compact --quiet --skip-download

test-browser: programs $(TOOLS)/browser/bin/playwright ## open the HTML of `avif picture` in Chromium, with images that the function converts; installs missing tools
	@./install-tools.sh browser
	$(TOOLS)/browser/bin/python -B -m unittest discover --buffer --start-directory browser

# An installed AWS CLI precedes the one in TOOLS, because only version 2 supports all kinds of credentials.
smoke: $(TOOLS)/bin/moto_server ## test the image AVIF_IMAGE in your AWS account, and remove the bucket and the stack that the test created; REPOSITORY, AVIF_IMAGE
	PATH="$$PATH:$(CURDIR)/$(TOOLS)/bin" deploy/image/run.sh $(TOOLS)/bin/python -B -m deploy.smoke $(SMOKE_FLAGS) "$(REPOSITORY)"

soak: tools nextest seeds ## run thousands of random event sequences with faults, and broken files; SOAK_HISTORIES, SOAK_SEED, SOAK_FILES, SOAK_IMAGES
	SOAK_CORPUS=$(CURDIR)/fuzz/corpus/convert SOAK_FILES=$${SOAK_FILES:-10000} \
	SOAK_HISTORIES=$${SOAK_HISTORIES:-2000} SOAK_IMAGES=$${SOAK_IMAGES:-1000} cargo nextest run --workspace --cargo-profile $(PROFILE) --locked \
		--no-capture --filterset 'binary(soak)'

seeds:
	cargo run --package convert --example seeds --profile $(PROFILE) --locked -- fuzz/corpus
	cargo run --package jpeg --example jpeg_seeds --profile $(PROFILE) --locked -- fuzz/corpus/jpeg

fuzz: fuzzer seeds ## give malformed files to every parser, FUZZ_SECONDS for each; fails if a parser fails
	mkdir -p fuzz/corpus/event fuzz/corpus/key
	$(FUZZ_ENV) cargo fuzz run convert -- $(FUZZ_FLAGS) -max_len=16384
	$(FUZZ_ENV) cargo fuzz run heic -- $(FUZZ_FLAGS) -max_len=16384
	$(FUZZ_ENV) cargo fuzz run metadata -- $(FUZZ_FLAGS) -max_len=8192
	$(FUZZ_ENV) cargo fuzz run jpeg -- $(FUZZ_FLAGS) -max_len=16384
	$(FUZZ_ENV) cargo fuzz run event fuzz/corpus/event crates/function/tests/events -- $(FUZZ_FLAGS) -max_len=8192
	$(FUZZ_ENV) cargo fuzz run key fuzz/corpus/key fuzz/seeds/key -- $(FUZZ_FLAGS) -max_len=2048

fuzzer:
	@./install-tools.sh fuzz
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz@0.13.2

bench: ## compare with sharp, Pillow and cavif, and write bench/report.md; BENCH_IMAGES, BENCH_SYSTEM
	@./install-tools.sh bench
	cargo build --release --locked --package cli
	python3 -B -m bench $(BENCH_FLAGS)

# `nix fmt` runs the same formatters; nix/treefmt.nix lists them. The tests check the format of the Terraform files.
format: $(TOOLS)/bin/nixfmt $(TOOLS)/bin/moto_server ## format the Rust, Nix, Python, TOML and shell files
	cargo fmt --all
	$(TOOLS)/bin/nixfmt $(NIX_FILES)
	$(TOOLS)/bin/ruff format .
	RUST_LOG=error $(TOOLS)/bin/taplo fmt
	$(TOOLS)/bin/shfmt --write $(SCRIPTS)

tools: ## install missing native tools: cmake, nasm, avifdec and others
	@./install-tools.sh

nextest:
	@cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest@0.9.143

# Compiled without optimization, because they read only some small files.
$(TOOLS)/bin/nixfmt:
	cargo install --quiet --locked --debug --root $(TOOLS) nixfmt_rs@0.5.3 deadnix@1.3.1

$(TOOLS)/bin/moto_server: deploy/tests/requirements.txt deploy/tests/cargo-lambda.txt | tools
	python3 -m venv $(TOOLS)
	$(TOOLS)/bin/pip install $(PIP_FLAGS) --requirement deploy/tests/requirements.txt
	$(TOOLS)/bin/pip install $(PIP_FLAGS) --no-deps --requirement deploy/tests/cargo-lambda.txt
	touch $@

$(TOOLS)/checkov/bin/checkov: deploy/tests/checkov.txt | tools
	python3 -m venv $(TOOLS)/checkov
	$(TOOLS)/checkov/bin/pip install $(PIP_FLAGS) --requirement $<
	touch $@

# Without a browser of its own: the test uses the installed Chromium.
$(TOOLS)/browser/bin/playwright: browser/requirements.txt | tools
	python3 -m venv $(TOOLS)/browser
	$(TOOLS)/browser/bin/pip install $(PIP_FLAGS) --requirement $<
	touch $@

.PHONY: help demo programs test test-browser lint smoke soak seeds bench deployment infrastructure fuzz fuzzer format tools nextest
.DEFAULT_GOAL := help
