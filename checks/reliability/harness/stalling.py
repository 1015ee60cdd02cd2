"""A registry that sends half of every layer, and the rest when it is told to.

It runs in a process of its own, so that whoever uses it can fork.
"""

import http.server
import json
import multiprocessing
import pathlib
import time

from .world import Broken

TITLE = "org.opencontainers.image.ref.name"


class StallingRegistry:
    """Serves the layout directory `layout` on a loopback port, under any repository name."""

    def __init__(self, layout):
        self._stalled, self._go = multiprocessing.Value("i", 0), multiprocessing.Event()
        here, there = multiprocessing.Pipe(duplex=False)
        work = layout, there, self._stalled, self._go
        self._process = multiprocessing.Process(target=_serve, args=work, daemon=True)
        self._process.start()
        self.address = f"127.0.0.1:{here.recv()}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.join()

    def hold(self):
        """From here on layers stall; none has yet."""
        self._go.clear()
        self._stalled.value = 0

    def wait_for(self, downloads, seconds=60):
        """Returns when so many layers are half sent."""
        deadline = time.monotonic() + seconds
        while self._stalled.value < downloads:
            if time.monotonic() > deadline:
                raise Broken(f"{self._stalled.value} of {downloads} downloads came to the middle of their layer")
            time.sleep(0.001)

    def go_on(self):
        self._go.set()


def _serve(layout, port, stalled, go):
    blobs = {f"sha256:{path.name}": path.read_bytes() for path in pathlib.Path(layout, "blobs/sha256").iterdir()}
    listed = json.loads(pathlib.Path(layout, "index.json").read_bytes())["manifests"]
    manifests = {name: entry for entry in listed for name in (entry["digest"], entry.get("annotations", {}).get(TITLE))}
    layers = {layer["digest"] for entry in listed for layer in json.loads(blobs[entry["digest"]])["layers"]}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            kind, name = self.path.split("/")[-2:]
            if kind == "manifests" and name in manifests:
                entry = manifests[name]
                self.answer(blobs[entry["digest"]], entry["mediaType"], entry["digest"])
            elif kind == "blobs" and name in blobs:
                self.answer(blobs[name], "application/octet-stream", name)
            else:
                self.send_error(404)

        do_HEAD = do_GET

        def answer(self, content, media_type, digest):
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", digest)
            self.end_headers()
            if self.command == "HEAD":
                return
            half = len(content) // 2 if digest in layers else len(content)
            self.wfile.write(content[:half])
            self.wfile.flush()
            if half < len(content):
                with stalled.get_lock():
                    stalled.value += 1
                go.wait()
                self.wfile.write(content[half:])

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_):
            """A client that was killed takes no more."""

    server = Server(("127.0.0.1", 0), Handler)
    port.send(server.server_address[1])
    server.serve_forever()
