"""A host among plugins that do what they should not: the one that behaves beside them, and what is left of them."""

import http.client
import json
import os
import pathlib
import re
import subprocess
import threading
import time

from . import hosting
from .abuses_of_hooks import PLUGINS, module as module_of, plugin_of

GOOD = ("class Plugin:\n    def run(self, payload, context):\n"
        "        return {'facts': context.get_facts_reader().usage()['facts']}\n")
# What a host never says, and what a terminal must not be sent: every control character but the end of a line, as UTF-8.
PANIC = re.compile(rb"^thread '.*panicked|^fatal runtime error|^stack backtrace", re.MULTILINE)
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
# How long what an abuse has left may take to be gone.
GONE = 15


class Host(hosting.Host):
    """A host whose every byte on its standard error is looked at."""

    def _read(self):
        self.bad, self.bytes_said = [], 0
        for line in self.child.stderr.buffer:
            self.bytes_said += len(line)
            if PANIC.search(line) or CONTROL.search(line):
                self.bad.append(line[:200])
            self.said.append(line.decode(errors="replace"))
            del self.said[:-200]

    def fire(self, abuse):
        body = {"payload": {}} | ({} if abuse.value is None else {"value": abuse.value})
        return self.ask("POST", f"/api/v1/hooks/{abuse.hook}", body)


class Neighbour(threading.Thread):
    """Calls the plugin that behaves, again and again over one connection; each time is put down to what goes on meanwhile."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.host, self.refused, self.is_over = host, [], False
        self.meanwhile, self.times = "", {}

    def run(self):
        connection = http.client.HTTPConnection(self.host.address, timeout=hosting.PATIENCE)
        while not self.is_over:
            meanwhile, begun = self.meanwhile, time.perf_counter()
            try:
                connection.request("POST", "/api/v1/plugins/good/run", '{"payload": {}}', {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    self.refused.append((meanwhile, f"{answer.status}: {text[:200]}"))
            except (OSError, http.client.HTTPException) as error:
                # A host may end a connection between two requests, and whoever asks opens another one.
                connection.close()
                if not isinstance(error, (http.client.RemoteDisconnected, ConnectionResetError)):
                    self.refused.append((meanwhile, repr(error)))
                continue
            self.times.setdefault(meanwhile, []).append((time.perf_counter() - begun) * 1000)
            time.sleep(0.001)


def percentile(times, share):
    """Nothing where nothing was measured."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] if times else 0.0


def weighs_its_plugins(host):
    """(whether plugins have a share of the processor that is weighed against the host's, how that is known).

    Asked of the kernel: a plugin is in a control group of its own, by version 2, which has the processor's controller.
    """
    groups = {group_of(number) for number, _ in hosting.descendants(host.child.pid)}
    ours = group_of(host.child.pid)
    for group in groups - {ours}:
        weight = pathlib.Path(f"/sys/fs/cgroup{group}/cpu.weight")
        if weight.exists():
            return True, f"{group} has the weight {weight.read_text().strip()}"
    return False, f"host and plugins are in one control group of version 2 ({ours}), so no weight is between them"


def group_of(process):
    try:
        lines = pathlib.Path(f"/proc/{process}/cgroup").read_text().splitlines()
    except OSError:
        return None
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)


def dead_below(root):
    """Processes that have ended, below that one, and for which nobody has waited."""
    states = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = pathlib.Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            states[int(name)] = (fields[0], int(fields[1]))
    below, grows = {root}, True
    while grows:
        more = {number for number, (_, parent) in states.items() if parent in below} - below
        below |= more
        grows = bool(more)
    return sum(states[number][0] == "Z" for number in below if number in states)


class Left:
    """What a host has beside itself: nothing of an abuse may stay."""

    def __init__(self, site, host):
        self.site, self.host = site, host
        self.before = None

    def now(self):
        """(processes, the dead, what is in the directory for temporary files)."""
        root = self.host.child.pid
        return len(hosting.descendants(root)), dead_below(root), len(os.listdir(self.site.base / "tmp"))

    def remember(self):
        """What there is without any abuse."""
        time.sleep(0.5)
        self.before = self.now()

    def settle(self):
        """What is there more than before, once that has had its time to go."""
        deadline = time.monotonic() + GONE
        while True:
            more = tuple(max(0, now - before) for now, before in zip(self.now(), self.before))
            if not any(more) or time.monotonic() > deadline:
                return more
            time.sleep(0.02)


def declared(place, capabilities):
    """Writes into the manifest what the plugin asks for."""
    manifest = place / "plugin.yaml"
    kept = [line for line in manifest.read_text().splitlines() if not line.startswith("capabilities:")]
    manifest.write_text("\n".join([*kept, f"capabilities: [{', '.join(capabilities)}]", ""]))


def shelve(site, abuse, name, code, shelf="shelf"):
    """Makes its plugin, signed, on the shelf that it is taken from."""
    site.must("plugin", "new", name, "--type", "enricher", "-q", "-o", shelf)
    place = site.base / shelf / name
    for file, text in {"plugin.py": code, **abuse.files}.items():
        (place / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    declared(place, abuse.capabilities)
    site.must("plugin", "sign", "-q", "--plugin-dir", str(place), "--private-key", "release.key")


def distribute(site, abuses):
    """Makes a distribution of each plugin with handlers."""
    for name, health in PLUGINS.items():
        module, place = name.replace("-", "_"), site.base / "site"
        mine = [abuse for abuse in abuses if plugin_of(abuse) == name]
        (place / f"{module}.py").write_text(module_of(name, mine, health))
        about = place / f"{module}-1.0.dist-info"
        about.mkdir()
        (about / "entry_points.txt").write_text(f"[stigmem.plugins]\n{name} = {module}:plugin_manifest\n")
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "RECORD").write_text(f"{module}.py,,\n")


def configuration(site, abuses, server):
    """Lets those that fetch go to the server, as often as they like."""
    names = [name for abuse in abuses if "network.outbound" in abuse.capabilities for name in names_of(abuse)]
    said = f"inside = [{json.dumps(server)}]\nrequests_per_minute = 6000\n"
    (site.base / "host.toml").write_text("\n".join(f"[handles.outbound.{json.dumps(name)}]\n{said}" for name in names))


def names_of(abuse):
    """Those under which it is called beside itself."""
    return [f"{abuse.name}-{number}" for number in range(abuse.beside)] or [abuse.name]
