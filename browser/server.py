"""A web server on loopback that delays images."""

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

TYPES = {".avif": "image/avif", ".webp": "image/webp", ".jpg": "image/jpeg", ".png": "image/png"}
PAGE = """<!DOCTYPE html>
<html lang="en">
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<style>
  body {{ margin: 0; background: white; }}
  img {{ display: block; max-width: 100%; height: auto; }}
</style>
{picture}
<p>The text below the image.</p>
"""


class Server:
    """Serves the files of a folder as /cdn/…, and `picture` in a page as /page.html and /cdn/page.html.

    Images wait until `gate` is set. `requested` are the keys of the requested images. `close` stops the server.
    """

    def __init__(self, folder: Path):
        self.picture, self.requested, self.gate = "", [], threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):
                path = handler.path
                if path.endswith("/page.html"):
                    return handler.respond("text/html; charset=utf-8", PAGE.format(picture=self.picture).encode())
                key = unquote(path.removeprefix("/cdn/"))
                self.requested.append(key)
                file = folder / key
                if not path.startswith("/cdn/") or "?" in path or not file.is_file():
                    return handler.send_error(404)
                self.gate.wait(30)
                handler.respond(TYPES[file.suffix], file.read_bytes())

            def respond(handler, media_type: str, content: bytes):
                handler.send_response(200)
                handler.send_header("Content-Type", media_type)
                handler.send_header("Content-Length", str(len(content)))
                handler.send_header("Cache-Control", "no-store")
                # The browser closes the connection if it does not need the image any more.
                with suppress(ConnectionError):
                    handler.end_headers()
                    handler.wfile.write(content)

            def log_message(handler, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
