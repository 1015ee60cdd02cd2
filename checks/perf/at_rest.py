#!/usr/bin/env python3
"""Many installed plugins verified at rest, beside the reference's own loop over them.

    checks/perf/at_rest.py [AISOC] [--plugins 10000] [--rounds 5] [--dir DIR]

Makes a directory of signed plugins in the shape of real connectors (a manifest of 0.7 KB, a plugin.py
of 5.8 KB and three modules, 38 KB together), signed as the host's own publishers do, and prints the
median of: the reference's verify-only loop in one Python process (PyYAML, json, cryptography), once,
with the first tenth of the plugins; `aisoc plugins verify`; and its peak memory. The plugins can be
signed whole with --whole.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
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


def command(aisoc, root, keys):
    return [aisoc, "plugins", "verify", "--plugins-dir", root, "--trusted-keys", keys, "--json", "-q"]


def ours(*words):
    """Seconds of one whole process, and its answer."""
    start = time.perf_counter()
    done = subprocess.run(command(*words), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    elapsed = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"aisoc: {done.stderr.decode()[-500:]}")
    return elapsed, json.loads(done.stdout)


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
        aisoc = arguments.aisoc.resolve()
        ours(aisoc, root, keys)  # warm
        rows = {"reference": [], "ours": []}
        for _ in range(arguments.rounds):
            rows["reference"].append(reference_seconds(root, keys, arguments.share))
            elapsed, answer = ours(aisoc, root, keys)
            assert answer["verified_count"] == arguments.plugins, answer["verified_count"]
            rows["ours"].append(elapsed)
        measure.Run.errors = place / "errors"
        peak = measure.peak(command(aisoc, root, keys))
        median = {name: statistics.median(values) for name, values in rows.items()}
        signed = "whole" if arguments.whole else "code"
        print(f"{arguments.plugins} plugins, signed: {signed}; medians of {arguments.rounds}")
        print(f"reference loop   {median['reference'] * 1000:9.0f} ms (one plugin in {arguments.share}, scaled)")
        ratio = statistics.median(r / o for r, o in zip(rows["reference"], rows["ours"]))
        met = "met" if ratio >= 20 else "MISSED"
        print(f"plugins verify   {median['ours'] * 1000:9.0f} ms  {ratio:6.1f} times faster (goal 20: {met}), "
              f"peak {peak:.1f} MiB (goal 40: {'met' if peak <= 40 else 'MISSED'})")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
