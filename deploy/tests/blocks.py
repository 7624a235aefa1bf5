"""The code blocks of the documentation, and the commands in each block, as Bash parses them."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from terraform import MODULE, ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(MODULE.rglob("*.md")),
]
# Fenced blocks of these languages contain no commands. Fenced blocks without a language and indented blocks contain commands.
DATA = {"json", "hcl", "html", "mermaid", "nix", "rust", "toml"}

# Bash runs a block with an empty PATH. For every program that it does not find it calls this function, which writes the
# command's words to a file. So Bash parses quotes, variables, comments, pipes and nested commands.
RECORD = r"""
PATH=/nowhere
command_not_found_handle() { printf '%s\0' "$#" "$@" >&3; echo VALUE; }
cd() { command_not_found_handle cd "$@" >/dev/null; }
"""
# The values of variables that no command of the block sets. The value of any other such variable is its name. The AWS CLI
# checks the length of a UUID.
VALUES = dict.fromkeys(["MAPPING", "REDRIVE"], "01234567-89ab-4cde-8f01-23456789abcd")
# Removes paths, which Bash does not look up in PATH, and `time`, which runs the command that follows it.
PATHS = re.compile(r"/usr/bin/time -v |target/(?:release|quick)/(?=avif)")


@dataclass(frozen=True)
class Block:
    """A code block: its page, first line, heading and text."""

    page: str
    line: int
    heading: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(page: Path, text: str | None = None) -> list[Block]:
    """The command blocks of a page, in their order."""
    name, found, heading, code, begin, language = str(page.relative_to(ROOT)), [], "", None, 0, None

    def end():
        nonlocal code, language
        if code is not None and language not in DATA:
            found.append(Block(name, begin, heading, "\n".join(code).strip("\n") + "\n"))
        code = language = None

    before = ""
    for number, line in enumerate((page.read_text() if text is None else text).splitlines(), 1):
        if line.startswith("```"):
            opens = language is None
            end()
            if opens:
                code, begin, language = [], number + 1, line.removeprefix("```").strip()
        elif language is not None:
            code.append(line)
        elif line.startswith("    ") and (code is not None or before == ""):
            code, begin = ([], number) if code is None else (code, begin)
            code.append(line.removeprefix("    "))
        elif line == "" and code is not None:
            code.append("")
        else:
            end()
            if line.startswith("#"):
                heading = line.lstrip("#").strip()
        before = line
    end()
    return found


def commands(block: Block) -> list[list[str]]:
    """Returns each command of a block as a list of words. The output of every program is VALUE. VALUES sets variables."""
    code = PATHS.sub("", block.text)
    unknown = set(re.findall(r"\$\{?([A-Z][A-Z_]*)", code)) - set(re.findall(r"(?m)^\s*(?:export )?([A-Z][A-Z_]*)=", code))
    names = "".join(f"{name}={VALUES.get(name, name)}\n" for name in sorted(unknown))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as record:
        script = f"exec 3>/dev/fd/{record.fileno()}\n{RECORD}{names}{code}"
        bash = subprocess.run(
            ["bash", "--norc", "-c", script], cwd=folder, env={"HOME": "home"}, pass_fds=[record.fileno()], capture_output=True, text=True
        )
        record.seek(0)
        words = record.read().decode().split("\0")[:-1]
    # Bash writes syntax errors to stderr.
    assert bash.stderr == "", f"{block}: {bash.stderr}"
    found = []
    while words:
        count = int(words[0])
        found.append(words[1 : count + 1])
        words = words[count + 1 :]
    return found
