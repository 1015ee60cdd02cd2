#!/usr/bin/env python3
"""What plugins cost their host: confinement, a fact, a hook, a cold start, and a reload while everybody calls.

    checks/perf/handles.py [AISOC] [--rounds 30] [--callers 200]

Two hosts run on the same plugins, one with `AISOC_SANDBOX=require` and one with `off`; they take turns, round by round: a
reload, of which a worker begins, and calls. Then, with every layer: reads of one fact, as the plugin itself measures them;
10,000 facts written, 500 at a time, and searched; a hook with one handler; an empty Python beside a reload; and reloads while so
many clients call, of which no call may be lost. Prints medians, and the load of the machine before and after.
"""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time

import host

PLUGIN = """import time

class Plugin:
    def run(self, payload, context):
        return getattr(self, payload.get("do", "nothing"))(context, payload)

    def nothing(self, context, payload):
        return {"value": payload.get("value")}

    def timed(self, count, act):
        times = []
        for number in range(count):
            begun = time.perf_counter()
            act(number)
            times.append((time.perf_counter() - begun) * 1000)
        return {"times": times}

    def read(self, context, payload):
        context.get_facts_writer().put("one", {"seen": 1})
        facts = context.get_facts_reader()
        return self.timed(payload["count"], lambda number: facts.get("one"))

    def write(self, context, payload):
        facts = context.get_facts_writer()
        some = lambda number: range(number * 500, number * 500 + 500)
        part = lambda number: {"fact-%05d" % n: "indicator %d of feed %d" % (n, n % 7) for n in some(number)}
        return self.timed(20, lambda number: facts.put_many(part(number)))

    def search(self, context, payload):
        recall = context.get_recall_reader()
        return self.timed(payload["count"], lambda number: recall.search(payload["query"], 20))

    def usage(self, context, payload):
        return context.get_facts_reader().usage()
"""
GUARD = """from stigmem_node.plugins import Allow, PluginManifest

def guard(ctx, **_):
    return Allow()

def plugin_manifest():
    return PluginManifest(name="guard", version="1.0.0", hooks={"pre_assert_authorize": guard})
"""
CAPABILITIES = "capabilities: [facts.read, facts.write, recall.read]"


def make(aisoc, place):
    """A plugin that uses facts, and one with a handler; what is signed is trusted."""
    host.site(aisoc, place, 1)
    plugin = place / "plugins" / "plugin-000"
    (plugin / "plugin.py").write_text(PLUGIN)
    manifest = plugin / "plugin.yaml"
    kept = [line for line in manifest.read_text().splitlines() if not line.startswith("capabilities:")]
    manifest.write_text("\n".join([*kept, CAPABILITIES, ""]))
    words = [aisoc, "plugin", "sign", "-q", "--plugin-dir", str(plugin), "--private-key", "release.key"]
    host.subprocess.run(words, cwd=place, check=True, capture_output=True)
    about = place / "site" / "guard-1.0.dist-info"
    about.mkdir(parents=True)
    (place / "site" / "guard.py").write_text(GUARD)
    (about / "entry_points.txt").write_text("[stigmem.plugins]\nguard = guard:plugin_manifest\n")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: guard\nVersion: 1.0\n")
    (about / "RECORD").write_text("guard.py,,\n")


class Served:
    """A host, and one connection to it."""

    def __init__(self, servers, aisoc, place, sandbox, *words):
        self.port = host.free_port()
        command = [aisoc, "serve", "--listen", f"127.0.0.1:{self.port}", "--state", f"{sandbox}-{len(words)}.json",
                   "--plugins-dir", "plugins", "--trusted-keys", "keys", *words]
        servers.begin(command, place, AISOC_PYTHON=host.PYTHON, AISOC_SANDBOX=sandbox, ENVIRONMENT="development")
        host.wait_for(self.port, "/readyz")
        self.connection = self.connect()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, path, body=None, connection=None):
        """(milliseconds, the answer)."""
        connection = connection or self.connection
        begun = time.perf_counter()
        text = None if body is None else json.dumps(body)
        connection.request("POST", f"/api/v1/{path}", text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            sys.exit(f"perf: {path} was answered {answer.status} {text!r}")
        return took, json.loads(text)

    def call(self, **payload):
        return self.ask("plugins/plugin-000/run", {"payload": payload})

    def reload(self):
        return self.ask("plugins/plugin-000/reload")[0]


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


def line(what, times, goal=None):
    """A row of the table; with a goal, whether its median meets that."""
    p50 = statistics.median(times)
    met = "" if goal is None else f"  goal {goal}: {'met' if p50 <= goal else 'MISSED'}"
    print(f"{what:<46} p50 {p50:8.3f} ms  p99 {percentile(times, 0.99):8.3f} ms  n {len(times):>6}{met}")


def confinement(confined, free, rounds):
    """What the layers add, as the median of the rounds' differences; an empty Python in each round beside it."""
    begun = {confined: [], free: []}
    calls = {confined: [], free: []}
    bare = []
    for number in range(rounds):
        # Who is first has a colder machine.
        for one in (confined, free) if number % 2 else (free, confined):
            begun[one].append(one.reload())
            calls[one] += [one.call(value=n)[0] for n in range(50)]
        bare += host.bare_python(2)
    for name, one in (("require", confined), ("off", free)):
        line(f"reload, of which a worker begins, {name}", begun[one])
        line(f"call, {name}", calls[one])
    added = [one - other for one, other in zip(begun[confined], begun[free])]
    line("confinement adds to a start", added, 5)
    print(f"{'confinement adds to a call':<46} p50 {statistics.median(calls[confined]) - statistics.median(calls[free]):8.3f} ms")
    line(f"{pathlib.Path(host.PYTHON).name} -I -S -c pass", bare)
    ratio = statistics.median(begun[confined]) / statistics.median(bare)
    print(f"{'reload, confined / an empty Python':<46} {ratio:12.2f}      goal 2.5: {'met' if ratio <= 2.5 else 'MISSED'}")


def facts(served):
    times = lambda **payload: served.call(**payload)[1]["result"]["times"]
    line("a fact is read", [took for _ in range(10) for took in times(do="read", count=500)], 0.3)
    written = times(do="write")
    usage = served.call(do="usage")[1]["result"]
    line(f"500 facts are written, up to {usage['facts']}", written)
    print(f"{'all of them':<46}     {sum(written):8.1f} ms")
    for query in ("indicator 77", "feed", "nowhere"):
        line(f"they are searched for `{query}`", [took for _ in range(4) for took in times(do="search", query=query, count=50)])


def hook(served):
    fire = lambda: served.ask("hooks/pre_assert_authorize", {"payload": {"source": "a"}})[0]
    line("a hook with one handler is fired", [fire() for _ in range(1000)])


def under_calls(served, callers, reloads):
    """Reloads while so many clients call; each call has to be answered, by the one or by the other."""
    is_over, counts, lost = threading.Event(), [], []

    def go_on():
        connection, count = served.connect(), 0
        while not is_over.is_set():
            try:
                served.ask("plugins/plugin-000/run", {"payload": {"value": count}}, connection)
                count += 1
            except (OSError, http.client.HTTPException, SystemExit) as error:
                lost.append(str(error))
                connection.close()
        counts.append(count)

    threads = [threading.Thread(target=go_on) for _ in range(callers)]
    [thread.start() for thread in threads]
    time.sleep(1)
    times = [served.reload() for _ in range(reloads)]
    is_over.set()
    [thread.join() for thread in threads]
    line(f"reload under {callers} callers", times)
    print(f"{'calls meanwhile':<46} {sum(counts)}, lost {len(lost)}  goal 0: {'MISSED ' + lost[0][:200] if lost else 'met'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("aisoc", nargs="?", default=host.HERE.parent.parent / "target/release/aisoc", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--callers", type=int, default=200)
    asked = parser.parse_args()
    aisoc, place = str(asked.aisoc.resolve()), pathlib.Path(tempfile.mkdtemp(prefix="aisoc-handles-"))
    place.chmod(0o755)
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} processors, medians")
    try:
        make(aisoc, place)
        with host.Servers() as servers:
            confined, free = (Served(servers, aisoc, place, sandbox) for sandbox in ("require", "off"))
            confinement(confined, free, asked.rounds)
            facts(confined)
            under_calls(confined, asked.callers, 10)
        with host.Servers() as servers:
            hook(Served(servers, aisoc, place, "require", "--site-packages", "site"))
    finally:
        shutil.rmtree(place)
    print(f"load {os.getloadavg()[0]:.2f} in the end")


if __name__ == "__main__":
    main()
