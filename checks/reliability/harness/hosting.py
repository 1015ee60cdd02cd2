"""A host in a process of its own, with a registry beside it, and what can be seen of both from outside."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

from .world import REPOSITORY, Broken, binary

PATIENCE = 60
TICKS = os.sysconf("SC_CLK_TCK")


class Site:
    """A directory with a key that is trusted, plugins that are signed with it, and a registry."""

    def __init__(self, base):
        self.base, self.aisoc = pathlib.Path(base), binary()
        # As root, the host runs plugins as nobody, who has to come through here.
        self.base.chmod(0o711)
        for name in ("keys", "plugins", "work", "tmp"):
            (self.base / name).mkdir()
        self.must("plugin", "keygen", "-q", "--out", "release")
        (self.base / "keys/release.pem").write_bytes((self.base / "release.pem").read_bytes())
        self.registry = None

    def environment_of_host(self):
        """As the unit of systemd has it: how much freed memory the C library may keep."""
        unit = (REPOSITORY / "deploy/systemd/aisoc.service").read_text()
        return self.environment() | dict(re.findall(r"^Environment=(MALLOC_\w+)=(\S+)$", unit, re.MULTILINE))

    def environment(self):
        # A Python that everybody may run, should there be several.
        paths = [os.defpath] + ([str(pathlib.Path(sys.executable).parent)] if os.geteuid() else [])
        return {"PATH": os.pathsep.join(paths), "HOME": str(self.base), "TMPDIR": str(self.base / "tmp"),
                "ENVIRONMENT": "development"}

    def run(self, *words):
        return subprocess.run([self.aisoc, *words], cwd=self.base, env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=120)

    def must(self, *words):
        done = self.run(*words)
        if done.returncode:
            raise Broken(f"`{' '.join(words)}` gave {done.returncode}: {done.stderr}")
        return done.stdout

    def plugin(self, name, code, below="plugins", version="1.0.0", data=None):
        """A signed plugin with that code."""
        place = self.base / below / name
        self.must("plugin", "new", name, "--type", "enricher", "-q", "-o", below)
        (place / "plugin.py").write_text(code)
        manifest = place / "plugin.yaml"
        manifest.write_text(manifest.read_text().replace('"0.1.0"', f'"{version}"'))
        if data is not None:
            (place / "data.bin").write_bytes(data)
        self.must("plugin", "sign", "-q", "--plugin-dir", str(place), "--private-key", "release.key")
        return place

    def serve_registry(self):
        """Its address; what is pushed there can be installed."""
        child = subprocess.Popen([self.aisoc, "registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0"],
                                 cwd=self.base, env=self.environment(), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.registry = child
        return child.stdout.readline().strip().removeprefix("http://")

    def end(self):
        if self.registry:
            self.registry.kill()
            self.registry.wait()


class Host:
    """`aisoc serve` on a site."""

    def __init__(self, site, *words):
        self.site = site
        command = [site.aisoc, "serve", "--listen", "127.0.0.1:0", "--state", "host.json", "--plugins-dir", "plugins",
                   "--trusted-keys", "keys", *words]
        self.said = []
        self.child = subprocess.Popen(command, cwd=site.base, env=site.environment_of_host(), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        self.address = self.child.stdout.readline().strip().removeprefix("http://")
        # Read from the beginning: whoever is not read from waits.
        threading.Thread(target=self._read, daemon=True).start()
        if not self.address:
            time.sleep(0.2)
            raise Broken(f"the host does not begin: {''.join(self.said)}")

    def _read(self):
        for line in self.child.stderr:
            self.said.append(line)
            del self.said[:-200]

    def ask(self, method, path, body=None, timeout=PATIENCE):
        """(status, what the answer says), or (None, why there is none)."""
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"
        finally:
            connection.close()

    def plugin(self, name):
        return self.ask("GET", f"/api/v1/plugins/{name}")[1] or {}

    def call(self, name, payload=None, timeout=PATIENCE):
        return self.ask("POST", f"/api/v1/plugins/{name}/run", {"payload": payload or {}}, timeout)

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE
        while self.ask("GET", "/readyz", timeout=5)[0] != 200:
            if time.monotonic() > deadline or self.child.poll() is not None:
                raise Broken(f"the host is not ready: {''.join(self.said)[-2000:]}")
            time.sleep(0.01)
        return self

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def end(self):
        self.child.terminate()
        return self.child.wait(PATIENCE)


def processes():
    """Every process: its number to its parent, and when it began."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = pathlib.Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                found[int(name)] = (int(fields[1]), int(fields[19]))
    return found


def descendants(root):
    """(number, beginning) of all that descends from a process."""
    all_of_them, found, grows = processes(), {root}, True
    while grows:
        below = {number for number, (parent, _) in all_of_them.items() if parent in found} - found
        found |= below
        grows = bool(below)
    return {(number, all_of_them[number][1]) for number in found - {root} if number in all_of_them}


def left_of(those, within):
    """Which of those processes are there still after so many seconds."""
    deadline = time.monotonic() + within
    while True:
        now = processes()
        left = {(number, began) for number, began in those if now.get(number, (0, None))[1] == began}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def descriptors(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def resident_kib(process):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def entries_below(place):
    """How many files and directories there are, which is what inodes are."""
    return sum(len(directories) + len(files) for _, directories, files in os.walk(place))


def rise(rows, column):
    """How far the line of least squares through that column rises from the first row to the last."""
    count, xs, ys = len(rows), [row[0] for row in rows], [row[column] for row in rows]
    middle_x, middle_y = sum(xs) / count, sum(ys) / count
    spread = sum((x - middle_x) ** 2 for x in xs)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys)) / spread if spread else 0
    return slope * (xs[-1] - xs[0])
