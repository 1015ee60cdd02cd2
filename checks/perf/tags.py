#!/usr/bin/env python3
"""Putting and listing thousands of tags of one repository: `aisoc registry serve` beside the registry of distribution.

    checks/perf/tags.py [AISOC] [--tags 10000] [--rounds 3] [--dir DIR]

Each round begins both registries on empty directories. One client puts a manifest of its own under each tag, over one
connection, ours and theirs in turns of a hundred; then it asks both for the list of all tags, page by page of a thousand, and once
whole. A ratio is the median of those of the rounds; what else the machine does falls on both. Without distribution
(`checks/interop/peers/install`) there is nothing to compare with, and it ends with 77.
"""

import argparse
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TURN, PAGE, REPOSITORY = 100, 1000, "team/plugin"
CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}, tag: {{concurrencylimit: 8}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Served:
    """A registry in a process of its own, and one connection to it."""

    def __init__(self, argv, port):
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                self.ask("GET", "/v2/", expected=200)
                break
            except OSError:
                if time.monotonic() > deadline or self.child.poll() is not None:
                    raise SystemExit(f"{argv[0]} does not begin")
                time.sleep(0.05)
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method, path, body=None, headers=None, expected=201):
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != expected:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:200]!r}")
        return answer, content

    def blob(self, content):
        answer, _ = self.ask("POST", f"/v2/{REPOSITORY}/blobs/uploads/", expected=202)
        place = answer.headers["Location"]
        place = place.partition("://")[2].partition("/")[2] if "://" in place else place.lstrip("/")
        mark = "&" if "?" in place else "?"
        self.ask("PUT", f"/{place}{mark}digest=sha256:{hashlib.sha256(content).hexdigest()}", content)

    def put(self, number):
        config = {"mediaType": "t/x", "digest": "sha256:" + hashlib.sha256(b"{}").hexdigest(), "size": 2}
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
                    "annotations": {"number": str(number)}}
        body = json.dumps(document)
        self.ask("PUT", f"/v2/{REPOSITORY}/manifests/v{number:06}", body, {"Content-Type": MANIFEST})

    def list_pages(self):
        path, tags = f"/v2/{REPOSITORY}/tags/list?n={PAGE}", []
        while path:
            answer, content = self.ask("GET", path, expected=200)
            tags += json.loads(content)["tags"] or []  # null where a page is empty
            link = answer.headers.get("Link")
            path = link and link.partition("<")[2].partition(">")[0]
        return tags

    def list_whole(self):
        return json.loads(self.ask("GET", f"/v2/{REPOSITORY}/tags/list", expected=200)[1])["tags"]

    def end(self):
        self.connection.close()
        self.child.kill()
        self.child.wait()


def ours(aisoc, root):
    port = free_port()
    return Served([aisoc, "registry", "serve", "--dir", str(root / "ours"), "--listen", f"127.0.0.1:{port}"], port)


def theirs(registry, root):
    port = free_port()
    (root / "config.yml").write_text(CONFIG.format(root=root / "theirs", port=port))
    return Served([registry, "serve", str(root / "config.yml")], port)


def timed(work, *words):
    start = time.perf_counter()
    found = work(*words)
    return time.perf_counter() - start, found


def measure(aisoc, registry, root, count):
    """Seconds of each thing, of ours and of theirs."""
    both = [ours(aisoc, root), theirs(registry, root)]
    try:
        seconds = {"put": [0.0, 0.0], "list in pages": [0.0, 0.0], "list whole": [0.0, 0.0]}
        for served in both:
            served.blob(b"{}")
        for start in range(0, count, TURN):
            for which, served in enumerate(both):
                for number in range(start, min(start + TURN, count)):
                    seconds["put"][which] += timed(served.put, number)[0]
        expected = [f"v{number:06}" for number in range(count)]
        for which, served in enumerate(both):
            for name, work in (("list in pages", served.list_pages), ("list whole", served.list_whole)):
                runs = [timed(work) for _ in range(3)]
                # distribution has an end of its own for one page.
                if any(tags[:100] != expected[:100] or (name == "list in pages" and tags != expected) for _, tags in runs):
                    raise SystemExit(f"{name}: other tags are listed than were put")
                seconds[name][which] = statistics.median(run for run, _ in runs)
        return seconds
    finally:
        for served in both:
            served.end()


def main():
    parser = argparse.ArgumentParser(prog="checks/perf/tags.py")
    parser.add_argument("aisoc", nargs="?", default=str(HERE.parents[1] / "target/release/aisoc"))
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", help="where the registries keep what they are given; the default is $TMPDIR")
    options = parser.parse_args()
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    registry = pathlib.Path(os.environ.get("AISOC_PEERS_DIR") or cache / "aisoc-peers") / "bin/registry"
    if not os.access(registry, os.X_OK):
        print(f"skipped: no {registry}; checks/interop/peers/install builds it")
        return 77
    rounds = []
    for _ in range(options.rounds):
        root = pathlib.Path(tempfile.mkdtemp(prefix="aisoc-perf.", dir=options.dir))
        try:
            rounds.append(measure(os.path.realpath(options.aisoc), str(registry), root, options.tags))
        finally:
            shutil.rmtree(root, ignore_errors=True)
    print(f"{options.tags} tags, {options.rounds} rounds, medians; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| what | aisoc | distribution | ratio | goal | met |\n|---|---|---|---|---|---|")
    for name in rounds[0]:
        pairs = [seconds[name] for seconds in rounds]
        mine, other = (statistics.median(pair[which] for pair in pairs) for which in (0, 1))
        ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
        print(f"| {name} | {mine:.3f} s | {other:.3f} s | {ratio:.2f}× | ≤ 1× | {'yes' if ratio <= 1 else 'NO'} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
