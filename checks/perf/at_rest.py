#!/usr/bin/env python3
"""Many installed plugins, listed and verified at rest, beside reading them and the reference's own loop over them.

    checks/perf/at_rest.py [AISOC] [--plugins 10000] [--rounds 5] [--dir DIR]

Makes a directory of signed plugins in the shape of real connectors (a manifest of 0.7 KB, a plugin.py
of 5.8 KB and three modules, 38 KB together), signed as the host's own publishers do, and prints the
median of: reading each manifest and `*.py` once, in as many Python processes as there are processors; the
reference's verify-only loop in one Python process (PyYAML, json, cryptography), with the first tenth of
the plugins; `aisoc plugins list` in the trust mode disabled, which judges no signature, and with keys;
`aisoc plugins verify`; the processor time of each of ours and its peak memory. The plugins can be signed
whole with --whole. All take turns, round by round: a ratio is the median of those of the rounds.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

import coverage  # noqa: E402
import measure  # noqa: E402
import reference  # noqa: E402

MANIFEST = """id: {id}
name: Connector {number}
version: "1.{number}.0"
plugin_type: connector
description: >-
  Reads system log events and sign-in anomalies from the tenant, and turns them into alerts — with
  paging, rate limits and a cursor that survives restarts.
author: Example Security <plugins@example.com>
license: MIT
min_host_version: "7.0.0"
tags: [identity, sso, mfa, audit]
entry_point: plugin.py
config_schema:
  type: object
  required: [domain, token]
  properties:
    domain: {{type: string, description: "Tenant host name, without scheme"}}
    token: {{type: string, format: password}}
    interval: {{type: integer, default: 60, minimum: 10}}
    types:
      type: array
      items: {{type: string}}
      default: [user.session.start, user.mfa.factor.deactivate]
"""
SIZES = {"plugin.py": 5800, "client.py": 9000, "paging.py": 12000, "mapping.py": 10300}


def source(name, number, size):
    line = f"# {name} of connector {number}: what a module of that size costs to read and to hash\n"
    return (line * (size // len(line) + 1))[:size]


def make(root, keys, count, whole):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives import serialization

    key = Ed25519PrivateKey.generate()
    public = key.public_key()
    form = serialization
    (keys / "release.pem").write_bytes(
        public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    fingerprint = hashlib.sha256(public.public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)).hexdigest()
    for number in range(count):
        plugin = root / f"connector-{number:05}"
        plugin.mkdir()
        manifest = MANIFEST.format(id=plugin.name, number=number)
        for name, size in SIZES.items():
            (plugin / name).write_text(source(name, number, size))
        (plugin / "plugin.yaml").write_text(manifest)
        if whole:
            listed = coverage.tree_list(plugin)
            (plugin / "plugin.yaml").write_text(coverage.stamped(manifest, hashlib.sha256(listed).hexdigest()))
            (plugin / "plugin.sig.d").mkdir()
            (plugin / "plugin.sig.d/files").write_bytes(listed)
        signature = key.sign(reference.digest(plugin)).hex()
        (plugin / "plugin.sig").write_text(signature)
        if whole:
            (plugin / f"plugin.sig.d/{fingerprint}.sig").write_text(signature)


def reference_seconds(root, keys, share):
    """The loop alone: the interpreter has started and its modules are loaded."""
    plugins = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    sample = plugins[: max(1, len(plugins) // share)]
    start = time.perf_counter()
    for plugin in sample:
        reference.verify(plugin, keys)
    return (time.perf_counter() - start) * len(plugins) / len(sample)


def read_share(root, names):
    """Each manifest and `*.py` of these plugins, once and to its end."""
    for name in names:
        with os.scandir(root / name) as entries:
            files = [entry.path for entry in entries if entry.name.endswith(".py") or entry.name == "plugin.yaml"]
        for path in files:
            opened = os.open(path, os.O_RDONLY)
            while os.read(opened, 1 << 17):
                pass
            os.close(opened)


def reading_seconds(root):
    """The work alone: the interpreter has started, and its processes are as many as there are processors."""
    names, workers = sorted(os.listdir(root)), os.cpu_count() or 1
    start, children = time.perf_counter(), []
    for number in range(workers):
        child = os.fork()
        if child == 0:
            read_share(root, names[number::workers])
            os._exit(0)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise SystemExit("the plugins cannot be read")
    return time.perf_counter() - start


def command(aisoc, what, root, keys):
    verb, mode = {"list plain": ("list", "disabled"), "list": ("list", "strict"), "verify": ("verify", "strict")}[what]
    return [aisoc, "plugins", verb, "--plugins-dir", root, "--trusted-keys", keys, "--trust-mode", mode,
            "--trust-coverage", "code", "--json"]


def require_all(what, answer, count):
    """Nothing was left out, and what has a signature to judge has passed."""
    if what == "verify":
        assert answer["verified_count"] == count, answer["verified_count"]
        return
    assert len(answer["plugins"]) == count, len(answer["plugins"])
    assert not answer.get("rejected"), answer["rejected"][:1]


class Ours:
    """Seconds of one whole process, of wall and of processor, and its answer."""

    def __init__(self, argv, answer):
        finished = measure.Run(argv, answer)
        self.wall, self.cpu = finished.wall, finished.cpu
        self.answer = json.loads(answer.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("aisoc", nargs="?", default=HERE.parent.parent / "target/release/aisoc", type=pathlib.Path)
    parser.add_argument("--plugins", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="sign the whole tree of each plugin")
    parser.add_argument("--share", type=int, default=10, help="the reference verifies one plugin in so many")
    parser.add_argument("--dir", type=pathlib.Path, help="where to make the plugins [default: $TMPDIR]")
    arguments = parser.parse_args()
    place = pathlib.Path(tempfile.mkdtemp(prefix="aisoc-at-rest-", dir=arguments.dir))
    try:
        root, keys = place / "plugins", place / "keys"
        root.mkdir()
        keys.mkdir()
        make(root, keys, arguments.plugins, arguments.whole)
        measure.Run.errors, answer = place / "errors", place / "answer"
        commands = {what: [str(word) for word in command(arguments.aisoc.resolve(), what, root, keys)]
                    for what in ("list plain", "list", "verify")}
        for argv in commands.values():  # warm
            measure.Run(argv)
        rows = {what: [] for what in commands}
        reading, loop = [], []
        for _ in range(arguments.rounds):
            reading.append(reading_seconds(root))
            loop.append(reference_seconds(root, keys, arguments.share))
            for what, argv in commands.items():
                run = Ours(argv, answer)
                require_all(what, run.answer, arguments.plugins)
                rows[what].append(run)
        signed = "whole" if arguments.whole else "code"
        print(f"{arguments.plugins} plugins, signed: {signed}; medians of {arguments.rounds}")
        print(f"reading once     {statistics.median(reading) * 1000:9.0f} ms ({os.cpu_count()} processes)")
        print(f"reference loop   {statistics.median(loop) * 1000:9.0f} ms (one plugin in {arguments.share}, scaled)")
        for what, runs in rows.items():
            told = f"{measure.median(runs) * 1000:9.0f} ms, processor {statistics.median(run.cpu for run in runs) * 1000:.0f} ms"
            if what == "list plain":
                ratio = statistics.median(run.wall / read for run, read in zip(runs, reading))
                goal = f"{ratio:.2f} times reading (goal 1.5: {'met' if ratio <= 1.5 else 'MISSED'})"
            else:
                ratio = statistics.median(slow / run.wall for run, slow in zip(runs, loop))
                goal = f"{ratio:.1f} times faster than the loop (goal 20: {'met' if ratio >= 20 else 'MISSED'})"
            peak = measure.peak(commands[what])
            print(f"plugins {what:10} {told}, {goal}, peak {peak:.1f} MiB (goal 40: {'met' if peak <= 40 else 'MISSED'})")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
