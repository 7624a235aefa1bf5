"""The tables of a module's variables and outputs in its README.md. Run, it writes them anew."""

import re
from pathlib import Path

from terraform import MODULE
from test_rules import blocks

# What is between these two lines is the tables'.
BEGIN, END = "<!-- made by deploy/tests/tables.py -->\n", "<!-- until here -->\n"
READMES = [MODULE / "README.md", MODULE / "modules/repository/README.md"]


def plain(quoted: str) -> str:
    return quoted.strip('"').replace('\\"', '"').replace("|", "\\|")


def rows(folder: Path, kind: str):
    """Each block of that kind in a folder: its name and what is in it."""
    for file in sorted(folder.glob("*.tf")):
        for [name], block in blocks(file, kind):
            yield name, block


def default(variable: dict) -> str:
    if "default" not in variable:
        return "required"
    value = variable["default"]
    if isinstance(value, list):
        value = f"[{', '.join(value)}]"
    if isinstance(value, bool | None):
        value = {None: "null", True: "true", False: "false"}[value]
    return f"`{value}`"


def tables(folder: Path) -> str:
    """Both tables of the module in a folder."""
    lines = ["| variable | type | default | |", "|---|---|---|---|"]
    # What has to be given comes first.
    for name, variable in sorted(rows(folder, "variable"), key=lambda row: "default" in row[1]):
        of = re.match(r"\$\{(\w+)\(\{|(.*)", variable["type"].strip('"'))
        kind = of[1] or re.sub(r"^\$\{|\}$", "", of[2])
        lines.append(f"| `{name}` | {kind} | {default(variable)} | {plain(variable['description'])} |")
    lines += ["", "| output | |", "|---|---|"]
    for name, output in rows(folder, "output"):
        lines.append(f"| `{name}` | {plain(output['description'])} |")
    return "\n".join(lines) + "\n"


def written(readme: Path) -> str:
    """A README.md with its tables as they should be."""
    before, _, rest = readme.read_text().partition(BEGIN)
    return before + BEGIN + "\n" + tables(readme.parent) + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    for readme in READMES:
        readme.write_text(written(readme))
