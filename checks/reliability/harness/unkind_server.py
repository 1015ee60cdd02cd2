"""A server on this machine that does not do what a client hopes for: it drips, has no end, lies about lengths."""

import gzip
import http.server
import threading
import time

# What `/endless` would send, if anybody took it.
ENDLESS = 10 << 30
BOMB = gzip.compress(bytes(64 << 20))


class Unkind(http.server.BaseHTTPRequestHandler):
    """Each path is one way to be unkind."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def begin(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self):
        self.close_connection = True
        try:
            getattr(self, "answer_" + self.path.strip("/"), self.answer_small)()
        except OSError:
            # The client has had enough.
            pass

    def answer_small(self):
        self.begin(200, Content_Length="2", Connection="close")
        self.wfile.write(b"ok")

    def answer_endless(self):
        self.begin(200, Content_Length=str(ENDLESS), Connection="close")
        for _ in range(ENDLESS >> 20):
            self.wfile.write(bytes(1 << 20))

    def answer_drips(self):
        self.begin(200, Content_Length="1000000", Connection="close")
        for _ in range(1000):
            self.wfile.write(b"x")
            time.sleep(0.5)

    def answer_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.wfile.write(b"X-More: " + b"x" * 8000 + b"\r\n")

    def answer_circle(self):
        self.begin(302, Location="/circle", Content_Length="0", Connection="close")

    def answer_garbage(self):
        self.wfile.write(b"\x00\xff\x1b[2J NOT HTTP\r\n" * 100)

    def answer_lies(self):
        self.begin(200, Content_Length="100", Connection="close")
        self.wfile.write(b"short")

    def answer_bomb(self):
        self.begin(200, Content_Encoding="gzip", Content_Length=str(len(BOMB)), Connection="close")
        self.wfile.write(BOMB)


def start():
    """The server, and where it is."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unkind)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
