#!/usr/bin/env python3
"""A host that holds many plugins without a process: how soon it begins, what it holds, and what a first call costs.

    checks/perf/lazy.py [AISOC] [--plugins 10000] [--rounds 3] [--idle 45] [--dir DIR]

Makes the directory of `at_rest.py`, signed plugins in the shape of real connectors, and one more that can be called. Starts
`aisoc serve --lazy` on it and prints the median of: the time until it is ready and shows every plugin as enabled and verified,
beside the reference's verify-only loop in one Python process over the same directory (with the first tenth of the plugins,
scaled); the memory that is resident once nobody has asked anything for a while; the list of all plugins, its bytes and its
time; a first call, which judges the plugin anew and starts its process, and a call behind it. They take turns, round by round:
a ratio is the median of those of the rounds.
"""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

import at_rest  # noqa: E402
import host  # noqa: E402

CALLED = "called-00000"


def caller(aisoc, place):
    """One more plugin, of a publisher of its own, which answers what it is given."""
    run = lambda *words: subprocess.run([aisoc, *words], cwd=place, check=True, capture_output=True)
    run("plugin", "keygen", "--out", "caller")
    shutil.copy(place / "caller.pem", place / "keys")
    run("plugin", "new", CALLED, "--type", "enricher", "-o", "plugins")
    (place / "plugins" / CALLED / "plugin.py").write_text(host.CODE)
    run("plugin", "sign", "--plugin-dir", f"plugins/{CALLED}", "--private-key", "caller.key")


class Lazy:
    """A host, from the moment it is started."""

    def __init__(self, aisoc, place, count):
        self.port = host.free_port()
        words = ["serve", "--lazy", "--listen", f"127.0.0.1:{self.port}", "--state", "host.json",
                 "--plugins-dir", "plugins", "--trusted-keys", "keys", "--trust-coverage", "code"]
        environment = {**os.environ, "ENVIRONMENT": "development"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        begun = time.perf_counter()
        self.process = subprocess.Popen([aisoc, *words], cwd=place, env=environment, **quiet)
        host.wait_for(self.port, "/readyz")
        self.ready = time.perf_counter() - begun
        listed = json.loads(self.ask("GET", "/api/v1/plugins"))
        states = {(plugin["state"], plugin["signature_status"]) for plugin in listed}
        if len(listed) != count or states != {("enabled", "verified")}:
            sys.exit(f"perf: {len(listed)} plugins are {states}")

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"perf: {path} was answered {answer.status} {text!r}")
        return text

    def timed(self, method, path, body=None):
        begun = time.perf_counter()
        text = self.ask(method, path, body)
        return (time.perf_counter() - begun) * 1000, text

    def end(self):
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("aisoc", nargs="?", default=HERE.parent.parent / "target/release/aisoc", type=pathlib.Path)
    parser.add_argument("--plugins", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=int, default=10, help="the reference verifies one plugin in so many")
    parser.add_argument("--idle", type=int, default=45, help="seconds in which nobody asks anything")
    parser.add_argument("--dir", type=pathlib.Path, help="where to make the plugins [default: $TMPDIR]")
    asked = parser.parse_args()
    aisoc, place = str(asked.aisoc.resolve()), pathlib.Path(tempfile.mkdtemp(prefix="aisoc-lazy-", dir=asked.dir))
    place.chmod(0o755)
    try:
        root, keys = place / "plugins", place / "keys"
        root.mkdir()
        keys.mkdir()
        at_rest.make(root, keys, asked.plugins, False)
        loop, ready, ratio, idle, lists, first, warm = ([] for _ in range(7))
        size = 0
        caller(aisoc, place)
        for _ in range(asked.rounds):
            loop.append(at_rest.reference_seconds(root, keys, asked.share))
            served = Lazy(aisoc, place, asked.plugins + 1)
            ready.append(served.ready)
            ratio.append(loop[-1] / served.ready)
            try:
                time.sleep(asked.idle)
                idle.append(host.resident(served.process))
                took, text = served.timed("GET", "/api/v1/plugins")
                lists.append(took)
                size = len(text)
                call = ("POST", f"/api/v1/plugins/{CALLED}/run", json.dumps({"payload": {"value": 1}}))
                first.append(served.timed(*call)[0])
                warm += [served.timed(*call)[0] for _ in range(50)]
            finally:
                served.end()
        told = lambda is_met: "met" if is_met else "MISSED"
        median = statistics.median
        print(f"{asked.plugins} plugins, signed: code; medians of {asked.rounds}")
        print(f"reference loop   {median(loop) * 1000:9.0f} ms (one plugin in {asked.share}, scaled)")
        print(f"ready            {median(ready) * 1000:9.0f} ms, {median(ratio):.1f} times faster than the loop "
              f"(goal 20: {told(median(ratio) >= 20)})")
        print(f"idle             {median(idle):9.1f} MiB after {asked.idle} s (goal 48: {told(median(idle) <= 48)})")
        print(f"list of all      {median(lists):9.1f} ms, {size} bytes")
        print(f"first call       {median(first):9.1f} ms; the next ones {median(warm):.2f} ms")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
