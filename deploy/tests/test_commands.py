"""Each `aws` command of the documentation, by the model that the AWS CLI itself is made from: names, and what has to be given."""

import json
import re
import shlex
import unittest

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator
from terraform import MODULE, ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(MODULE.rglob("*.md"))]
# What the CLI has beside the services' own operations, with the options that it then knows.
OWN = {
    ("s3", "cp"): set(),
    ("s3", "ls"): set(),
    ("s3", "rm"): {"recursive"},
    ("cloudformation", "deploy"): {"template-file", "stack-name", "capabilities", "parameter-overrides"},
    ("ecr", "get-login-password"): set(),
}
EVERYWHERE = {"query", "output", "region"}
# Which stand for a member inside of another.
INSIDE = {("lambda", "publish-layer-version", "zip-file"): "content", ("lambda", "create-function", "zip-file"): "code"}


def commands(page: str):
    """Each command in a page's code, in words."""
    for code in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", page, re.MULTILINE):
        code = re.sub(r"(^| )# .*$", "", code.replace("\\\n", " "), flags=re.MULTILINE)
        while nested := re.search(r"\$\(([^()]*)\)", code):
            yield from words(nested[1])
            code = code.replace(nested[0], "VALUE")
        yield from words(code)


def words(code: str):
    """Each command in some code without comments and commands inside of others."""
    lexer = shlex.shlex(code, posix=True, punctuation_chars="|>;&\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    command = []
    for word in [*lexer, "\n"]:
        if not set(word) <= set("|>;&\n"):
            command.append(word)
            continue
        if command and command[0] == "aws":
            yield command[1:]
        command = []


def options(command: list) -> dict:
    """What is given, by name."""
    given, name = {}, None
    for word in command:
        if word.startswith("--"):
            name, _, value = word.removeprefix("--").partition("=")
            given[name] = value
        elif name:
            given[name] += word
    return given


class Commands(unittest.TestCase):
    session = botocore.session.get_session()

    def check(self, service: str, operation: str, *rest: str):
        given = options(list(rest))
        if (service, operation) in OWN:
            return self.assertLessEqual(set(given), OWN[service, operation] | EVERYWHERE)
        if operation == "wait":
            waiters = self.session.get_waiter_model(service).waiter_names
            return self.assertIn(rest[0], [xform_name(name, "-") for name in waiters])
        model = self.session.get_service_model("s3" if service == "s3api" else service)
        named = {xform_name(name, "-"): name for name in model.operation_names}
        self.assertIn(operation, named)
        shape = model.operation_model(named[operation]).input_shape
        members = {xform_name(name, "-"): name for name in shape.members}
        told = {INSIDE.get((service, operation, name), name): value for name, value in given.items() if name not in EVERYWHERE}
        self.assertLessEqual({name.removeprefix("no-") if name not in members else name for name in told}, set(members))
        self.assertLessEqual({xform_name(name, "-") for name in shape.required_members}, set(told))
        for name, value in told.items():
            member = shape.members[members[name]]
            if value.startswith(("{", "[")) and member.type_name != "string":
                errors = ParamValidator().validate(json.loads(value), member)
                self.assertFalse(errors.has_errors(), errors.generate_report())

    def test_are_such_as_the_cli_takes(self):
        checked = 0
        for page in PAGES:
            for command in commands(page.read_text()):
                with self.subTest(page=page.name, command=" ".join(command)):
                    self.check(*command)
                    checked += 1
        self.assertGreater(checked, 25)
