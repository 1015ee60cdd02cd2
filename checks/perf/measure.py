#!/usr/bin/env python3
"""aisoc beside its yardsticks; started by checks/perf/run.

How it measures: ours and the yardstick take turns (A B A B), each once unmeasured first; a ratio is
the median of the ratios of the rounds, so what else the machine does falls on both. Times and
peak memory of a process come from wait4. Every unpacking goes to a fresh directory and nothing is
deleted before the end: some file systems are slow to create files shortly after many were deleted.
Where files are written, the disk is synced before each run: aisoc syncs what it wrote, and would
otherwise pay for what the yardstick left unwritten. When the yardstick alone varies by more than half, the row says `noisy` instead of met or missed.
"""

import argparse
import hashlib
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
REFERENCE = HERE.parent / "interop"


class Failed(Exception):
    """A command under measurement did not do its work."""


class Run:
    """One finished process: its seconds of wall and processor time. `refusal` is an exit code that is an
    answer too."""

    def __init__(self, argv, out=None, refusal=0):
        argv = [str(word) for word in argv]
        target = out or os.devnull
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(target), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            (os.POSIX_SPAWN_OPEN, 2, str(Run.errors), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        ]
        start = time.perf_counter()
        child = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        self.wall = time.perf_counter() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        code = os.waitstatus_to_exitcode(status)
        if code not in (0, refusal):
            why = pathlib.Path(Run.errors).read_text(errors="replace")[-500:]
            raise Failed(f"{' '.join(argv[:4])} …: exit {code}: {why}")


# Runs a command and prints its peak memory. A child inherits the high-water mark of the process that
# spawned it, so the harness itself would hide any peak below its own: this is as small as Python gets.
LAUNCHER = """
import posix, sys
out = sys.argv[1]
child = posix.posix_spawn(sys.argv[2], sys.argv[2:], posix.environ, file_actions=[
    (posix.POSIX_SPAWN_OPEN, 0, "/dev/null", 0, 0),
    (posix.POSIX_SPAWN_OPEN, 1, "/dev/null", 1, 0),
    (posix.POSIX_SPAWN_OPEN, 2, out, 0o1101, 0o644)])
_, status, usage = posix.wait4(child, 0)
print(usage.ru_maxrss, status)
"""


def peak(argv):
    """MiB that the command held at most."""
    argv = [str(word) for word in argv]
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, Run.errors, *argv],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True).stdout
    kibibytes, status = map(int, answer.split())
    if status:
        why = pathlib.Path(Run.errors).read_text(errors="replace")[-500:]
        raise Failed(f"{' '.join(argv[:4])} …: status {status}: {why}")
    return kibibytes / 1024


def alternate(ours, yardstick, rounds, settle=lambda: None):
    """Runs both in turns; each is a function of the round's number that returns a Run. `settle` comes
    before each run, outside of its time."""
    def settled(work, number):
        settle()
        return work(number)

    settled(ours, -1)
    settled(yardstick, -1)
    pairs = [(settled(ours, number), settled(yardstick, number)) for number in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def median(runs):
    return statistics.median(run.wall for run in runs)


def seconds(value):
    return f"{value * 1000:.2f} ms" if value < 0.1 else f"{value:.3f} s"


class Table:
    def __init__(self):
        self.rows = []

    def add(self, *cells):
        self.rows.append(cells if len(cells) == 7 else (*cells, "-"))
        print("  " + " · ".join(str(cell) for cell in cells), file=sys.stderr, flush=True)

    def compare(self, what, ours, name, yardstick, goal):
        ratio = statistics.median(a.wall / b.wall for a, b in zip(ours, yardstick))
        walls = sorted(run.wall for run in yardstick)
        quarter = len(walls) // 4
        noisy = walls[-1 - quarter] > 1.5 * walls[quarter]
        met = "noisy" if noisy else "yes" if ratio <= goal else "NO"
        work = statistics.median(a.cpu / b.cpu if b.cpu else 0 for a, b in zip(ours, yardstick))
        self.add(what, seconds(median(ours)), f"{name} {seconds(median(yardstick))}",
                 f"{ratio:.3f}×", f"≤ {goal:.3g}×", met, f"{work:.3f}×" if work else "-")

    def add_difference(self, what, ours, name, less, goal):
        """How much longer one takes than the other, in milliseconds, by the medians of both."""
        more = (median(ours) - median(less)) * 1000
        self.add(what, seconds(median(ours)), f"{name} {seconds(median(less))}", f"{more:+.2f} ms",
                 f"≤ {goal:g} ms", "yes" if more <= goal else "NO")

    def add_time(self, what, runs, goal):
        took = median(runs) * 1000
        self.add(what, seconds(median(runs)), "-", f"{took:.1f} ms", f"≤ {goal:g} ms", "yes" if took <= goal else "NO")

    def skip(self, what, why):
        self.add(what, "-", why, "-", "-", "skipped")

    def print(self):
        # The goals are of wall time; on a busy machine the processor time says more.
        print("| operation | aisoc | beside | ratio | goal | met | processor time |")
        print("|---|---|---|---|---|---|---|")
        for row in self.rows:
            print("| " + " | ".join(str(cell) for cell in row) + " |")


class Bench:
    def __init__(self, options, work):
        self.aisoc = options.aisoc
        self.peers = pathlib.Path(options.peers)
        self.rounds = options.rounds
        self.large = options.large
        self.work = work
        self.table = Table()
        self.trees = {}

    # --- pieces -------------------------------------------------------------------------------------

    def peer(self, name):
        path = self.peers / name
        if os.access(path, os.X_OK):
            return str(path)
        return shutil.which(name)

    def reference(self, *arguments):
        """The independent Python program, imported, so that its compiled form is cached too."""
        code = (f"import sys; sys.path.insert(0, {str(REFERENCE)!r}); import reference; "
                "sys.exit(reference.main(sys.argv[1:]))")
        return [sys.executable, "-c", code, *arguments]

    def plugin(self, *arguments):
        return [self.aisoc, "plugin", *arguments]

    def keys(self):
        keys = self.work / "keys"
        if not keys.exists():
            keys.mkdir()
            Run(self.plugin("keygen", "--out", self.work / "bench"))
            shutil.copy(self.work / "bench.pem", keys)
        return keys, self.work / "bench.key"

    def small_plugin(self, name):
        keys, key = self.keys()
        Run(self.plugin("new", name, "--type", "enricher", "-o", self.work))
        Run(self.plugin("sign", "--plugin-dir", self.work / name, "--private-key", key))
        return self.work / name, keys, key

    def tree(self, megabytes):
        """A signed tree; one per size."""
        if megabytes not in self.trees:
            root = self.work / f"tree{megabytes}"
            Run([sys.executable, HERE / "trees.py", "mixed", root, megabytes])
            Run(self.plugin("sign", "--plugin-dir", root, "--private-key", self.keys()[1]))
            self.trees[megabytes] = root
        return self.trees[megabytes]

    def registry(self):
        """host:port of a fresh distribution registry, or None."""
        if hasattr(self, "registry_host"):
            return self.registry_host
        self.registry_host = None
        program = self.peer("registry")
        if program:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                host = f"127.0.0.1:{probe.getsockname()[1]}"
            config = self.work / "registry.yml"
            config.write_text(
                "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                f"storage: {{filesystem: {{rootdirectory: {self.work}/registry}}}}\n"
                f'http: {{addr: "{host}"}}\n')
            self.registry_process = subprocess.Popen(
                [program, "serve", config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env=os.environ | {"OTEL_TRACES_EXPORTER": "none"})
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", int(host.split(":")[1])), 1).close()
                    self.registry_host = host
                    break
                except OSError:
                    time.sleep(0.1)
        return self.registry_host

    def close(self):
        if hasattr(self, "registry_process"):
            self.registry_process.terminate()
            self.registry_process.wait()

    def pushed(self, megabytes):
        reference = f"{self.registry()}/bench/tree{megabytes}:1.0.0"
        if not hasattr(self, f"pushed{megabytes}"):
            Run(self.plugin("push", self.tree(megabytes), reference))
            setattr(self, f"pushed{megabytes}", True)
        return reference

    def install(self, megabytes, where):
        """The command that installs into a fresh directory."""
        target = self.work / "installed" / where
        target.mkdir(parents=True)
        return self.plugin("install", self.pushed(megabytes), "--trusted-keys", self.keys()[0],
                           "--plugins-dir", target)

    # --- rows ---------------------------------------------------------------------------------------

    def startup(self):
        rounds = max(self.rounds, 30)  # they are short
        version = [self.aisoc, "--version"]
        oras = self.peer("oras")
        if oras:
            ours, theirs = alternate(lambda _: Run(version), lambda _: Run([oras, "version"]), rounds)
            self.table.compare("`--version`", ours, "`oras version`", theirs, 0.35)
        else:
            self.table.skip("`--version`", "no oras")
        source, hello = self.work / "hello.rs", self.work / "hello"
        source.write_text('fn main() { println!("hello"); }\n')
        built = shutil.which("rustc") and subprocess.run(
            ["rustc", "-C", "target-feature=+crt-static", "-O", "-o", hello, source],
            capture_output=True).returncode == 0
        if built:
            ours, theirs = alternate(lambda _: Run(version), lambda _: Run([hello]), rounds)
            self.table.compare("`--version`", ours, "static hello", theirs, 2)
        else:
            self.table.skip("`--version`", "no static hello: rustc cannot build it")

    def verify(self):
        folder, keys, _ = self.small_plugin("verified")
        ours, theirs = alternate(
            lambda _: Run(self.plugin("verify", folder, "--keys", keys)),
            lambda _: Run(self.reference("verify", folder, keys)), max(self.rounds, 10))
        self.table.compare("`plugin verify`, small", ours, "Python", theirs, 1 / 30)

    def many_keys(self, count):
        """A directory of that many keys, that of `keys` and others that nobody has the private half of."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        directory = self.work / f"keys{count}"
        directory.mkdir()
        for number in range(count - 1):
            key = Ed25519PrivateKey.generate().public_key()
            pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            (directory / f"key{number:04}.pem").write_bytes(pem)
        shutil.copy(self.keys()[0] / "bench.pem", directory)
        return directory

    def keyring(self):
        folder, _, _ = self.small_plugin("ringed")
        many, few = self.many_keys(1000), self.many_keys(2)
        rounds = max(self.rounds, 40)  # they are short
        with_many, with_few = alternate(
            lambda _: Run(self.plugin("verify", folder, "--keys", many)),
            lambda _: Run(self.plugin("verify", folder, "--keys", few)), rounds)
        self.table.add_difference("`plugin verify`, 1,000 keys", with_many, "2 keys", with_few, 5)
        lint = [self.aisoc, "keys", "lint", "--trusted-keys", many]
        Run(lint)
        self.table.add_time("`keys lint`, 1,000 keys", [Run(lint) for _ in range(rounds)], 100)

    def impact(self):
        keys, key = self.keys()
        site = self.work / "site"
        for number in range(1000):
            name = f"installed{number:04}"
            folder, _, _ = self.small_plugin(name)
            Run(self.plugin("install", folder, "--trusted-keys", keys, "--plugins-dir", site))
        here = ["--trusted-keys", keys, "--plugins-dir", site]
        # Everything depends on the key, so each of them is judged a second time.
        ours, theirs = alternate(lambda _: Run([self.aisoc, "keys", "impact", "bench", *here], refusal=3),
                                 lambda _: Run([self.aisoc, "plugins", "verify", *here]), max(self.rounds, 10))
        self.table.compare("`keys impact`, 1,000 plugins", ours, "`plugins verify`", theirs, 1.2)

    def sign(self):
        folder, _, key = self.small_plugin("signed")
        theirs_folder = self.work / "signed-by-python"
        shutil.copytree(folder, theirs_folder)
        ours, theirs = alternate(
            lambda _: Run(self.plugin("sign", "--plugin-dir", folder, "--private-key", key)),
            lambda _: Run(self.reference("sign", theirs_folder, key)), max(self.rounds, 10))
        self.table.compare("`plugin sign`, small", ours, "Python", theirs, 1 / 30)

    def digest(self):
        root = self.work / "sources"
        Run([sys.executable, HERE / "trees.py", "sources", root, 5000, 200])
        one, other = self.work / "digest.ours", self.work / "digest.python"
        ours, theirs = alternate(
            lambda _: Run(self.plugin("digest", root), one),
            lambda _: Run(self.reference("digest", root), other), self.rounds)
        if other.read_text().strip() not in one.read_text():
            raise Failed("digest: aisoc and Python disagree")
        self.table.compare("`plugin digest`, 5,000 .py, 200 MB", ours, "Python hashlib", theirs, 0.40)

    def package(self):
        root = self.tree(100)
        sums = set()
        for threads in (1, 2, 4):
            out = self.work / f"threads{threads}.tar"
            Run(self.plugin("package", "--plugin-dir", root, "--out", out, "--threads", threads))
            with open(out, "rb") as file:
                sums.add(hashlib.file_digest(file, "sha256").hexdigest())
        self.table.add("`plugin package`, 100 MB, 1, 2, 4 threads", f"{len(sums)} result(s)", "-", "-",
                       "identical bytes", "yes" if len(sums) == 1 else "NO")

        tar = self.work / "yardstick.tar"
        Run([shutil.which("tar"), "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner",
             "-C", self.work, "-cf", tar, root.name])
        squeezed = self.work / "yardstick.tar.gz"
        Run([shutil.which("gzip"), "-6", "-n", "-c", tar], squeezed)
        layout = self.work / "size-layout"
        Run(self.plugin("package", "--plugin-dir", root, "--out", layout))
        layer = max(path.stat().st_size for path in (layout / "blobs" / "sha256").iterdir())
        ratio = layer / squeezed.stat().st_size
        self.table.add("size of the layer, 100 MB", f"{layer:,} B", f"`gzip -6` {squeezed.stat().st_size:,} B",
                       f"{ratio:.4f}×", "≤ 1.01×", "yes" if ratio <= 1.01 else "NO")
        pigz = shutil.which("pigz")
        if not pigz:
            self.table.skip("`plugin package`, 100 MB", "no pigz")
            return
        ours, theirs = alternate(
            lambda number: Run(self.plugin("package", "--plugin-dir", root, "--threads", 2,
                                           "--out", self.work / f"package{number}.tar")),
            lambda number: Run([pigz, "-6", "-p2", "-k", "-c", tar], self.work / f"pigz{number}.gz"),
            self.rounds, settle=os.sync)
        self.table.compare("`plugin package`, 100 MB, 2 threads", ours, "`pigz -6 -p2` of its tar", theirs, 0.6)

    def install_beside_oras(self):
        oras = self.peer("oras")
        if not oras or not self.registry():
            self.table.skip("`plugin install`, 100 MB", "no oras or no distribution registry")
            return
        reference = self.pushed(100)

        def pull(number):
            target = self.work / "pulled" / str(number)
            target.mkdir(parents=True)
            return Run([oras, "pull", "--plain-http", "--output", target, "--", reference])

        ours, theirs = alternate(lambda number: Run(self.install(100, f"beside{number}")), pull, self.rounds, settle=os.sync)
        self.table.compare("`plugin install`, 100 MB, verified", ours, "`oras pull`", theirs, 0.7)

    def memory(self):
        if not self.registry():
            self.table.skip("peak memory of `plugin install`", "no distribution registry")
            return
        self.table.add("least peak memory that can be seen here", f"{peak([shutil.which('true')]):.1f} MiB",
                       "-", "-", "-", "-")
        sizes = [10, 100, 1000] if self.large else [10, 100]
        peaks = {}
        for megabytes in sizes:
            peaks[megabytes] = max(peak(self.install(megabytes, f"memory{megabytes}-{n}")) for n in range(2))
            self.table.add(f"peak memory of `plugin install`, {megabytes} MB", f"{peaks[megabytes]:.1f} MiB",
                           "-", "-", "≤ 48 MiB", "yes" if peaks[megabytes] <= 48 else "NO")
        ratio = peaks[sizes[-1]] / peaks[sizes[0]]
        self.table.add(f"memory is flat, {sizes[0]} to {sizes[-1]} MB", "-", "-", f"{ratio:.2f}×",
                       "≤ 1.1×", "yes" if ratio <= 1.1 else "NO")


def main():
    parser = argparse.ArgumentParser(prog="checks/perf/run")
    parser.add_argument("--aisoc", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peers", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="startup,verify,keyring,impact,sign,digest,package,install,memory")
    parser.add_argument("--large", action="store_true", help="also 1 GB")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()

    work = pathlib.Path(tempfile.mkdtemp(prefix="aisoc-perf."))
    Run.errors = work / "errors"
    os.environ["PYTHONPYCACHEPREFIX"] = str(work / "pycache")
    os.environ["DOCKER_CONFIG"] = str(work / "docker")
    bench = Bench(options, work)
    rows = {"startup": bench.startup, "verify": bench.verify, "keyring": bench.keyring, "impact": bench.impact,
            "sign": bench.sign, "digest": bench.digest,
            "package": bench.package, "install": bench.install_beside_oras, "memory": bench.memory}
    failed = False
    try:
        for name in options.only.split(","):
            if name not in rows:
                parser.error(f"no such row: {name}; there are {', '.join(rows)}")
            try:
                rows[name]()
            except Failed as why:
                failed = True
                bench.table.add(name, "-", str(why).replace("\n", " ").replace("|", "/")[:200], "-", "-", "FAILED")
    finally:
        bench.close()
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} processors, load {load:.1f}, {options.rounds} rounds, medians\n")
        bench.table.print()
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
