# `make demo` shows the tool at work, `make test` passes what must hold before a merge. Each installs what it needs.

PROFILE := quick
TOOLS := target/tools
CARGO_FLAGS := --workspace --profile $(PROFILE) --locked
# What `make bench` is told besides; `python3 -m bench --help` lists it.
BENCH_FLAGS :=
# Only files whose hashes are written down, and none whose installation runs code.
PIP_FLAGS := --quiet --require-hashes --only-binary :all:
# How long each fuzz target runs.
FUZZ_SECONDS := 60
# The C is watched as well as the Rust. libFuzzer asks for flags of the nightly compiler, which the stable one has, too.
FUZZ_ENV := CC=clang CFLAGS='-fsanitize=address -fno-omit-frame-pointer -g1' RUSTC_BOOTSTRAP=1
FUZZ_FLAGS := -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=10 -print_final_stats=1

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/'

demo: programs ## convert a photograph by the real function, on this machine
	target/$(PROFILE)/avif demo --output target/demo

programs: tools
	cargo build $(CARGO_FLAGS) --bins

# Cargo compiles the tests while the Python tests run, because these often wait for a server to start.
test: programs nextest ## formatting, lints, docs and every test
	$(MAKE) --jobs=2 lint deployment infrastructure
	cargo nextest run --workspace --cargo-profile $(PROFILE) --locked
	python3 -B -m unittest bench.test_cost bench.test_search

lint: programs nextest ## formatting, lints and docs, and compile what the tests need
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc $(CARGO_FLAGS) --no-deps
	cargo test $(CARGO_FLAGS) --doc
	./built-once $(CARGO_FLAGS)

# Nix itself is not needed for these: what it builds is checked by `nix flake check`.
deployment: $(TOOLS)/bin/nixfmt $(TOOLS)/bin/moto_server ## the Nix files, the Dockerfile, push and deploy on loopback
	$(TOOLS)/bin/nixfmt --check flake.nix nix/*.nix nix/apps/*.nix
	$(TOOLS)/bin/deadnix --fail flake.nix nix
	$(TOOLS)/bin/hadolint Dockerfile
	shellcheck install-tools nix/apps/run.sh nix/apps/test.sh
	shellcheck --shell=bash nix/apps/push.sh nix/apps/deploy.sh
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" nix/apps/test.sh

# AWS itself is not needed: Terraform evaluates the module without its provider, CloudFormation is played by moto.
infrastructure: programs $(TOOLS)/bin/moto_server $(TOOLS)/checkov/bin/checkov ## the Terraform module, the SAM template, the workflows and the commands of the documentation
	$(TOOLS)/bin/cfn-lint deploy/sam/*.yaml
	$(TOOLS)/bin/python -B -W ignore -m unittest discover --buffer --start-directory deploy/tests
	$(TOOLS)/bin/zizmor --offline --persona=auditor --quiet .github/workflows
	$(TOOLS)/checkov/bin/checkov --directory . --skip-path target --framework terraform cloudformation github_actions dockerfile \
		--compact --quiet --skip-download

soak: tools nextest seeds ## thousands of histories with faults and kills, and of broken files; SOAK_HISTORIES, SOAK_SEED, SOAK_FILES
	SOAK_CORPUS=$(CURDIR)/fuzz/corpus/convert SOAK_FILES=$${SOAK_FILES:-10000} \
	SOAK_HISTORIES=$${SOAK_HISTORIES:-2000} SOAK_PICTURES=$${SOAK_PICTURES:-1000} cargo nextest run --workspace --cargo-profile $(PROFILE) --locked \
		--no-capture --filterset 'binary(soak)'

seeds:
	cargo run --package convert --example seeds --profile $(PROFILE) --locked -- fuzz/corpus

fuzz: fuzzer seeds ## hostile bytes for every reader, FUZZ_SECONDS each; fails on what is found
	mkdir -p fuzz/corpus/event fuzz/corpus/key
	$(FUZZ_ENV) cargo fuzz run convert -- $(FUZZ_FLAGS) -max_len=16384
	$(FUZZ_ENV) cargo fuzz run metadata -- $(FUZZ_FLAGS) -max_len=8192
	$(FUZZ_ENV) cargo fuzz run event fuzz/corpus/event crates/function/tests/events -- $(FUZZ_FLAGS) -max_len=8192
	$(FUZZ_ENV) cargo fuzz run key fuzz/corpus/key fuzz/seeds/key -- $(FUZZ_FLAGS) -max_len=2048

fuzzer:
	@./install-tools fuzz
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz@0.13.2

bench: ## we, sharp, Pillow and cavif on the same pictures: bench/report.md; BENCH_PICTURES, BENCH_SYSTEM
	@./install-tools bench
	cargo build --release --locked --package cli
	python3 -B -m bench $(BENCH_FLAGS)

format: ## put every file in its form
	cargo fmt --all

tools: ## cmake, nasm and avifdec, which the build and the tests call
	@./install-tools

nextest:
	@cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest@0.9.143

# Not optimised: they read a dozen small files.
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

.PHONY: help demo programs test lint soak seeds bench deployment infrastructure fuzz fuzzer format tools nextest
.DEFAULT_GOAL := help
