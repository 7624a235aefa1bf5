"""Checks the arguments of the programs in the documentation, with the program's own parser if possible."""

import json
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

import awscli.clidriver
from awscli.argparser import CLIArgParser
from runtime import PROGRAMS
from samtranslator.yaml_helper import yaml_parse
from terraform import MODULE, ROOT


EMPTY_ZIP = b"PK\5\6" + bytes(18)


class InvalidCommand(Exception):
    """The program does not accept the command. The text contains the reason."""


def aws(arguments: list[str]):
    """The AWS CLI parses the command, its JSON and its files, and checks them with the model of the service. It sends no request."""
    driver, requests = cli()
    requests.clear()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        for kind, file in re.findall(r"(fileb?)://(\S+)", " ".join(arguments)):
            Path(folder, file).write_bytes(b"{}" if kind == "file" else EMPTY_ZIP)
        Path(folder, "home/Pictures").mkdir(parents=True)
        Path(folder, "home/Pictures/photo.jpg").touch()
        for name in ["deploy", "docs"]:
            Path(folder, name).symlink_to(ROOT / name)
        # Without this, the CLI accepts abbreviated options.
        with patch.object(CLIArgParser, "_get_option_tuples", lambda *_: []):
            run_in(folder, output, lambda: driver.main(["--region", "eu-central-1", *arguments]))
        output.seek(0)
        if not requests:
            raise InvalidCommand(output.read())
    if arguments[:2] == ["cloudformation", "deploy"]:
        template(arguments)


@cache
def cli():
    """The AWS CLI, and the requests that it would have sent. One instance for all commands, because it loads large models."""
    driver, requests = awscli.clidriver.create_clidriver(), []

    def stop(model, **_):
        requests.append(model.name)
        raise InvalidCommand("not sent")

    driver.session.register("before-call", stop)
    return driver, requests


def run_in(folder: str, output, call):
    """Runs `call` in a folder, with its output in a file, and without the credentials of this machine."""
    here, streams, environment = Path.cwd(), (sys.stdout, sys.stderr), dict(os.environ)
    os.chdir(folder)
    sys.stdout = sys.stderr = output
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        call()
    except SystemExit:
        pass
    finally:
        os.chdir(here)
        sys.stdout, sys.stderr = streams
        os.environ.clear()
        os.environ |= environment


def template(arguments: list[str]):
    """Checks that the template has the parameters."""
    file = arguments[arguments.index("--template-file") + 1]
    parameters = yaml_parse((ROOT / file).read_text())["Parameters"]
    for word in arguments[arguments.index("--parameter-overrides") + 1 :]:
        if word.partition("=")[0] not in parameters:
            raise InvalidCommand(f"{file} has no parameter {word.partition('=')[0]}")


def help_of(*program):
    """A program with clap parses all arguments before `--help`, so unknown options and invalid values are errors."""

    def check(arguments: list[str]):
        words = arguments[: arguments.index("--")] if "--" in arguments else arguments
        result = subprocess.run([*map(str, program), *words, "--help"], cwd=ROOT, capture_output=True, text=True)
        if result.returncode != 0:
            raise InvalidCommand(result.stderr)

    return check


@cache
def workspace() -> dict:
    """The names of the workspace's packages and targets, by kind."""
    result = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    packages = json.loads(result.stdout)["packages"]
    names = {"package": {package["name"] for package in packages}, "bin": set(), "example": set()}
    for package in packages:
        for target in package["targets"]:
            for kind in target["kind"]:
                names.setdefault(kind, set()).add(target["name"])
    return names


def cargo(arguments: list[str]):
    """Checks the arguments with the parsers of Cargo and cargo-lambda, and checks the names of packages and programs."""
    if arguments[0] == "lambda":
        help_of(Path(sys.executable).with_name("cargo-lambda"))(arguments)
    else:
        help_of("cargo")(arguments)
    named = {"-p": "package", "--package": "package", "--bin": "bin", "--binary-name": "bin", "--example": "example"}
    if arguments[:2] == ["lambda", "deploy"]:
        named["--extension"] = "package"
    for option, value in zip(arguments, arguments[1:]):
        known = {name for kind in (["bin"] if option == "--extension" else [named.get(option)]) for name in workspace().get(kind, [])}
        if option in named and value not in known:
            raise InvalidCommand(f"the workspace has no {named[option]} {value}")


def make(arguments: list[str]):
    """Checks the command with `make --dry-run`, and checks that each variable is used."""
    result = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        raise InvalidCommand(result.stderr)
    makefile = (ROOT / "Makefile").read_text() + "".join(file.read_text() for file in (ROOT / "bench").glob("*.py"))
    for name in [word.partition("=")[0] for word in arguments if "=" in word]:
        if name not in makefile:
            raise InvalidCommand(f"nothing uses the variable {name}")


# The allowed options of each command. These tests do not need Nix.
NIX = {"build": {"--out-link", "--rebuild"}, "run": set(), "develop": set(), "shell": set(), "flake": set()}


def packages() -> set[str]:
    """The packages of the flake, by the text of nix/."""
    outputs = (ROOT / "nix/default.nix").read_text()
    text = outputs.partition("\n  released = {")[2].partition("\n  };")[0] + ";"
    text += outputs.partition("\n  packages = {")[2].partition("\n  checks =")[0]
    apps = (ROOT / "nix/apps.nix").read_text().rpartition("\nin\n")[2]
    text += "\n".join(line for line in apps.splitlines() if re.match(r" {2}\S", line))
    inherited = re.findall(r"inherit\s+(?:\([\w.]+\)\s+)?([\w\s-]+);", text)
    return set(re.findall(r"^ {2,6}([\w-]+) = (?!\"|\'\')", text, re.MULTILINE)) | {name for names in inherited for name in names.split()}


def nix(arguments: list[str]):
    """Checks the names of packages, and the options of the scripts in deploy/image."""
    known = packages()
    scripts = {file.stem: file.read_text() for file in (ROOT / "deploy/image").glob("*.sh")}
    command, *rest = arguments
    rest, own = (rest[: rest.index("--")], rest[rest.index("--") + 1 :]) if "--" in rest else (rest, [])
    for word in rest:
        if word.startswith(".#") and word[2:] not in known:
            raise InvalidCommand(f"the flake has no package {word[2:]}")
        if word.startswith("-") and word not in NIX.get(command, set()):
            raise InvalidCommand(f"nix {command} is not allowed with {word} here")
    if command not in NIX or (command == "flake" and rest != ["check"]):
        raise InvalidCommand(f"unknown command: {' '.join(arguments)}")
    for option in [word for word in own if word.startswith("-")]:
        if f"{option})" not in scripts[rest[0].removeprefix(".#")]:
            raise InvalidCommand(f"{rest[0]} has no option {option}")


def terraform(arguments: list[str]):
    """Checks that an example has the variables and outputs; test_plan.py applies each example."""
    text = "".join(file.read_text() for file in (MODULE / "examples").glob("*/main.tf"))
    command, *rest = arguments
    if command not in {"init", "apply", "destroy", "output"}:
        raise InvalidCommand(f"unknown command: {command}")
    kind = "output" if command == "output" else "variable"
    option = {"output": "-raw", "apply": "-var"}.get(command)
    for at, word in enumerate(rest):
        name = word.partition("=")[0]
        if at % 2 == 0 and word != option:
            raise InvalidCommand(f"terraform {command} is not allowed with {word} here")
        if at % 2 == 1 and f'{kind} "{name}"' not in text:
            raise InvalidCommand(f"no example has the {kind} {name}")


def python3(arguments: list[str]):
    """Checks that the program runs."""
    result = subprocess.run(["python3", *arguments], cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        raise InvalidCommand(result.stderr)


CHECKS = {
    "aws": aws,
    "avif": help_of(PROGRAMS / "avif"),
    "cargo": cargo,
    "make": make,
    "nix": nix,
    "terraform": terraform,
    "python3": python3,
}
