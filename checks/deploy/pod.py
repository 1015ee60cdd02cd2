"""The pod of the manifest, started by a runtime of containers as a kubelet would have it: the image that was built, the user,
the profile of system calls, the volumes with their owners and modes, the arguments; then asked by its probes.

What a cluster adds, names, policies of networks and the volumes' drivers, is not here.
"""

import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import time

import cluster
import image
from common import Broken, Skip, must, run

GROUP = 10001
PATIENCE = 60
HIDDEN = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug",
          "/proc/scsi", "/sys/firmware"]
CLOSED = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
# It starts nothing where there are control groups of both versions, and needs none here.
ONE_VERSION = 'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'
ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}


class Site:
    """What an operator makes before: keys, a signed set in a registry, a token, a certificate."""

    def __init__(self, place, aisoc):
        self.place, self.aisoc = place, aisoc
        place.mkdir()
        self.keys = place / "keys"
        self.keys.mkdir()
        must(aisoc, "plugin", "keygen", "-q", "--out", "root", cwd=place)
        must(aisoc, "plugin", "keygen", "-q", "--out", "ops", cwd=place)
        must(aisoc, "keys", "add", "root.pem", "--may-sign", "lock", "--keys", "keys", "--reason", "signs sets", "-q", cwd=place)
        must(aisoc, "keys", "add", "ops.pem", "--keys", "keys", "--reason", "signs plugins", "-q", cwd=place)
        self.registry = subprocess.Popen([aisoc, "registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0"], cwd=place,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        at = self.registry.stdout.readline().strip().removeprefix("http://").replace("127.0.0.1", "localhost")
        must(aisoc, "plugin", "new", "shodan", "--type", "enricher", "-q", cwd=place)
        must(aisoc, "plugin", "release", "-q", "--plugin-dir", "shodan", "--private-key", "ops.key", f"{at}/team/shodan:0.1.0", cwd=place)
        must(aisoc, "plugin", "install", "-q", f"{at}/team/shodan:0.1.0", "--lock", "--reason", "read", "--plugins-lock", "hq.lock",
             "--plugins-dir", "hq", "--keys", "keys", cwd=place)
        self.set = f"{at}/security/fleet:production"
        must(aisoc, "plugins", "lock", "push", self.set, "--name", "fleet", "--expires", "2d", "--private-key", "root.key",
             "--plugins-lock", "hq.lock", "--keys", "keys", cwd=place)
        self.token = must(aisoc, "token", "create", "ops", "--role", "admin", "--expires", "2d", "--tokens", "tokens.json", cwd=place).strip()
        must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=aisoc", "-addext", "subjectAltName=DNS:aisoc.aisoc.svc", "-keyout", "tls.key", "-out", "tls.crt", cwd=place)

    def secret(self, name):
        place = self.place
        return {"keys": sorted(file for file in self.keys.iterdir() if file.is_file()), "tokens": [place / "tokens.json"], "tls": [place / "tls.crt", place / "tls.key"]}[name]

    def end(self):
        self.registry.kill()
        self.registry.wait()


class Pod:
    """Its containers, one after the other, over the same volumes."""

    def __init__(self, place, site, manifests, profile, config, files):
        if not shutil.which("crun"):
            raise Skip("no runtime of containers: `apt-get install crun` brings one")
        self.place, self.config, self.files, self.profile = place, config, files, profile
        place.mkdir()
        found = {document["kind"]: document for document in manifests}
        self.pod = found["StatefulSet"]["spec"]["template"]["spec"]
        self.settings = {**found["ConfigMap"]["data"], "SET": site.set}
        self.sources = {volume["name"]: place / volume["name"] for volume in self.pod["volumes"]}
        self.sources["state"] = place / "state"
        self.in_memory = []
        try:
            for volume in self.pod["volumes"]:
                self.lay(volume, site)
        except BaseException:
            self.end()
            raise
        (place / "hosts").write_text("127.0.0.1 localhost\n")
        # As a volume with `fsGroup` is handed over.
        self.sources["state"].mkdir()
        os.chown(self.sources["state"], 0, GROUP)
        self.sources["state"].chmod(0o2775)

    def lay(self, volume, site):
        """In memory both, as a kubelet does: a secret with a link to its newest version, which nobody but root may write."""
        at = self.sources[volume["name"]]
        at.mkdir()
        must("mount", "-t", "tmpfs", "-o", "mode=2777", "aisoc-check", at)
        self.in_memory.append(at)
        os.chown(at, 0, GROUP)
        if "secret" in volume:
            (at / "..version").mkdir()
            (at / "..data").symlink_to("..version")
            for file in site.secret(volume["name"]):
                shutil.copyfile(file, at / "..version" / file.name)
                os.chown(at / "..version" / file.name, 0, GROUP)
                (at / "..version" / file.name).chmod(0o644)
                (at / file.name).symlink_to(f"..data/{file.name}")
        else:
            os.chmod(at, 0o2777)

    def bundle(self, container):
        """What the runtime is told: the image's configuration, and over it the pod's."""
        of_pod, within = self.pod["securityContext"], container["securityContext"]
        command = container.get("command", self.config["Entrypoint"]) + container.get("args", self.config.get("Cmd", []))
        for name, value in self.settings.items():
            command = [word.replace(f"$({name})", value) for word in command]
        variables = dict(pair.split("=", 1) for pair in self.config["Env"]) | self.settings
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777"]},
            {"destination": "/etc/hosts", "type": "bind", "source": str(self.place / "hosts"), "options": ["bind", "ro"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        ]
        for mount in container["volumeMounts"]:
            options = ["rbind", "rprivate", "ro" if mount.get("readOnly") else "rw"]
            mounts.append({"destination": mount["mountPath"], "type": "bind", "source": str(self.sources[mount["name"]]), "options": options})
        rules = [{key: rule[key] for key in ("names", "action", "args") if key in rule} for rule in self.profile["syscalls"]]
        architecture = ARCHITECTURES[os.uname().machine]
        seccomp = {"defaultAction": self.profile["defaultAction"], "defaultErrnoRet": self.profile["defaultErrnoRet"],
                   "architectures": [one for one in self.profile["architectures"] if one == architecture], "syscalls": rules}
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": of_pod["runAsUser"], "gid": of_pod["runAsGroup"], "additionalGids": [of_pod["fsGroup"]]},
                "args": command, "env": [f"{name}={value}" for name, value in variables.items()],
                "cwd": self.config.get("WorkingDir") or "/", "capabilities": {},
                "noNewPrivileges": not within["allowPrivilegeEscalation"],
            },
            "root": {"path": str(self.files), "readonly": within["readOnlyRootFilesystem"]},
            "hostname": "aisoc-0", "mounts": mounts,
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")], "seccomp": seccomp,
                      "maskedPaths": HIDDEN, "readonlyPaths": CLOSED},
        }

    def start(self, container, words=lambda args: args):
        """That container, and the file that it prints to."""
        bundle = self.place / container["name"]
        bundle.mkdir(exist_ok=True)
        container = {**container, "args": words(container["args"])}
        (bundle / "config.json").write_text(json.dumps(self.bundle(container)))
        name = f"aisoc-check-{os.getpid()}-{self.place.name}-{container['name']}"
        said = open(bundle / "said", "w")
        crun = ["crun", "--cgroup-manager=disabled", "--root", self.place / "runtime", "run", "--bundle", bundle, name]
        child = subprocess.Popen(["unshare", "-m", "sh", "-c", ONE_VERSION, "sh", *crun], stdin=subprocess.DEVNULL, stdout=said,
                                 stderr=said)
        said.close()
        return child, bundle / "said"

    def sync(self):
        (container,) = self.pod["initContainers"]
        child, said = self.start(container)
        if child.wait(PATIENCE):
            raise Broken(f"`{container['name']}`: {said.read_text().strip()[-500:]}")
        if "shodan 0.1.0" not in said.read_text():
            raise Broken(f"`{container['name']}` brought nothing: {said.read_text()[-300:]}")

    def end(self):
        for place in self.in_memory:
            run("umount", "-l", place)


class Asked:
    """A host in a pod, as a kubelet and an operator ask it."""

    def __init__(self, pod, token, port):
        (self.container,) = pod.pod["containers"]
        self.port, self.token = port, token
        self.child, self.said = pod.start(
            self.container, lambda args: [word.replace("0.0.0.0:8443", f"0.0.0.0:{port}") for word in args])

    def ask(self, path, headers, method="GET", body=None):
        # By address and without a name in TLS; a kubelet looks at no certificate.
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as error:
            return 0, str(error)
        finally:
            connection.close()

    def probe(self, kind):
        asked = self.container[kind]["httpGet"]
        return self.ask(asked["path"], {header["name"]: header["value"] for header in asked["httpHeaders"]})

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE
        while self.probe("startupProbe")[0] != 200:
            if self.child.poll() is not None or time.monotonic() > deadline:
                raise Broken(f"it does not start: {self.said.read_text().strip()[-600:]}")
            time.sleep(0.05)

    def stands(self):
        self.wait_ready()
        for kind in ("readinessProbe", "livenessProbe"):
            if self.probe(kind)[0] != 200:
                raise Broken(f"{kind}: {self.probe(kind)}")
        if self.ask("/healthz", {})[0] == 200:
            raise Broken("it answers whoever names it by its address, and the manifest says that it does not")
        headers = {"Host": "aisoc.aisoc.svc", "Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if self.ask("/api/v1/plugins", {**headers, "Authorization": "Bearer aisoc_no"})[0] != 401:
            raise Broken("it lets in who shows no token that counts")
        found = json.loads(self.ask("/api/v1/plugins", headers)[1])
        if [(one["id"], one["state"], one["sandbox"]) for one in found] != [("shodan", "enabled", "full")]:
            raise Broken(f"its plugins are {[(one['id'], one['state'], one['sandbox'], one['error']) for one in found]}")
        status, answer = self.ask("/api/v1/plugins/shodan/run", headers, "POST", '{"payload": {"indicator": "203.0.113.7"}}')
        if status != 200 or json.loads(answer)["result"]["kind"] != "ip":
            raise Broken(f"a call: {status} {answer}")
        for what in ("disable", "enable"):
            status, answer = self.ask(f"/api/v1/plugins/shodan/{what}", headers, "POST")
            if status != 200:
                raise Broken(f"{what}: {status} {answer}")

    def end(self, within=PATIENCE):
        """How it ended when it was told to."""
        below = run("ps", "--ppid", self.child.pid, "-o", "pid=").stdout.split()
        try:
            for process in below:
                os.kill(int(process), signal.SIGTERM)
            return self.child.wait(within)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            for process in below:
                run("kill", "-9", process)
            return self.child.wait(10)


def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def whole(place, site, manifests, profile, config, files):
    """From the set to a call that is answered."""
    pod = Pod(place, site, manifests, profile, config, files)
    try:
        pod.sync()
        host = Asked(pod, site.token, free_port())
        try:
            host.stands()
        finally:
            code = host.end()
        if code:
            raise Broken(f"told to end, it ends with {code}: {host.said.read_text()[-300:]}")
        return "the set was applied, and its plugin answers with every layer, behind the profile, as the pod's user"
    finally:
        pod.end()


def changed(profile, name):
    """Without that call."""
    rules = [{**rule, "names": [one for one in rule["names"] if one != name]} for rule in profile["syscalls"]]
    return {**profile, "syscalls": [rule for rule in rules if rule["names"]]}


def checked(table, deploy, aisoc, python, place):
    if os.geteuid() or python is None:
        table.check("the image, built", lambda: (_ for _ in ()).throw(Skip("only root, with what reads YAML, starts a pod here")))
        return
    # Whoever is in the pod has to come through here.
    pathlib.Path(place).chmod(0o755)
    made = {}

    def build():
        made["builder"] = builder = image.Builder(place)
        made["config"], made["files"] = builder.build(deploy, aisoc)
        config = made["config"]
        if config["User"] != "10001:10001" or config["Entrypoint"] != ["/usr/local/bin/aisoc"]:
            raise Broken(f"the image is {config}")
        return f"by buildah, on this machine's Python: {config['User']}, {' '.join(config['Entrypoint'])}"

    try:
        if not table.check("the image, built", build):
            return
        site = Site(place / "site", aisoc)
        try:
            profile = json.loads((deploy / "seccomp.json").read_text())
            manifests = cluster.documents(deploy, python)
            image_of = (made["config"], made["files"])
            if not table.check("the pod, started", lambda: whole(place / "pod", site, manifests, profile, *image_of)):
                return
            for name in ("unshare", "pivot_root", "landlock_restrict_self", "seccomp", "listen"):
                table.must_fail("the pod, started", f"its profile refuses {name}",
                                lambda: whole(place / f"without-{name}", site, manifests, changed(profile, name), *image_of))
            nameless = json.loads(json.dumps(manifests).replace('"value": "aisoc.aisoc.svc"', '"value": "10.0.0.7"'))
            table.must_fail("the pod, started", "its probes name no host of the certificate",
                            lambda: impatient(whole, place / "nameless", site, nameless, profile, *image_of))
        finally:
            site.end()
    finally:
        if "builder" in made:
            made["builder"].end()


def impatient(act, *words):
    """What waits for its whole time does not have to wait here."""
    global PATIENCE
    before, PATIENCE = PATIENCE, 5
    try:
        return act(*words)
    finally:
        PATIENCE = before
