#!/usr/bin/env python3
"""What moves artifacts, beside what others move them with; both sides of it.

    checks/perf/transfers.py [AISOC] [--large] [--rounds N] [--only push,again,mount,install,unchanged,memory,server]

The client: pushes, pushes of nothing new, copies within a registry, installs and installs of what is there, beside oras
and skopeo, all against distribution. The server: `aisoc registry serve` beside distribution, asked by one plain client.
Whatever is compared takes turns in one run (see measure.py); ratios are of medians. `--large` adds the gigabyte rows and
needs some 15 GB of disk. Peers that are not there (checks/interop/peers/install; apt-get install skopeo) make skipped
rows.
"""

import argparse
import hashlib
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import measure
from measure import Bench, Failed, Run, alternate, median, peak, seconds
from tags import Served, free_port

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
SMALL_BLOBS, TURN = 10_000, 200


class Transfers(Bench):
    """The rows. Trees, keys, peers and the registry are those of the other benchmarks."""

    def __init__(self, options, work):
        super().__init__(options, work)
        self.sizes = [100, 1000] if options.large else [100]

    def oras(self):
        oras = self.peer("oras")
        if not oras or not self.registry():
            raise Skipped("no oras or no distribution registry")
        return oras

    # --- the client ---------------------------------------------------------------------------------

    def push_of(self, megabytes, place):
        return self.plugin("push", self.tree(megabytes), f"{self.registry()}/ours/{place}:1")

    def oras_push_of(self, megabytes, place):
        # Named from its parent, as a path that `oras pull` would put it at again.
        tree = self.tree(megabytes)
        words = [self.oras(), "push", "--plain-http", f"{self.registry()}/theirs/{place}:1", f"{tree.name}:{LAYER}"]
        return ["/usr/bin/env", "-C", str(tree.parent), *words]

    def push(self):
        for megabytes in self.sizes:
            self.oras()
            ours, theirs = alternate(
                lambda number: Run(self.push_of(megabytes, f"push{megabytes}-{number + 1}")),
                lambda number: Run(self.oras_push_of(megabytes, f"push{megabytes}-{number + 1}")),
                self.rounds, settle=os.sync)
            self.table.compare(f"`plugin push`, {megabytes} MB", ours, "`oras push`", theirs, 0.5)

    def again(self):
        for megabytes in self.sizes:
            self.oras()
            ours, theirs = alternate(lambda _: Run(self.push_of(megabytes, f"again{megabytes}")),
                                     lambda _: Run(self.oras_push_of(megabytes, f"again{megabytes}")), self.rounds)
            self.table.compare(f"`plugin push`, {megabytes} MB, nothing new", ours, "`oras push`", theirs, 0.15)
            # What is packed already is not packed again.
            archive = self.work / f"again{megabytes}.tar"
            Run(self.plugin("package", "--plugin-dir", self.tree(megabytes), "--out", archive))
            place = f"{self.registry()}/ours/again{megabytes}:1"
            ours, theirs = alternate(lambda _: Run(self.plugin("push", archive, place)),
                                     lambda _: Run(self.oras_push_of(megabytes, f"again{megabytes}")), self.rounds)
            self.table.compare(f"`plugin push` of an archive, {megabytes} MB, nothing new", ours, "`oras push`", theirs,
                               0.15)

    def mount(self):
        skopeo = shutil.which("skopeo")
        if not skopeo or not self.registry():
            raise Skipped("no skopeo or no distribution registry")
        source = self.pushed(100)
        flags = ["--src-tls-verify=false", "--dest-tls-verify=false", "--insecure-policy"]

        def theirs(number):
            return Run([skopeo, "copy", *flags, f"docker://{source}",
                        f"docker://{self.registry()}/theirs/mount{number + 1}:1"])

        ours, others = alternate(
            lambda number: Run([self.aisoc, "copy", source, f"{self.registry()}/ours/mount{number + 1}:1"]),
            theirs, max(self.rounds, 7))
        self.table.compare("`copy` within a registry, 100 MB", ours, "`skopeo copy`", others, 1)

    def installs(self):
        for megabytes in self.sizes:
            oras, reference = self.oras(), self.pushed(megabytes)

            def pull(number):
                target = self.work / "pulled" / f"{megabytes}-{number}"
                target.mkdir(parents=True)
                return Run([oras, "pull", "--plain-http", "--output", target, "--", reference])

            ours, theirs = alternate(lambda number: Run(self.install(megabytes, f"cold{megabytes}-{number}")), pull,
                                     self.rounds, settle=os.sync)
            self.table.compare(f"`plugin install`, {megabytes} MB, verified", ours, "`oras pull`", theirs, 0.36)
            self.bound_of_install(megabytes, ours)
            shutil.rmtree(self.work / "pulled")
            shutil.rmtree(self.work / "installed")

    def bound_of_install(self, megabytes, installs):
        """The slowest of what an install has to do, each alone: receive, hash, inflate, make the files."""
        host, _, name = self.pushed(megabytes).partition("/")
        repository = name.rpartition(":")[0]
        layer, tar = self.work / "layer.gz", self.work / "layer.tar"
        archive = self.work / f"bound{megabytes}"
        Run(self.plugin("package", "--plugin-dir", self.tree(megabytes), "--out", archive))
        blob = max((archive / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
        url = f"http://{host}/v2/{repository}/blobs/sha256:{blob.name}"
        Run([shutil.which("curl"), "-sf", "-o", layer, url])
        Run([shutil.which("gzip"), "-dc", layer], tar)
        parts = {
            "transfer": lambda _: Run([shutil.which("curl"), "-sf", "-o", os.devnull, url]),
            "SHA-256": lambda _: Run([shutil.which("sha256sum"), layer]),
            "inflate": lambda _: Run([shutil.which("gzip"), "-dc", layer]),
            "file system": lambda number: self.unpack(tar, megabytes, number),
        }
        took = {}
        for name, part in parts.items():
            runs = []
            for number in range(3):
                os.sync()
                runs.append(part(number))
            took[name] = median(runs)
        slowest = max(took, key=took.get)
        ratio = median(installs) / took[slowest]
        detail = ", ".join(f"{name} {seconds(value)}" for name, value in took.items())
        self.table.add(f"the same beside the slowest of its parts, {megabytes} MB", seconds(median(installs)),
                       f"{slowest} ({detail})", f"{ratio:.2f}×", "≤ 1.5×", "yes" if ratio <= 1.5 else "NO")

    def unpack(self, tar, megabytes, number):
        target = self.work / "unpacked" / f"{megabytes}-{number}"
        target.mkdir(parents=True)
        # With what makes it last, as an install does.
        script = 'tar -xf "$1" -C "$2" && sync -f "$2"'
        return Run([shutil.which("sh"), "-c", script, "sh", tar, target])

    def unchanged(self):
        oras, reference = self.oras(), self.pushed(100)
        keys, site = self.keys()[0], self.work / "unchanged"
        again = self.plugin("install", reference, "--trusted-keys", keys, "--plugins-dir", site)
        Run(again)
        small, _, key = self.small_plugin("unmoved")
        small_reference = f"{self.registry()}/bench/small:1"
        Run(self.plugin("push", small, small_reference))
        small_again = self.plugin("install", small_reference, "--trusted-keys", keys, "--plugins-dir", site)
        Run(small_again)
        for what, command, name in (("100 MB", again, reference), ("small", small_again, small_reference)):
            resolve = [oras, "resolve", "--plain-http", name]
            ours, theirs = alternate(lambda _: Run(command), lambda _: Run(resolve), max(self.rounds, 15))
            self.table.compare(f"`plugin install` of what is there, {what}", ours, "`oras resolve`", theirs, 0.5)

    def memory(self):
        if not self.registry():
            raise Skipped("no distribution registry")
        for what, command in (("push", lambda size: self.push_of(size, f"peak{size}")),
                              ("push, nothing new", lambda size: self.push_of(size, f"peak{size}")),
                              ("install", lambda size: self.install(size, f"peak{size}")),
                              ("copy", lambda size: [self.aisoc, "copy", self.pushed(size),
                                                     f"oci-archive:{self.work}/peak{size}.tar:1"])):
            peaks = {size: peak(command(size)) for size in [10, *self.sizes]}
            most = max(peaks.values())
            detail = ", ".join(f"{size} MB {value:.1f}" for size, value in peaks.items())
            self.table.add(f"peak memory of `{what}`, MiB", f"{most:.1f}", detail, "-", "≤ 48 MiB",
                           "yes" if most <= 48 else "NO")

    # --- the server ---------------------------------------------------------------------------------

    def server(self):
        program = self.peer("registry")
        if not program:
            raise Skipped("no distribution registry")
        root = self.work / "servers"
        root.mkdir()
        port = free_port()
        config = root / "theirs.yml"
        config.write_text("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                          f"storage: {{filesystem: {{rootdirectory: {root}/theirs}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n")
        theirs = Served([program, "serve", str(config)], port)
        port = free_port()
        ours = Served([self.aisoc, "registry", "serve", "--dir", str(root / "ours"), "--listen", f"127.0.0.1:{port}"], port)
        try:
            self.large_blob(ours, theirs, self.sizes[-1])
            self.small_blobs(ours, theirs)
            for served, name, goal in ((ours, "`registry serve`", 64), (theirs, "distribution", None)):
                most = high_water(served.child.pid)
                self.table.add(f"memory of {name} after that", f"{most:.1f} MiB" if goal else "-",
                               "-" if goal else f"{most:.1f} MiB", "-", f"≤ {goal} MiB" if goal else "-",
                               ("yes" if most <= goal else "NO") if goal else "-")
        finally:
            ours.end()
            theirs.end()

    def large_blob(self, ours, theirs, megabytes):
        """A blob that no disk has compressed, there and back by curl, which both ends know."""
        curl = shutil.which("curl")
        rounds = 3
        digests = []
        for number in range(rounds + 1):
            path = self.work / f"blob{number}"
            Run(["/usr/bin/head", "-c", megabytes * 1_000_000, "/dev/urandom"], path)
            with open(path, "rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())

        def put(served):
            def work(number):
                number += 1
                answer, _ = served.ask("POST", "/v2/bench/blobs/uploads/", expected=202)
                url = absolute(served, answer.headers["Location"])
                url += f"{'&' if '?' in url else '?'}digest=sha256:{digests[number]}"
                return Run([curl, "-sf", "-o", os.devnull, "-T", self.work / f"blob{number}", "-H",
                            "Content-Type: application/octet-stream", url])
            return work

        def get(served):
            return lambda number: Run([curl, "-sf", "-o", os.devnull,
                                       absolute(served, f"/v2/bench/blobs/sha256:{digests[number + 1]}")])

        for what, work, settle in (("takes", put, os.sync), ("gives", get, lambda: None)):
            mine, other = alternate(work(ours), work(theirs), rounds, settle=settle)
            self.table.compare(f"`registry serve` {what} a blob of {megabytes} MB", mine, "distribution", other, 1)

    def small_blobs(self, ours, theirs):
        """Ten thousand blobs of a kilobyte over one connection, ours and theirs in turns."""
        blobs = [os.urandom(1000) for _ in range(SMALL_BLOBS)]
        names = [hashlib.sha256(blob).hexdigest() for blob in blobs]
        took = {"takes": [[], []], "gives": [[], []]}
        for start in range(0, SMALL_BLOBS, TURN):
            turn = range(start, start + TURN)
            for which, served in enumerate((ours, theirs)):
                begun = time.perf_counter()
                for number in turn:
                    served.blob(blobs[number])
                took["takes"][which].append(time.perf_counter() - begun)
        for start in range(0, SMALL_BLOBS, TURN):
            for which, served in enumerate((ours, theirs)):
                begun = time.perf_counter()
                for number in range(start, start + TURN):
                    served.ask("GET", f"/v2/team/plugin/blobs/sha256:{names[number]}", expected=200)
                took["gives"][which].append(time.perf_counter() - begun)
        for what, (mine, other) in took.items():
            ratio = statistics.median(a / b for a, b in zip(mine, other))
            self.table.add(f"`registry serve` {what} 10,000 blobs of 1 kB", seconds(sum(mine)),
                           f"distribution {seconds(sum(other))}", f"{ratio:.3f}×", "≤ 1×", "yes" if ratio <= 1 else "NO")


class Skipped(Exception):
    """A row that cannot be measured here."""


def absolute(served, location):
    if "://" in location:
        return location
    return f"http://127.0.0.1:{served.connection.port}/{location.lstrip('/')}"


def high_water(pid):
    """MiB that a process that runs has held at most."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise Failed(f"no VmHWM of {pid}")


def main():
    parser = argparse.ArgumentParser(prog="checks/perf/transfers.py")
    parser.add_argument("aisoc", nargs="?", default=str(measure.HERE.parents[1] / "target/release/aisoc"))
    parser.add_argument("--large", action="store_true", help="also a gigabyte")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="push,again,mount,install,unchanged,memory,server")
    options = parser.parse_args()
    options.aisoc = os.path.realpath(options.aisoc)
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    options.peers = pathlib.Path(os.environ.get("AISOC_PEERS_DIR") or cache / "aisoc-peers") / "bin"
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    work = pathlib.Path(tempfile.mkdtemp(prefix="aisoc-perf."))
    Run.errors = work / "errors"
    os.environ["PYTHONPYCACHEPREFIX"] = str(work / "pycache")
    os.environ["DOCKER_CONFIG"] = str(work / "docker")
    os.environ["HOME"] = os.environ["XDG_STATE_HOME"] = os.environ["XDG_DATA_HOME"] = str(work / "home")
    bench = Transfers(options, work)
    rows = {"push": bench.push, "again": bench.again, "mount": bench.mount, "install": bench.installs,
            "unchanged": bench.unchanged, "memory": bench.memory, "server": bench.server}
    failed = False
    try:
        for name in options.only.split(","):
            if name not in rows:
                parser.error(f"no such row: {name}; there are {', '.join(rows)}")
            try:
                rows[name]()
            except Skipped as why:
                bench.table.skip(name, str(why))
            except (Failed, subprocess.CalledProcessError) as why:
                failed = True
                bench.table.add(name, "-", str(why).replace("\n", " ").replace("|", "/")[:200], "-", "-", "FAILED")
    finally:
        bench.close()
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {options.rounds} rounds, medians\n")
        bench.table.print()
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
