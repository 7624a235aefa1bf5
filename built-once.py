#!/usr/bin/env python3
"""Fails if `cargo test` compiles a package that `cargo build --bins` has already compiled.

Cargo compiles a package twice if a dependency of the tests enables a feature that the programs do not enable. Cargo then also
compiles every package that depends on it twice. This script passes its arguments to both commands.
"""

import json
import subprocess
import sys
from collections import defaultdict


def artifacts(*command):
    """Returns the artifacts of a cargo command from its JSON messages: (package, target) -> {file or folder: features}."""
    built = defaultdict(dict)
    run = ["cargo", *command, "--message-format", "json-render-diagnostics"]
    for line in subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "build-script-executed":
            built[message["package_id"], "run build script"][message["out_dir"]] = set()
        # A library that is compiled with its own unit tests is a different artifact.
        elif message["reason"] == "compiler-artifact" and not message["profile"]["test"]:
            for file in message["filenames"]:
                built[message["package_id"], message["target"]["name"]][file] = set(message["features"])
    return built


def main():
    programs = artifacts("build", "--bins", *sys.argv[1:])
    tests = artifacts("test", "--no-run", *sys.argv[1:])
    twice = [unit for unit, files in programs.items() if unit in tests and files.keys() - tests[unit].keys()]
    for package, name in twice:
        programs_features, tests_features = (set().union(*units[package, name].values()) for units in (programs, tests))
        differing = programs_features ^ tests_features
        reason = f"features {', '.join(sorted(differing))}" if differing else "it depends on another package in this list"
        print(f"{package.rpartition('/')[2]} ({name}) is compiled twice: {reason}", file=sys.stderr)
    if twice:
        sys.exit("Enable the same features for the programs. A comment in [workspace.dependencies] of Cargo.toml describes how.")
    print(f"The tests reuse all {len(programs)} compiled units of the programs.")


main()
