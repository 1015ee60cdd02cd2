"""The inputs: trees of files that look like what plugins hold. The same on every run of one machine."""

import os
import pathlib
import random
import sys

MANIFEST = """\
id: {id}
name: Measured
version: "1.0.0"
plugin_type: enricher
description: An input of the benchmarks.
author: Bench <bench@example.com>
entry_point: plugin.py
"""
PLUGIN = "class Plugin:\n    def run(self, payload, context):\n        return payload\n"


def real_files(suffix):
    """Real files of this Python's own library, in one order. Its tests of `.netrc` hold what looks like
    credentials, which nobody publishes: with them no tree could be signed."""
    library = pathlib.Path(os.__file__).parent
    return sorted(path for path in library.rglob(f"*{suffix}")
                  if "site-packages" not in path.parts and not path.name.startswith("test_netrc.")
                  and path.is_file() and path.stat().st_size)


def begin(root, plugin_id):
    root.mkdir(parents=True)
    (root / "plugin.yaml").write_text(MANIFEST.format(id=plugin_id))
    (root / "plugin.py").write_text(PLUGIN)


def fill(root, folder, suffix, budget, sources):
    """Copies `sources`, again and again, until `budget` bytes stand there; 100 files a directory.
    Each copy begins with a comment of its own, so that no two files are equal."""
    written = count = 0
    while written < budget:
        for source in sources:
            target = root / folder / f"{count // 100:04}"
            if count % 100 == 0:
                target.mkdir(parents=True)
            data = (b"# %d\n" % count + source.read_bytes())[: budget - written]
            (target / f"{count:06}{suffix}").write_bytes(data)
            written += len(data)
            count += 1
            if written >= budget:
                return


def mixed(root, megabytes):
    """60 % source text, 15 % machine code, 25 % bytes that do not compress."""
    total = megabytes * 1_000_000
    begin(root, root.name)
    fill(root, "src", ".py", total * 60 // 100, real_files(".py"))
    machine_code = real_files(".so") + real_files(".pyc")
    fill(root, "lib", ".so", total * 15 // 100, machine_code)
    noise = random.Random(megabytes)
    for count in range(max(1, total * 25 // 100 // 100_000)):
        target = root / "data" / f"{count // 100:04}"
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{count:06}.bin").write_bytes(noise.randbytes(100_000))


def sources(root, files, megabytes):
    """`files` Python files of equal size, together `megabytes`."""
    begin(root, root.name)
    text = b"".join(path.read_bytes() for path in real_files(".py")[:200])
    size = megabytes * 1_000_000 // files
    for count in range(files):
        target = root / f"{count // 100:04}"
        target.mkdir(exist_ok=True)
        at = count * 977 % (len(text) - size)
        (target / f"{count:06}.py").write_bytes(b"# %d\n" % count + text[at : at + size - 8])


if __name__ == "__main__":  # a process of its own: the harness stays small, as its memory is measured
    match sys.argv[1:]:
        case ["mixed", root, megabytes]:
            mixed(pathlib.Path(root), int(megabytes))
        case ["sources", root, files, megabytes]:
            sources(pathlib.Path(root), int(files), int(megabytes))
        case _:
            sys.exit("trees.py mixed ROOT MEGABYTES | sources ROOT FILES MEGABYTES")
