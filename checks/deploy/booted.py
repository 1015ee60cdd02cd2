"""systemd, really: as the first process of namespaces, over a copy of this machine's files that is thrown away.

Root alone can do that, where the kernel has overlays and control groups. The unit is started as it is written, as its user,
with its sockets, directories and filters; only where its lines of output go is added.
"""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from common import ROOT, Broken, Skip, run

# More than one plugin has to fit: what counts processes may count wrongly.
PLUGINS = 30
PATIENCE = 60
SOCKET = "/run/aisoc/host.sock"

# Runs in its namespaces, in a control group that is the root of what it sees.
INSIDE = r"""
set -e
top=$1 deploy=$2 aisoc=$3
mount --make-rprivate /
mount -t tmpfs -o mode=755 aisoc-check "$top"
mkdir "$top/up" "$top/work" "$top/root"
mount -t overlay -o "lowerdir=/,upperdir=$top/up,workdir=$top/work" aisoc-check "$top/root"
root=$top/root
mount -t proc proc "$root/proc"
for place in run tmp dev; do mount -t tmpfs -o mode=755 aisoc-check "$root/$place"; done
chmod 1777 "$root/tmp"
mknod -m 666 "$root/dev/null" c 1 3; mknod -m 666 "$root/dev/zero" c 1 5; mknod -m 666 "$root/dev/full" c 1 7
mknod -m 666 "$root/dev/random" c 1 8; mknod -m 666 "$root/dev/urandom" c 1 9; mknod -m 666 "$root/dev/tty" c 5 0
mkdir -m 1777 "$root/dev/shm"
mkdir "$root/dev/pts" "$root/dev/mqueue" "$root/dev/hugepages"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 aisoc-check "$root/sys/fs/cgroup"
while IFS=: read -r _ controllers _; do
    case $controllers in
        "") place=unified options= ; grep -q '^[1-9]' /proc/self/cgroup || place=. ;;
        *) place=${controllers#name=} options=$controllers ;;
    esac
    mkdir -p "$root/sys/fs/cgroup/$place"
    if [ -n "$options" ]; then mount -t cgroup -o "$options" cgroup "$root/sys/fs/cgroup/$place"
    else mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/$place"; fi
done </proc/self/cgroup
rm -rf "$root/etc/systemd/system" "$root/var/lib/aisoc" "$root/etc/aisoc"
mkdir -p "$root/etc/systemd/system"
printf '[Unit]\nDescription=nothing else\n' >"$root/etc/systemd/system/check.target"
install -m 0755 "$aisoc" "$root/usr/local/bin/aisoc"
cp "$deploy"/systemd/aisoc.* "$root/etc/systemd/system/"
mkdir "$root/old"
cd "$root"
pivot_root . old
umount -l old
exec env -i container=aisoc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=check.target
"""

# What the unit's own comment says to do, and plugins that were accepted.
SET_UP = r"""
set -e
export HOME=/home/operator PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin
useradd --system --home-dir /var/lib/aisoc --shell /usr/sbin/nologin aisoc
groupadd --system aisoc-operators
install -d -m 0755 /etc/aisoc/plugin-keys
install -d -m 0700 /home/operator && cd /home/operator
aisoc plugin keygen -q --out release >/dev/null
cp release.pem /etc/aisoc/plugin-keys/
aisoc token create ops --role admin --expires 30d --tokens /etc/aisoc/tokens.json -q >ops.token
chgrp aisoc /etc/aisoc/tokens.json && chmod 0640 /etc/aisoc/tokens.json
install -d -o aisoc -g aisoc /var/lib/aisoc /var/lib/aisoc/plugins
as_aisoc() {
    setpriv --reuid aisoc --regid aisoc --init-groups env HOME=/var/lib/aisoc PLUGIN_TRUSTED_KEYS_DIR=/etc/aisoc/plugin-keys \
        AISOC_PLUGINS_DIR=/var/lib/aisoc/plugins aisoc "$@" >/dev/null
}
cd /var/lib/aisoc
for number in $(seq "$1"); do
    as_aisoc plugin new -q "p$number" --type enricher -o plugins
    cp "$2" "plugins/p$number/plugin.py"
    aisoc plugin sign -q --plugin-dir "plugins/p$number" --private-key /home/operator/release.key >/dev/null
done
as_aisoc plugin new -q escapes --type enricher -o plugins
cp "$3" plugins/escapes/plugin.py
aisoc plugin sign -q --plugin-dir plugins/escapes --private-key /home/operator/release.key >/dev/null
chown -R aisoc:aisoc plugins
as_aisoc plugins trust escapes --reason "a check" --plugins-lock /var/lib/aisoc/plugins.lock
for number in $(seq "$1"); do
    as_aisoc plugins trust "p$number" --reason "a check" --plugins-lock /var/lib/aisoc/plugins.lock
done
"""

# Tries what no layer lets it, and says what it sees.
PLUGIN = """
import ctypes
import os
import socket


def tried(act):
    try:
        return repr(act())
    except (OSError, MemoryError) as error:
        return type(error).__name__


class Plugin:
    def run(self, payload, context):
        return {
            "tokens": tried(lambda: open("/etc/aisoc/tokens.json").read()),
            "state": tried(lambda: open("/var/lib/aisoc/plugins.lock").read()),
            "processes": tried(lambda: os.listdir("/proc")),
            "socket": tried(lambda: socket.socket()),
            "program": tried(lambda: os.execv("/bin/sh", ["sh", "-c", "exit"])),
            "scratch": tried(lambda: open(os.environ["TMPDIR"] + "/file", "w").write("x")),
            "callback": tried(lambda: ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)()),
        }
"""


def of_reliability():
    """The check that tries them, as a module."""
    place = ROOT / "checks/reliability"
    sys.path.insert(0, str(place))
    loader = importlib.machinery.SourceFileLoader("host_escapes", str(place / "host_escapes"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("host_escapes", loader))
    loader.exec_module(module)
    return module


ESCAPES = of_reliability()


def groups():
    """The control groups that this process is in, each as a directory."""
    mounts = {}
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            for option in [""] if kind == "cgroup2" else options.split(","):
                mounts[option] = pathlib.Path(left.split(" ")[4])
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        mount = mounts.get(controllers.split(",")[0])
        if mount:
            yield mount / path.lstrip("/")


def make_groups(name):
    made = []
    for above in groups():
        place = above / name
        place.mkdir()
        made.append(place)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (above / file).is_file() and (place / file).is_file():
                (place / file).write_text((above / file).read_text())
    return made


def remove_groups(made):
    for top in made:
        for _ in range(50):
            for place, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(place)
                except OSError:
                    pass
            if not top.exists():
                break
            time.sleep(0.1)


class Machine:
    """A systemd of our own, and what is asked of it."""

    def __init__(self, deploy, aisoc, place):
        if os.geteuid():
            raise Skip("only root starts a systemd of its own")
        for tool in ("unshare", "nsenter", "setpriv"):
            if not shutil.which(tool):
                raise Skip(f"no {tool}")
        if not os.access("/lib/systemd/systemd", os.X_OK):
            raise Skip("no systemd")
        if "overlay" not in pathlib.Path("/proc/filesystems").read_text():
            raise Skip("this kernel has no overlays")
        self.place, self.first, self.root, self.outside = pathlib.Path(place), None, None, None
        try:
            self.groups = make_groups(f"aisoc-check-{os.getpid()}")
        except OSError as error:
            raise Skip(f"no control groups of its own: {error}") from error
        (self.place / "top").mkdir()
        (self.place / "inside").write_text(INSIDE)
        enter = "".join(f"echo $$ >{group}/cgroup.procs; " for group in self.groups)
        words = f'{enter}exec unshare -m -p -f -C -u -i --kill-child sh "$@"'
        with open(self.place / "said", "w") as said:
            self.outer = subprocess.Popen(
                ["sh", "-c", words, "sh", self.place / "inside", self.place / "top", deploy, aisoc],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
        try:
            self.wait_until_it_runs()
        except BaseException:
            self.end()
            raise

    def wait_until_it_runs(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.outer.poll() is None:
            below = run("ps", "--ppid", self.outer.pid, "-o", "pid=").stdout.split()
            if below:
                self.first = int(below[0])
                self.root = pathlib.Path(f"/proc/{self.first}/root")
                state = self.ask("systemctl", "is-system-running").stdout.strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.1)
        raise Skip(f"systemd does not start here: {(self.place / 'said').read_text()[-300:].strip()}")

    def ask(self, *words, **options):
        return run("nsenter", "-t", self.first, "-a", "-r", "-w", *words, **options)

    def must(self, *words):
        done = self.ask(*words)
        if done.returncode:
            raise Broken(f"`{' '.join(map(str, words[:3]))[:80]}`: {(done.stderr + done.stdout)[-1500:].strip()}")
        return done.stdout

    def set_up(self):
        for name, code in (("plugin.py", PLUGIN), ("escapes.py", pathlib.Path(ESCAPES.escaping.__file__).read_text())):
            (self.root / name).write_text(code)
        self.must("sh", "-c", SET_UP, "sh", str(PLUGINS), "/plugin.py", "/escapes.py")

    def restart(self, changed):
        """With those lines of the unit in the place of others; how the host stands then."""
        self.ask("systemctl", "stop", "aisoc.service", "aisoc.socket")
        place = "/etc/systemd/system/aisoc.service"
        text = (self.unit if changed is None else changed)
        drop_in = "mkdir -p {0}.d; printf '[Service]\\nStandardError=file:/var/log/said\\n' >{0}.d/said.conf".format(place)
        self.must("sh", "-c", f"cat >{place} <<'END'\n{text}\nEND\n{drop_in}; rm -f /var/log/said")
        self.must("systemctl", "daemon-reload")
        self.ask("systemctl", "reset-failed")
        started = self.ask("systemctl", "start", "aisoc.socket", "aisoc.service")
        if started.returncode:
            said = self.ask("cat", "/var/log/said").stdout
            raise Broken(f"it does not start: {(said or started.stderr)[-600:].strip()}")

    def curl(self, *words):
        token = "Authorization: Bearer " + self.must("cat", "/home/operator/ops.token").strip()
        return self.ask("curl", "-s", "--max-time", "20", "--unix-socket", SOCKET, "-H", token, *words).stdout

    def stands(self):
        """Raises what is not as the unit promises; says what is."""
        for path, said in (("healthz", "ok"), ("readyz", "ready")):
            answer = self.curl(f"localhost/{path}")
            if f'"{said}"' not in answer:
                raise Broken(f"/{path} answers {answer!r}")
        found = json.loads(self.curl("localhost/api/v1/plugins"))
        standing = {(plugin["state"], plugin["sandbox"], plugin["error"]) for plugin in found}
        if len(found) != PLUGINS + 1 or standing != {("enabled", "full", None)}:
            worst = sorted(standing - {("enabled", "full", None)}, key=str)
            raise Broken(f"of {len(found)} plugins, of {PLUGINS + 1}, some are {worst[:2]}")
        answer = json.loads(self.curl("localhost/api/v1/plugins/p1/run", "-d", "{}", "-H", "Content-Type: application/json"))
        got = answer.get("result", {})
        reached = {name: what for name, what in got.items() if "Error" not in what and name != "scratch"}
        if reached or got.get("scratch") != "1":
            raise Broken(f"a plugin under it: {answer}")
        user = self.ask("ps", "-C", "aisoc", "-o", "user=").stdout.split()
        if set(user) != {"aisoc"}:
            raise Broken(f"it runs as {sorted(set(user))}")
        answer = self.curl("-X", "POST", "localhost/api/v1/plugins/p2/disable", "-H", "X-Reason: a check")
        if json.loads(answer).get("state") != "disabled":
            raise Broken(f"what it is asked for it cannot write down: {answer[:300]}")
        self.curl("-X", "POST", "localhost/api/v1/plugins/p2/enable")
        return f"{PLUGINS} plugins run under it, each with every layer, as {user[0]}"

    def escapes(self, names=ESCAPES.escaping.NAMES):
        """Every way out of `checks/reliability/host_escapes`, of a plugin under the unit."""
        base = pathlib.Path("/srv/outside")
        if self.outside is None:
            # The files are in there; networks are those of this machine.
            (self.root / base.relative_to("/")).mkdir()
            self.outside = ESCAPES.Outside(self.root / base.relative_to("/"))
        outside = self.outside
        host = int(self.must("systemctl", "show", "-p", "MainPID", "--value", "aisoc.service"))
        other = int(self.must("ps", "-C", "python3", "-o", "pid=").split()[0])
        site = "/var/lib/aisoc"
        it = {"key": "/home/operator/release.key", "secret": f"{base}/secret", "state": f"{site}/host.json", "marker": ESCAPES.MARKER,
              "other_plugin": f"{site}/plugins/p1/plugin.py", "plugins": f"{site}/plugins", "own": f"{site}/plugins/escapes",
              "open_directory": f"{base}/open", "host": host, "other": other, "tcp": outside.tcp, "udp": outside.udp,
              "api": outside.tcp, "abstract": outside.abstract, "abstract_datagrams": outside.datagrams,
              "socket": f"{base}/socket", "shared": 0x5B1F}
        through = {}
        for name in names:
            reached = len(outside.reached)
            body = json.dumps({"payload": {"attempt": name, "it": it}})
            answer = json.loads(self.curl("localhost/api/v1/plugins/escapes/run", "-d", body, "-H", "Content-Type: application/json"))
            if "result" not in answer:
                # Ended by the kernel: it has got nowhere.
                self.curl("-X", "POST", "localhost/api/v1/plugins/discover")
            elif answer["result"]["got"]:
                through[name] = answer["result"]["got"]
            if len(outside.reached) > reached:
                through[name] = f"reached {outside.reached[-1]}"
        if through:
            raise Broken(f"under the unit a plugin gets through: {through}")
        return len(names)

    def unconfined(self):
        """The same ways out get through where no layer is: they are ways."""
        self.restart(self.unit.replace("AISOC_SANDBOX=require", "AISOC_SANDBOX=off"))
        try:
            return None, self.escapes(["reads_a_secret_of_everybody", "reads_another_plugin", "connects", "starts_a_shell"])
        except Broken as error:
            return str(error), None

    def end(self):
        for process in (self.first, self.outer.pid):
            try:
                process and os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.outer.wait()
        remove_groups(self.groups)


def started(deploy, aisoc, place, broken):
    """(what holds, for each unit with something broken in it what came of that)."""
    machine = Machine(deploy, aisoc, place)
    try:
        machine.unit = (deploy / "systemd/aisoc.service").read_text()
        machine.set_up()
        machine.restart(None)
        holds = f"{machine.stands()}; 0 of {machine.escapes()} ways out get through"
        outcomes = {}
        for name, change in broken.items():
            text = change(machine.unit)
            if text == machine.unit:
                raise Broken(f"nothing was changed: {name}")
            try:
                machine.restart(text)
                outcomes[name] = (None, machine.stands())
            except (Broken, ValueError) as error:
                outcomes[name] = (str(error), None)
        outcomes["nothing confines its plugins"] = machine.unconfined()
        # What was broken is so by that alone.
        machine.restart(None)
        machine.stands()
        return holds, outcomes
    finally:
        machine.end()
