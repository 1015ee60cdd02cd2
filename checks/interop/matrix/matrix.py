#!/usr/bin/env python3
"""The tables of checks/interop/matrix/run: registries that aisoc is a client of, and clients of `aisoc registry serve`."""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

CUT_AFTER = 3_000_000


class Refused(Exception):
    """Something did not come out as it should."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(argv, code=0, **options):
    """Standard output of a command that ends with that code."""
    argv = [str(word) for word in argv]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **options)
    if done.returncode != code:
        raise Refused(f"{' '.join(argv[:5])} …: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout if code == 0 else done.stderr


class Registry:
    """A registry in a process of its own, for as long as the block lasts."""

    def __init__(self, argv, port):
        self.argv, self.host = [str(word) for word in argv], f"127.0.0.1:{port}"

    def __enter__(self):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.child = subprocess.Popen(self.argv, env=os.environ | {"OTEL_TRACES_EXPORTER": "none"}, **quiet)
        for _ in range(200):
            connection = http.client.HTTPConnection(self.host, timeout=5)
            try:
                connection.request("GET", "/v2/")
                connection.getresponse().read()
                return self
            except OSError:
                if self.child.poll() is not None:
                    raise Refused(f"{self.argv[0]} ended with {self.child.returncode}") from None
                time.sleep(0.05)
            finally:
                connection.close()
        raise Refused(f"{self.argv[0]} does not begin")

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class CuttingLine:
    """A line to a registry that breaks once, in the middle of a large answer, and counts what came over it."""

    def __init__(self, host, port):
        self.target = ("127.0.0.1", int(host.rpartition(":")[2]))
        self.listener = socket.create_server(("127.0.0.1", port))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.came, self.is_cut = 0, False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            threading.Thread(target=self.move, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.move, args=(far, near, True), daemon=True).start()

    def move(self, one, other, is_answer):
        moved = 0
        try:
            while data := one.recv(65536):
                if is_answer:
                    moved += len(data)
                    self.came += len(data)
                    if moved > CUT_AFTER and not self.is_cut:
                        self.is_cut = True
                        break
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        # Who waits in `accept` would else hold the port.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Bench:
    def __init__(self, aisoc, peers, work):
        self.aisoc, self.peers, self.work = aisoc, peers, work
        self.count = 0
        # Known beforehand: our registry answers to names that it was told alone.
        self.line_port = free_port()
        for name in ("demo", "other"):
            self.ours("plugin", "new", name, "--type", "enricher", "-o", work)
        self.ours("plugin", "keygen", "--out", work / "release")
        (work / "keys").mkdir()
        shutil.copy(work / "release.pem", work / "keys")
        (work / "demo" / "data.bin").write_bytes(os.urandom(6_000_000))
        for name in ("demo", "other"):
            self.ours("plugin", "sign", "--plugin-dir", work / name, "--private-key", work / "release.key")

    def ours(self, *words, code=0):
        return run([self.aisoc, *words], code, cwd=self.work)

    def fresh(self, name):
        self.count += 1
        return self.work / f"{name}{self.count}"

    def find(self, name):
        for place in (self.peers / "matrix" / name, self.peers / "bin" / name):
            if os.access(place, os.X_OK):
                return str(place)
        return shutil.which(name)

    def need(self, name):
        found = self.find(name)
        if not found:
            raise LookupError(name)
        return found

    def install(self, reference):
        self.ours("plugin", "install", reference, "--trusted-keys", "keys", "--plugins-dir", self.fresh("plugins"))


# --- registries -----------------------------------------------------------------------------------------

def distribution(bench, program):
    root, port = bench.fresh("distribution"), free_port()
    root.mkdir()
    (root / "config.yml").write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {root}/data}}, delete: {{enabled: true}}}}\n"
        f'http: {{addr: "127.0.0.1:{port}"}}\n')
    return Registry([program, "serve", root / "config.yml"], port)


def aisoc_registry(bench):
    port = free_port()
    return Registry([bench.aisoc, "registry", "serve", "--dir", bench.fresh("served"), "--listen", f"127.0.0.1:{port}",
                     "--allow-host", f"127.0.0.1:{bench.line_port}"], port)


def crane_registry(bench):
    port, root = free_port(), bench.fresh("crane")
    root.mkdir()
    return Registry([bench.need("crane"), "registry", "serve", "--address", f"127.0.0.1:{port}", "--disk", root], port)


def olareg(bench):
    port, root = free_port(), bench.fresh("olareg")
    root.mkdir()
    return Registry([bench.need("olareg"), "serve", "--addr", "127.0.0.1", "--port", port, "--dir", root,
                     "--api-delete=true"], port)


def zot(bench):
    program, root, port = bench.need("zot"), bench.fresh("zot"), free_port()
    root.mkdir()
    (root / "config.json").write_text(json.dumps({
        "storage": {"rootDirectory": f"{root}/data"}, "http": {"address": "127.0.0.1", "port": str(port)},
        "log": {"level": "error"}}))
    return Registry([program, "serve", root / "config.json"], port)


REGISTRIES = (
    ("distribution 3", lambda bench: distribution(bench, bench.need("registry"))),
    ("distribution 2.8", lambda bench: distribution(bench, bench.need("docker-registry"))),
    ("`aisoc registry serve`", aisoc_registry),
    ("crane's registry", crane_registry),
    ("olareg", olareg),
    ("zot", zot),
)


# --- what is asked of each ------------------------------------------------------------------------------

def pushes(bench, host):
    bench.ours("plugin", "push", "demo", f"{host}/team/demo:1.0.0")


def sends_nothing_twice(bench, host):
    again = json.loads(bench.ours("plugin", "push", "demo", f"{host}/team/demo:1.0.0", "--json"))
    if again["uploaded_blob_count"]:
        raise Refused(f"{again['uploaded_blob_count']} blobs were sent again")


def keeps_tags(bench, host):
    said = bench.ours("plugin", "push", "other", f"{host}/team/demo:1.0.0", code=1)
    if "error[tag_exists]" not in said:
        raise Refused(said[-200:])


def installs(bench, host):
    bench.install(f"{host}/team/demo:1.0.0")
    pushed = json.loads(bench.ours("plugin", "push", "demo", f"{host}/team/demo:1.0.0", "--json"))
    bench.install(f"{host}/team/demo@{pushed['artifact_digest']}")


def goes_on(bench, host):
    line = CuttingLine(host, bench.line_port)
    try:
        bench.install(f"{line.host}/team/demo:1.0.0")
    finally:
        line.close()
    if not line.is_cut:
        raise Refused("the line did not break")
    # Some have no ranges, and send all of it again.
    return "yes" if line.came < 6_000_000 + 1_500_000 else "from the beginning"


def has_referrers(bench, host):
    """A note that oras has attached comes along into the registry, and out of it again."""
    out = bench.fresh("copied")
    with aisoc_registry(bench) as source:
        bench.ours("plugin", "push", "demo", f"{source.host}/team/demo:1")
        (bench.work / "note.txt").write_text("looked at\n")
        run([bench.need("oras"), "attach", "--plain-http", "--artifact-type", "application/x.note",
             f"{source.host}/team/demo:1", "note.txt:text/plain"], cwd=bench.work)
        bench.ours("copy", "--recursive", f"{source.host}/team/demo:1", f"{host}/team/noted:1")
    back = json.loads(bench.ours("copy", "--recursive", f"{host}/team/noted:1", f"oci:{out}:1", "--json"))
    if back["referrer_count"] != 1:
        raise Refused(f"{back['referrer_count']} referrers came back")
    api = http.client.HTTPConnection(host, timeout=10)
    api.request("GET", f"/v2/team/noted/referrers/{back['artifacts'][0]['artifact_digest']}")
    return "yes, by its API" if api.getresponse().status == 200 else "yes, by the tag"


def lists_tags(bench, host):
    tags = bench.ours("registry", "tags", f"{host}/team/demo").split()
    if "1.0.0" not in tags:
        raise Refused(f"tags: {tags}")


def deletes(bench, host):
    bench.ours("copy", f"{host}/team/demo:1.0.0", f"{host}/team/gone:1")
    how = "yes"
    try:
        bench.ours("registry", "delete", f"{host}/team/gone:1", "--yes")
    except Refused:
        copied = json.loads(bench.ours("copy", f"{host}/team/demo:1.0.0", f"{host}/team/gone:1", "--json"))
        bench.ours("registry", "delete", f"{host}/team/gone@{copied['artifacts'][0]['artifact_digest']}", "--with-tags", "--yes")
        how = "yes, by the digest alone"
    said = bench.ours("plugin", "inspect", f"{host}/team/gone:1", code=1)
    if "error[reference_not_found]" not in said:
        raise Refused(said[-200:])
    return how


ASKED = (
    ("push", pushes), ("nothing twice", sends_nothing_twice), ("a tag is kept", keeps_tags),
    ("install, by tag and by digest", installs), ("goes on after a break", goes_on), ("referrers", has_referrers),
    ("tags", lists_tags), ("delete", deletes),
)


# --- clients of ours ------------------------------------------------------------------------------------

def with_oras(bench, host):
    oras = bench.need("oras")
    (bench.work / "note.txt").write_text("looked at\n")
    run([oras, "push", "--plain-http", f"{host}/oras/a:1", "note.txt:text/plain"], cwd=bench.work)
    run([oras, "attach", "--plain-http", "--artifact-type", "application/x.note", f"{host}/oras/a:1", "note.txt:text/plain"],
        cwd=bench.work)
    out = bench.fresh("oras")
    run([oras, "pull", "--plain-http", "--output", out, f"{host}/oras/a:1"])
    found = json.loads(run([oras, "discover", "--plain-http", "--format", "json", f"{host}/oras/a:1"]))
    if len(found.get("referrers") or found.get("manifests") or []) != 1:
        raise Refused(f"discover: {found}")
    run([oras, "repo", "tags", "--plain-http", f"{host}/oras/a"])
    run([oras, "cp", "-r", "--from-plain-http", "--to-plain-http", f"{host}/oras/a:1", f"{host}/oras/b:1"])
    run([oras, "manifest", "delete", "--plain-http", "--force", f"{host}/oras/b:1"])
    return "push, attach, pull, discover, tags, cp -r, delete"


def with_crane(bench, host):
    crane = bench.need("crane")
    layout = bench.fresh("layout")
    bench.ours("plugin", "package", "--plugin-dir", "demo", "--out", layout)
    run([crane, "push", "--insecure", layout, f"{host}/crane/a:1"])
    run([crane, "copy", "--insecure", f"{host}/crane/a:1", f"{host}/crane/b:1"])
    if run([crane, "ls", "--insecure", f"{host}/crane/b"]).split() != ["1"]:
        raise Refused("ls")
    digest = run([crane, "digest", "--insecure", f"{host}/crane/b:1"]).strip()
    run([crane, "pull", "--insecure", "--format", "oci", f"{host}/crane/b:1", bench.fresh("crane")])
    run([crane, "catalog", "--insecure", host])
    run([crane, "delete", "--insecure", f"{host}/crane/b@{digest}"])
    bench.install(f"{host}/crane/a:1")
    return "push, copy, ls, digest, pull, catalog, delete"


def with_regctl(bench, host):
    regctl, home = bench.need("regctl"), bench.fresh("regctl")
    home.mkdir()
    env = os.environ | {"HOME": str(home), "REGCTL_CONFIG": str(home / "config.json")}
    run([regctl, "registry", "set", host, "--tls", "disabled"], env=env)
    bench.ours("plugin", "push", "demo", f"{host}/regctl/a:1")
    run([regctl, "image", "copy", "--referrers", f"{host}/regctl/a:1", f"{host}/regctl/b:1"], env=env)
    (bench.work / "note.txt").write_text("looked at\n")
    run([regctl, "artifact", "put", "--artifact-type", "application/x.note", "--subject", f"{host}/regctl/b:1",
         "--file", "note.txt"], cwd=bench.work, env=env)
    if "application/x.note" not in run([regctl, "artifact", "list", f"{host}/regctl/b:1"], env=env):
        raise Refused("artifact list")
    if run([regctl, "tag", "ls", f"{host}/regctl/b"], env=env).split() != ["1"]:
        raise Refused("tag ls")
    run([regctl, "tag", "delete", f"{host}/regctl/b:1"], env=env)
    return "copy with referrers, artifact put and list, tag ls, tag delete"


def with_skopeo(bench, host):
    skopeo, layout = bench.need("skopeo"), bench.fresh("layout")
    bench.ours("plugin", "package", "--plugin-dir", "demo", "--out", layout, "--tag", "1")
    flags = ["--insecure-policy", "copy"]
    run([skopeo, *flags, "--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{host}/skopeo/a:1"])
    run([skopeo, *flags, "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{host}/skopeo/a:1",
         f"docker://{host}/skopeo/b:1"])
    run([skopeo, "list-tags", "--tls-verify=false", f"docker://{host}/skopeo/b"])
    run([skopeo, "inspect", "--raw", "--tls-verify=false", f"docker://{host}/skopeo/b:1"])
    run([skopeo, "delete", "--tls-verify=false", f"docker://{host}/skopeo/b:1"])
    bench.install(f"{host}/skopeo/a:1")
    return "copy in and within, list-tags, inspect, delete"


def with_helm(bench, host):
    helm, place = bench.need("helm"), bench.fresh("helm")
    place.mkdir()
    env = os.environ | {"HOME": str(place)}
    run([helm, "create", "chart"], cwd=place, env=env)
    run([helm, "package", "chart"], cwd=place, env=env)
    run([helm, "push", "chart-0.1.0.tgz", f"oci://{host}/helm", "--plain-http"], cwd=place, env=env)
    (place / "chart-0.1.0.tgz").unlink()
    run([helm, "pull", f"oci://{host}/helm/chart", "--version", "0.1.0", "--plain-http"], cwd=place, env=env)
    run([helm, "show", "chart", f"oci://{host}/helm/chart", "--plain-http"], cwd=place, env=env)
    return "push, pull, show"


def with_cosign(bench, host):
    cosign, place = bench.need("cosign"), bench.fresh("cosign")
    place.mkdir()
    env = os.environ | {"HOME": str(place), "COSIGN_PASSWORD": ""}
    run([cosign, "generate-key-pair"], cwd=place, env=env)
    pushed = json.loads(bench.ours("plugin", "push", "demo", f"{host}/cosign/a:1", "--json"))
    name = f"{host}/cosign/a@{pushed['artifact_digest']}"
    local = ["--allow-http-registry", "--allow-insecure-registry"]
    run([cosign, "sign", "--key", "cosign.key", "--tlog-upload=false", "-y", *local, name], cwd=place, env=env)
    run([cosign, "verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", *local, name], cwd=place, env=env)
    return "sign, verify"


CLIENTS = (("oras", with_oras), ("crane", with_crane), ("regctl", with_regctl), ("skopeo", with_skopeo),
           ("helm", with_helm), ("cosign", with_cosign))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--aisoc", required=True)
    parser.add_argument("--peers", required=True, type=pathlib.Path)
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="aisoc-matrix."))
    os.environ["DOCKER_CONFIG"] = str(work / "docker")
    failed, rows = [], []

    def cell(where, ask):
        try:
            return ask() or "yes"
        except (Refused, subprocess.TimeoutExpired) as why:
            failed.append(f"{where}: {why}")
            return "**no**"

    try:
        bench = Bench(options.aisoc, options.peers, work)
        for name, start in REGISTRIES:
            try:
                with start(bench) as registry:
                    rows.append((name, *(cell(f"{name}, {what}", lambda ask=ask: ask(bench, registry.host))
                                         for what, ask in ASKED)))
            except LookupError as missing:
                rows.append((name, f"not tried: no {missing} here", *[""] * (len(ASKED) - 1)))
            except Refused as why:
                failed.append(f"{name}: {why}")
                rows.append((name, "**no**", *[""] * (len(ASKED) - 1)))
        table(("registry", *(what for what, _ in ASKED)), rows)
        clients = []
        with aisoc_registry(bench) as registry:
            for name, ask in CLIENTS:
                try:
                    clients.append((name, cell(name, lambda ask=ask: ask(bench, registry.host))))
                except LookupError as missing:
                    clients.append((name, f"not tried: no {missing} here"))
        table(("client", "what it does with `aisoc registry serve`"), clients)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for why in failed:
        print(f"FAIL {why}")
    return 1 if failed else 0


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
