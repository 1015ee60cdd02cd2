"""What every run starts from: keys, five versions of a plugin, and the directories of each operation.

Everything is made by the binary under test, then read by Python alone: `tree_digest` shares no code
with the product, so that both being wrong in the same way is unlikely.
"""

import hashlib
import json
import os
import pathlib
import random
import shutil
import stat
import subprocess
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
PLUGIN, NEIGHBOUR = "demo", "neighbour"
VERSIONS = ("1.0.0", "2.0.0", "3.0.0", "4.0.0")
# A version that asks the host for something that the others do not.
ASKING, ASKS_FOR = "5.0.0", "facts.read"


class Broken(Exception):
    """The harness could not do its work; says nothing about the product."""


def binary():
    """The program under test: `$AISOC`, or the release build of this checkout."""
    path = pathlib.Path(os.environ.get("AISOC") or REPOSITORY / "target/release/aisoc").resolve()
    if not os.access(path, os.X_OK):
        raise Broken(f"{path} is missing: `cargo build --release`, or say AISOC=PATH")
    return str(path)


def scratch():
    """A directory in memory when there is one: what a kill leaves does not depend on the disk."""
    memory = pathlib.Path("/dev/shm")
    parent = os.environ.get("AISOC_RELIABILITY_DIR") or (memory if os.access(memory, os.W_OK) else None)
    return tempfile.TemporaryDirectory(prefix="aisoc-reliability-", dir=parent, ignore_cleanup_errors=True)


class World:
    """The unchanging part: what is installed from, and what is trusted."""

    def __init__(self, base, aisoc=None):
        self.aisoc, self.base = aisoc or binary(), pathlib.Path(base)
        self.places = {name: str(self.base / name) for name in ("keys", "layout", "private", "sources")}
        self.trees, self.digests = {}, {}
        self.commands = self._commands()
        if not self.base.joinpath("layout").exists():
            self._make()
        for version in (*VERSIONS, ASKING):
            self._know(version, self.base / "sources" / version)
        self.neighbour = tree_digest(self.base / "sources" / NEIGHBOUR)

    def fill(self, command):
        """A command line as a list, with the places of this world filled in."""
        return [self.aisoc, *command.format(**self.places).split()]

    def run(self, directory, command, timeout=120):
        """Runs a command of aisoc in `directory`, untraced."""
        return subprocess.run(self.fill(command), cwd=directory, env=self.environment(directory), timeout=timeout,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")

    def must(self, directory, command):
        done = self.run(directory, command)
        if done.returncode:
            raise Broken(f"`{command}` gave {done.returncode}: {done.stderr}")
        return done.stdout

    def environment(self, directory):
        """Temporary files land where the oracle sees them."""
        return {"PATH": os.defpath, "HOME": str(directory), "TMPDIR": str(pathlib.Path(directory) / "tmp")}

    def _commands(self):
        """The commands that this binary has, so that an operation it lacks is skipped and said so."""
        shown = subprocess.run([self.aisoc, "plugin", "--help"], capture_output=True, text=True).stdout
        listed = shown.partition("Commands:")[2].partition("Options:")[0]
        found = {line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2:3].strip()}
        groups = {"keys": "stage", "plugins": "trust"}
        has = lambda group: subprocess.run([self.aisoc, group, groups[group], "--help"], capture_output=True).returncode == 0
        return found | {group for group in groups if has(group)}

    def _make(self):
        for part in ("keys", "private", "sources", "tmp"):
            (self.base / part).mkdir()
        for owner in ("release", "other"):
            self.must(self.base, f"keygen -q --out private/{owner}")
            shutil.copy(self.base / f"private/{owner}.pem", self.base / "keys")
        self.must(self.base, "keygen -q --out private/third")
        for number, version in enumerate((*VERSIONS, ASKING), 1):
            self._source(PLUGIN, version, number)
        self._source(NEIGHBOUR, "1.0.0", 9)

    def _source(self, name, version, number):
        source = self.base / "sources" / (version if name == PLUGIN else name)
        self.must(self.base, f"plugin new {name} --type enricher -q -o sources")
        (self.base / "sources" / name).rename(source) if name == PLUGIN else None
        manifest = source / "plugin.yaml"
        manifest.write_text(manifest.read_text().replace('"0.1.0"', f'"{version}"'))
        if version == ASKING:
            kept = [line for line in manifest.read_text().splitlines() if not line.startswith("capabilities:")]
            manifest.write_text("\n".join([*kept, f"capabilities: [{ASKS_FOR}]", ""]))
        noise = random.Random(number)
        files = {
            "data/model.bin": noise.randbytes(180_000 + number), "data/empty": b"", f"data/only-in-{number}.txt": b"x\n",
            "data/deep/er/table.csv": noise.randbytes(400), "lib/extra.py": f"NUMBER = {number}\n".encode(),
        }
        for path, content in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
        (source / "data/tool").write_bytes(b"#!/bin/sh\n")
        (source / "data/tool").chmod(0o755)
        self.must(self.base, f"plugin sign -q --plugin-dir {source} --private-key private/release.key")
        tag = version if name == PLUGIN else name
        self.must(self.base, f"plugin package -q --plugin-dir {source} --out layout --tag {tag}")

    def _know(self, version, source):
        self.trees[version] = tree_digest(source)
        index = json.loads((self.base / "layout/index.json").read_text())
        for manifest in index["manifests"]:
            if manifest.get("annotations", {}).get("org.opencontainers.image.ref.name") == version:
                self.digests[version] = manifest["digest"]


def tree_digest(root, at=None, without=None):
    """SHA-256 over every name, kind, mode and content below `root`; None when nothing is there. Names
    that begin with `without` do not count.

    With `at`, an open descriptor of a directory, `root` is ignored and the one opened tree is read,
    whatever is renamed meanwhile.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW) if at is None else os.dup(at)
    except FileNotFoundError:
        return None
    digest = hashlib.sha256()
    try:
        _add(digest, descriptor, "", without)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _add(digest, directory, prefix, without):
    # Through /proc, because a descriptor that was opened for its path alone cannot be listed.
    for name in sorted(os.listdir(f"/proc/self/fd/{directory}")):
        if without and name.startswith(without):
            continue
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        digest.update(f"{prefix}{name}\0{stat.filemode(found.st_mode)}\0".encode())
        if stat.S_ISDIR(found.st_mode):
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            try:
                _add(digest, below, f"{prefix}{name}/", without)
            finally:
                os.close(below)
        elif stat.S_ISREG(found.st_mode):
            with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory), "rb") as file:
                digest.update(hashlib.sha256(file.read()).digest())


def copy(template, target):
    """A fresh copy of an operation's starting state."""
    shutil.copytree(template, target, symlinks=True)
    return pathlib.Path(target)
