"""A registry on loopback that has the quirks of real ones, switch by switch.

Two listeners share one content: `home` is the registry, `elsewhere` the store, the token service or the
second registry that it sends its clients to. What no switch touches is as the distribution specification
has it. Everything runs on threads of the caller, so that a thousand of them can be started one after another.

`testdata/registries.toml` holds the switches with their values; `SWITCHES` below says what each does.
"""

import base64
import gzip
import hashlib
import http.server
import json
import pathlib
import socket
import ssl
import threading
import time
import urllib.parse
import uuid

USER, PASSWORD, TOKEN = "robot", "correct-horse-battery", "granted-token-value"
OCTETS = "application/octet-stream"

# A fault is a table: `status`, and if need be `code` (of the error body), `type` (of the content),
# `retry_after`, `headers`, or `reset` for a connection that ends without an answer; `times` for how often,
# always without it. Each of these switches is the place where it happens.
FAULTS = {
    "every": "any request but those for a token or to the store",
    "head-blob": "HEAD of a blob",
    "get-blob": "GET of a blob",
    "post-upload": "POST that begins an upload",
    "put-upload": "PUT that ends an upload",
    "head-manifest": "HEAD of a manifest",
    "get-manifest": "GET of a manifest by its digest",
    "get-tag": "GET of a manifest by its tag",
    "put-manifest": "PUT of a manifest under its digest",
    "put-tag": "PUT of a manifest under a tag",
    "read-back": "GET of a manifest by its digest, after it was put",
    "head-store": "HEAD at the store that blobs are redirected to",
    "get-store": "GET at the store that blobs are redirected to",
    "token": "the token service",
}
SWITCHES = FAULTS | {
    "upload-type": "`Content-Type` of the answers to an upload",
    "put-type": "`Content-Type` of the answers to PUT of a manifest, which say OK",
    "upload-status": "status of the answer to PUT of a blob",
    "put-status": "status of the answer to PUT of a manifest",
    "location": "where an upload goes on: absolute, query, bare, missing, elsewhere, http (whatever is spoken)",
    "upload-redirect": "307 for POST of an upload: home, elsewhere",
    "blob-put-redirect": "307 for PUT of a blob: home, elsewhere",
    "manifest-redirect": "307 for GET and HEAD of a manifest: home, elsewhere",
    "manifest-forward": "307 for GET and HEAD of a manifest, whether it is there or not: home, elsewhere",
    "put-redirect": "307 for PUT of a manifest: home, elsewhere",
    "blob-redirect": "status with which blobs are sent to the store",
    "store": "where the store is: home, elsewhere (default)",
    "hops": "how many redirects come before the store answers",
    "blob-encoding": "`Content-Encoding` of blobs",
    "blob-type": "`Content-Type` of blobs",
    "blob-length": "how the length of a blob is said: chunked, close",
    "blob-bytes": "what is sent for a blob: other, more, less, compressed",
    "cut": "how many answers with a blob break off in the middle",
    "pause": "seconds of silence in the middle of a blob",
    "range": "the answer to `Range`: refused, ignored, bare, equals, star, wrong (and says so), lies",
    "manifest-type": "`Content-Type` of manifests; empty for none",
    "manifest-encoding": "`Content-Encoding` of manifests",
    "manifest-length": "how the length of a manifest is said: chunked, close",
    "manifest-digest": "`Docker-Content-Digest`: missing, wrong, sha512",
    "etag": "whether manifests have an `ETag`",
    "auth": "the login that is asked for: basic, bearer",
    "anonymous": "whether the token service gives a token for reading to everybody",
    "challenge": "the value of `WWW-Authenticate`, with {realm} for the token service; a list for several lines",
    "realm": "where the token service is: home (default), elsewhere",
    "token-answer": "the body of the token service's answer, with {token} for a token that is good",
    "token-uses": "how many requests a token is good for",
    "tls": "the certificate of testdata/tls that is shown",
    "connection": "what becomes of a connection: close (after each answer), 1.0 (answers of HTTP/1.0)",
    "header-case": "how names of headers are written: lower, upper",
}


def certificate(name):
    """The file of that certificate and its key, none of which anybody trusts."""
    return pathlib.Path(__file__).resolve().parents[2] / "testdata" / "tls" / f"{name}.pem"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Content:
    """What a registry holds: blobs, manifests with their types, tags."""

    def __init__(self, blobs=None, manifests=None, tags=None):
        self.blobs = dict(blobs or {})
        self.manifests = dict(manifests or {})
        self.tags = dict(tags or {})

    @classmethod
    def of_layout(cls, layout):
        """The one artifact of an OCI image layout."""
        layout = pathlib.Path(layout)
        [entry] = json.loads((layout / "index.json").read_bytes())["manifests"]
        files = (layout / "blobs" / "sha256").iterdir()
        blobs = {"sha256:" + file.name: file.read_bytes() for file in files}
        digest = entry["digest"]
        tag = entry["annotations"]["org.opencontainers.image.ref.name"]
        return cls(blobs, {digest: (blobs.pop(digest), entry["mediaType"])}, {tag: digest})

    def copy(self):
        return Content(self.blobs, self.manifests, self.tags)

    def without_the_artifact(self):
        """With the largest blob alone: a push finds one blob there and has to send another."""
        largest = max(self.blobs, key=lambda digest: len(self.blobs[digest]))
        return Content({largest: self.blobs[largest]})


class Registry:
    """One registry with its switches. `requests` holds (listener, method, path, status) of what was answered,
    `leaks` each `Authorization` that came to where it does not belong."""

    def __init__(self, switches, content):
        unknown = switches.keys() - SWITCHES.keys()
        if unknown:
            raise ValueError(f"no such switch: {', '.join(sorted(unknown))}")
        self.switches, self.content = switches, content.copy()
        self.uploads, self.counts, self.put, self.tokens = {}, {}, set(), {}
        self.requests, self.leaks = [], []
        self.lock = threading.Lock()
        self.home, self.elsewhere = (self.listen(name) for name in ("home", "elsewhere"))

    def listen(self, name):
        registry = self

        class Bound(Request):
            side = name

            def __init__(self, *arguments):
                self.registry = registry
                super().__init__(*arguments)

        server = Listener(("127.0.0.1", 0), Bound)
        if self.get("tls"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate(self.get("tls")))
            # Not where connections are accepted: a client that does not agree must hold up nobody.
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in (self.home, self.elsewhere):
            server.shutdown()
            server.server_close()

    def host(self, side="home"):
        return f"localhost:{(self.home if side == 'home' else self.elsewhere).server_port}"

    def url(self, side):
        return f"{'https' if self.get('tls') else 'http'}://{self.host(side)}"

    def get(self, switch, default=None):
        return self.switches.get(switch, default)

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            return self.counts[what]

    def fault(self, place):
        """The fault that is due at that place, if any."""
        fault = self.get(place)
        return fault if fault and self.count(place) <= fault.get("times", float("inf")) else None


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that hangs up is its own affair."""


class Request(http.server.BaseHTTPRequestHandler):
    """One request, or the next of its connection. The path decides who answers."""

    side = "home"
    disable_nagle_algorithm = True

    @property
    def protocol_version(self):
        return "HTTP/1.0" if self.registry.get("connection") == "1.0" else "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer_it(self):
        self.body = self.read_body()
        split = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(split.query)
        if split.path == "/token":
            return self.token()
        if split.path.startswith("/store/"):
            return self.store(split.path.rsplit("/", 1)[1])
        if self.side == "home":
            if self.failed("every") or not self.admitted():
                return None
        elif "Authorization" in self.headers:
            self.registry.leaks.append(self.path)
        return self.route(split.path)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = answer_it

    def route(self, path):
        before, separator, name = path.rpartition("/manifests/")
        if separator:
            return self.put_manifest(name) if self.command == "PUT" else self.get_manifest(name)
        if "/blobs/uploads/" in path:
            return self.upload(path)
        before, separator, digest = path.rpartition("/blobs/")
        if separator:
            return self.blob(digest)
        if path.rstrip("/") == "/v2":
            return self.send(200, b"{}", {"Content-Type": "application/json"})
        return self.refuse(404, "NAME_UNKNOWN")

    # --- reading and writing ------------------------------------------------------------------------

    def read_body(self):
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        body = b""
        while "chunked" in self.headers.get("Transfer-Encoding", ""):
            size = int(self.rfile.readline().strip() or b"0", 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                break
        return body

    def head(self, status, headers):
        self.registry.requests.append((self.side, self.command, self.path, status))
        self.send_response(status)
        if self.registry.get("connection") == "close":
            headers = headers | {"Connection": "close"}
        for name, value in headers.items():
            for line in value if isinstance(value, list) else [value]:
                self.send_header(name, line)
        self.end_headers()

    def send_header(self, keyword, value):
        how = {"lower": str.lower, "upper": str.upper}.get(self.registry.get("header-case"), str)
        super().send_header(how(keyword), value)

    def send(self, status, body=b"", headers=None, length=None):
        """An answer whose length is said in one of three ways: a number, in chunks, by the end."""
        headers = dict(headers or {})
        if length == "chunked" and self.protocol_version == "HTTP/1.0":
            length = "close"  # which has no chunks
        if length == "chunked":
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
            headers["Transfer-Encoding"] = "chunked"
        elif length == "close":
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(len(body))
        self.head(status, headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, headers=None):
        body = json.dumps({"errors": [{"code": code, "message": "as the table says"}]}).encode()
        self.send(status, body, {"Content-Type": "application/json"} | (headers or {}))

    def redirect(self, to, status=307):
        self.send(status, b"", {"Location": to})

    def reset(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def failed(self, place):
        """Makes the fault that is due at that place. Says whether there was one."""
        fault = self.registry.fault(place)
        if fault is None:
            return False
        if fault.get("reset"):
            self.reset()
        else:
            headers = dict(fault.get("headers", {}))
            if "retry_after" in fault:
                headers["Retry-After"] = str(fault["retry_after"])
            if "type" in fault:
                headers["Content-Type"] = fault["type"]
            self.refuse(fault["status"], fault.get("code", "UNKNOWN"), headers)
        return True

    def moved(self, switch):
        """Redirects a request to the place that the switch names, once. Says whether it did."""
        side = self.registry.get(switch)
        if side is None or self.side != "home" or "moved" in self.query:
            return False
        joint = "&" if "?" in self.path else "?"
        self.redirect(self.registry.url(side) + self.path + joint + "moved=1")
        return True

    # --- the login ----------------------------------------------------------------------------------

    def basic(self):
        return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def admitted(self):
        kind, given = self.registry.get("auth"), self.headers.get("Authorization")
        if kind is None:
            if given is not None:
                self.registry.leaks.append(self.path)
            return True
        if kind == "basic" and given == self.basic():
            return True
        if kind == "bearer" and given and self.is_good(given.removeprefix("Bearer ")):
            return True
        realm = self.registry.url(self.registry.get("realm", "home")) + "/token"
        default = f'Bearer realm="{{realm}}",service="quirky"' if kind == "bearer" else 'Basic realm="quirky"'
        challenge = self.registry.get("challenge", default)
        lines = challenge if isinstance(challenge, list) else [challenge]
        lines = [line.replace("{realm}", realm) for line in lines]
        self.refuse(401, "UNAUTHORIZED", {"WWW-Authenticate": lines})
        return False

    def is_good(self, token):
        scope, uses = self.registry.tokens.get(token, ("", 0))
        self.registry.tokens[token] = (scope, uses + 1)
        reads = self.command in ("GET", "HEAD")
        return ("pull" if reads else "push") in scope and uses < self.registry.get("token-uses", float("inf"))

    def token(self):
        if self.failed("token"):
            return None
        scope = " ".join(self.query.get("scope", []))
        may_read_only = self.registry.get("anonymous") and not scope.endswith("push")
        if self.headers.get("Authorization") != self.basic() and not may_read_only:
            return self.refuse(401, "UNAUTHORIZED")
        token = f"{TOKEN}-{self.registry.count('given')}"
        self.registry.tokens[token] = (scope, 0)
        body = self.registry.get("token-answer", '{"token": "{token}", "expires_in": 300}')
        return self.send(200, body.replace("{token}", token).encode(), {"Content-Type": "application/json"})

    # --- uploads ------------------------------------------------------------------------------------

    def upload(self, path):
        return self.begin_upload(path) if self.command == "POST" else self.end_upload(path.rsplit("/", 1)[1])

    def begin_upload(self, path):
        if self.failed("post-upload") or self.moved("upload-redirect"):
            return None
        identity = uuid.uuid4().hex
        self.registry.uploads[identity] = b""
        headers = {"Docker-Upload-UUID": identity, "Range": "0-0"} | self.typed("upload-type")
        location = self.location(path.rstrip("/") + "/" + identity)
        if location is not None:
            headers["Location"] = location
        return self.send(202, b"", headers)

    def location(self, path):
        match self.registry.get("location"):
            case "absolute":
                return self.registry.url(self.side) + path
            case "elsewhere":
                return self.registry.url("elsewhere") + path
            case "http":
                return f"http://{self.registry.host(self.side)}{path}"
            case "query":
                return path + "?_state=a%2Fb%3D%3D&x=1"
            case "bare":
                return path.rsplit("/", 1)[1]
            case "missing":
                return None
        return path

    def end_upload(self, identity):
        if self.failed("put-upload") or self.moved("blob-put-redirect"):
            return None
        content = self.registry.uploads.pop(identity, b"") + self.body
        digest = digest_of(content)
        if self.query.get("digest") != [digest]:
            return self.refuse(400, "DIGEST_INVALID")
        self.registry.content.blobs[digest] = content
        headers = {"Location": f"/v2/team/demo/blobs/{digest}", "Docker-Content-Digest": digest}
        return self.send(self.registry.get("upload-status", 201), b"", headers | self.typed("upload-type"))

    def typed(self, switch):
        kind = self.registry.get(switch)
        return {} if kind is None else {"Content-Type": kind}

    # --- blobs --------------------------------------------------------------------------------------

    def blob(self, digest):
        if self.failed("head-blob" if self.command == "HEAD" else "get-blob"):
            return None
        if digest not in self.registry.content.blobs:
            return self.refuse(404, "BLOB_UNKNOWN")
        status = self.registry.get("blob-redirect")
        if status is not None:
            return self.redirect(self.store_url(digest, 1), status)
        return self.send_blob(self.registry.content.blobs[digest], {"Docker-Content-Digest": digest})

    def store_url(self, digest, hop):
        """As stores sign: good for one request of a few seconds, and of the query as it stands."""
        return f"{self.registry.url(self.registry.get('store', 'elsewhere'))}/store/{digest}?X-Sig=a%2Bb%3D&hop={hop}"

    def store(self, digest):
        if "Authorization" in self.headers:
            self.registry.leaks.append(self.path)
        if self.query.get("X-Sig") != ["a+b="]:
            return self.send(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        hop = int(self.query["hop"][0])
        if hop < self.registry.get("hops", 1):
            return self.redirect(self.store_url(digest, hop + 1))
        if self.failed("head-store" if self.command == "HEAD" else "get-store"):
            return None
        return self.send_blob(self.registry.content.blobs[digest], {})

    def send_blob(self, content, headers):
        get = self.registry.get
        match get("blob-bytes"):
            case "other":
                content = bytes([content[0] ^ 1]) + content[1:]
            case "more":
                content = content + b"x"
            case "less":
                content = content[:-1]
            case "compressed":
                content = gzip.compress(content, mtime=0)
        headers = headers | {"Content-Type": get("blob-type", OCTETS)}
        if get("blob-encoding"):
            headers["Content-Encoding"] = get("blob-encoding")
        if self.headers.get("Range") and get("range") != "ignored":
            return self.send_rest(content, headers)
        return self.send_bytes(200, content, headers)

    def send_rest(self, content, headers):
        start, size = int(self.headers["Range"].split("=")[1].split("-")[0]), len(content)
        match self.registry.get("range"):
            case "refused":
                return self.send(416, b"", {"Content-Range": f"bytes */{size}"})
            case "bare":
                said = None
            case "equals":
                said = f"bytes={start}-{size - 1}/{size}"
            case "star":
                said = f"bytes {start}-{size - 1}/*"
            case "wrong":
                start //= 2
                said = f"bytes {start}-{size - 1}/{size}"
            case "lies":
                said = f"bytes {start}-{size - 1}/{size}"
                content = content[-1:] + content[:-1]
            case _:
                said = f"bytes {start}-{size - 1}/{size}"
        if said is not None:
            headers = headers | {"Content-Range": said}
        return self.send_bytes(206, content[start:], headers)

    def send_bytes(self, status, content, headers):
        get = self.registry.get
        breaks = self.command == "GET" and len(content) > 1000
        if breaks and get("cut") and self.registry.count("cut") <= get("cut"):
            self.head(status, headers | {"Content-Length": str(len(content))})
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            return self.reset()
        if breaks and get("pause"):
            self.head(status, headers | {"Content-Length": str(len(content))})
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            time.sleep(get("pause"))
            return self.wfile.write(content[len(content) // 2 :])
        return self.send(status, content, headers, get("blob-length"))

    # --- manifests ----------------------------------------------------------------------------------

    def put_manifest(self, name):
        is_digest = name.startswith("sha256:")
        if self.failed("put-manifest" if is_digest else "put-tag") or self.moved("put-redirect"):
            return None
        digest = digest_of(self.body)
        if is_digest and name != digest:
            return self.refuse(400, "DIGEST_INVALID")
        content = self.registry.content
        content.manifests[digest] = (self.body, self.headers.get("Content-Type"))
        self.registry.put.add(digest)
        if not is_digest:
            content.tags[name] = digest
        headers = {"Location": f"/v2/team/demo/manifests/{digest}"} | self.digest_header(digest)
        kind = self.typed("put-type")
        return self.send(self.registry.get("put-status", 201), b"OK" if kind else b"", headers | kind)

    def digest_header(self, digest):
        said = {"missing": None, "wrong": "sha256:" + "0" * 64, "sha512": "sha512:" + "0" * 128}
        said = said.get(self.registry.get("manifest-digest"), digest)
        return {} if said is None else {"Docker-Content-Digest": said}

    def get_manifest(self, name):
        is_digest, is_head = name.startswith("sha256:"), self.command == "HEAD"
        if self.failed("head-manifest" if is_head else "get-manifest" if is_digest else "get-tag"):
            return None
        if name in self.registry.put and not is_head and self.failed("read-back"):
            return None
        if self.moved("manifest-forward"):
            return None
        digest = name if is_digest else self.registry.content.tags.get(name)
        if digest not in self.registry.content.manifests:
            return self.refuse(404, "MANIFEST_UNKNOWN")
        if self.moved("manifest-redirect"):
            return None
        body, kind = self.registry.content.manifests[digest]
        headers = self.digest_header(digest) | {"Content-Type": self.registry.get("manifest-type", kind)}
        if self.registry.get("manifest-encoding"):
            headers["Content-Encoding"] = self.registry.get("manifest-encoding")
        if self.registry.get("etag"):
            headers["ETag"] = f'"{digest}"'
        headers = {header: value for header, value in headers.items() if value}
        return self.send(200, body, headers, self.registry.get("manifest-length"))
