"""The function itself with one event, under Lambda's Runtime API: `bootstrap` as `make` builds it."""

import json
import queue
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from terraform import ROOT

# Where `cargo build --profile quick` leaves the programs.
PROGRAMS = ROOT / "target/quick"


def invoke(event: dict, environment: dict):
    """The function's response to an event."""
    events, responses = queue.SimpleQueue(), queue.SimpleQueue()
    events.put(json.dumps(event).encode())

    class RuntimeApi(BaseHTTPRequestHandler):
        def do_GET(self):
            # A second request waits until the process is ended.
            self.answer(200, events.get())

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(202, b"")
            responses.put((self.path.rpartition("/")[2], json.loads(body)))

        def answer(self, status: int, body: bytes):
            self.send_response(status)
            # The last millisecond of the year 9999.
            headers = {"Aws-Request-Id": "1", "Deadline-Ms": 253402300799999, "Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:avif"}
            for name, value in headers.items():
                self.send_header(f"Lambda-Runtime-{name}", value)
            self.send_header("Content-Length", len(body))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi) as server:
        # It ends with the test, whatever its threads wait for.
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        function = subprocess.Popen(
            [PROGRAMS / "bootstrap"],
            env=environment | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            kind, body = responses.get(timeout=600)
        finally:
            function.kill()
            function.wait()
            server.shutdown()
    assert kind == "response", body
    return body
