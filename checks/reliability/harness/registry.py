"""`aisoc registry serve` in a process of its own, a client of it, and what is read of its directory from outside."""

import hashlib
import http.client
import json
import os
import pathlib
import subprocess

from .world import Broken, binary

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    """One process that serves `directory`, which another one may have served before."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        command = [binary(), "registry", "serve", "--dir", str(directory), "--listen", "127.0.0.1:0"]
        self.child = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        self.address = self.child.stdout.readline().strip().removeprefix("http://")
        if not self.address:
            raise Broken(f"the registry does not begin: {self.child.wait()}")

    def kill(self):
        self.child.kill()
        self.child.wait()

    def collect(self, *words):
        """Begins a collection of its garbage, beside it."""
        command = [binary(), "registry", "gc", "--json", "--dir", str(self.directory), *words]
        return subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)


def environment():
    return {"PATH": os.defpath, "HOME": "/nonexistent"}


class Client:
    """One connection, which is made anew when it broke. An answer that did not come is no status."""

    def __init__(self, address):
        self.address, self.connection = address, None

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body); (None, {}, b"") where the answer did not come whole."""
        if method in ("GET", "HEAD") and self.connection:
            # One that was idle for long has been closed; what only asks is asked once more.
            found = self.ask_once(method, path, body, headers)
            if found[0] is not None:
                return found
        return self.ask_once(method, path, body, headers)

    def ask_once(self, method, path, body, headers):
        try:
            self.connection = self.connection or http.client.HTTPConnection(self.address, timeout=60)
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None, {}, b""

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def has(self, repository, digest):
        return self.ask("HEAD", f"/v2/{repository}/blobs/{digest}")[0] == 200

    def push(self, repository, content):
        """Whole, in one request."""
        return self.ask("POST", f"/v2/{repository}/blobs/uploads/?digest={digest_of(content)}", content)[0]

    def push_in_pieces(self, repository, content, pieces=3):
        status, headers, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        if status != 202:
            return status
        place, length = headers["location"], len(content) // pieces + 1
        for start in range(0, len(content), length):
            piece = content[start:start + length]
            status = self.ask("PATCH", place, piece, {"Content-Range": f"{start}-{start + len(piece) - 1}"})[0]
            if status != 202:
                return status
        return self.ask("PUT", f"{place}?digest={digest_of(content)}")[0]

    def mount(self, repository, digest, source):
        return self.ask("POST", f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}")[0]

    def put(self, repository, name, manifest):
        return self.ask("PUT", f"/v2/{repository}/manifests/{name}", manifest, {"Content-Type": MANIFEST})[0]

    def tags(self, repository):
        status, _, body = self.ask("GET", f"/v2/{repository}/tags/list")
        return json.loads(body)["tags"] if status == 200 else []

    def unresolvable(self, repository, name, expected=None):
        """What is wrong with that tag or digest and all that it names; nothing where it can be fetched whole."""
        status, _, manifest = self.ask("GET", f"/v2/{repository}/manifests/{name}")
        if status != 200:
            return f"it is answered {status}"
        if expected and digest_of(manifest) not in expected:
            return f"it is {digest_of(manifest)}"
        document = json.loads(manifest)
        for named in [document["config"], *document["layers"]]:
            status, _, content = self.ask("GET", f"/v2/{repository}/blobs/{named['digest']}")
            if status != 200:
                return f"it names {named['digest']}, which is answered {status}"
            if digest_of(content) != named["digest"]:
                return f"it names {named['digest']}, and other bytes are served"
        return None


def manifest_of(contents, note):
    """An image: the first content is its config."""
    config, *layers = [{"mediaType": "t/x", "digest": digest_of(content), "size": len(content)} for content in contents]
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
                       "annotations": {"note": note}}).encode()


def damaged_blobs(directory):
    """Files among the blobs whose bytes are not those of their name."""
    for path in pathlib.Path(directory).glob("**/_layout/blobs/sha256/*"):
        if path.name != hashlib.sha256(path.read_bytes()).hexdigest():
            yield str(path)
