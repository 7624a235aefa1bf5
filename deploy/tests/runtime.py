"""Runs the real function, `bootstrap` as `make` builds it, with one event and a simulated Runtime API of Lambda."""

import json
import queue
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from terraform import ROOT

# `cargo build --profile quick` writes the programs to this folder.
PROGRAMS = ROOT / "target/quick"


def invoke(event: dict, environment: dict):
    """The function's response to an event."""
    kind, body = call(event, environment)
    assert kind == "response", body
    return body


def call(event: dict, environment: dict, request: str = "1", log=subprocess.DEVNULL) -> tuple:
    """The kind of the function's answer, `response` or `error`, and its body. The function writes its log to the file `log`."""
    events, responses = queue.SimpleQueue(), queue.SimpleQueue()
    events.put(json.dumps(event).encode())

    class RuntimeApi(BaseHTTPRequestHandler):
        def do_GET(self):
            # The second request waits until the process ends.
            self.respond(200, events.get())

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.respond(202, b"")
            responses.put((self.path.rpartition("/")[2], json.loads(body)))

        def respond(self, status: int, body: bytes):
            self.send_response(status)
            # The last millisecond of the year 9999.
            headers = {
                "Aws-Request-Id": request,
                "Deadline-Ms": 253402300799999,
                "Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:avif",
            }
            for name, value in headers.items():
                self.send_header(f"Lambda-Runtime-{name}", value)
            self.send_header("Content-Length", len(body))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi) as server:
        # Threads that wait do not prevent the end of the test.
        server.daemon_threads = True
        # The server checks every 20 ms whether it must stop.
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        function = subprocess.Popen(
            [PROGRAMS / "bootstrap"],
            env=environment | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"},
            stdout=log,
            stderr=subprocess.DEVNULL,
        )
        try:
            return responses.get(timeout=600)
        finally:
            function.kill()
            function.wait()
            server.shutdown()
