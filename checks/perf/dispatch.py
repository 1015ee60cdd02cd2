#!/usr/bin/env python3
"""What compiled plugins and a policy add to a command: paired runs of one program, in turn, with and without them.

    cargo build --release -p scripted-fork
    checks/perf/dispatch.py target/release/scripted-fork [--rounds N]

Prints medians in milliseconds. The time in which the fork reads what its plugins are to do is taken out by a third kind of
run, which reads it and registers nobody.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

PLUGINS, HOOKS, GLOBS = 100, 10, 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fork")
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    fork = pathlib.Path(arguments.fork).resolve()
    hooks = [{"name": f"h{hook}", "when": "After" if hook % 2 else "Before", "does": "nothing"} for hook in range(HOOKS)]
    plugins = json.dumps([{"name": f"plugin-{plugin}", "observers": hooks} for plugin in range(PLUGINS)])
    with tempfile.TemporaryDirectory() as place:
        plain, ruled = pathlib.Path(place, "plain"), pathlib.Path(place, "ruled")
        for home in (plain, ruled):
            home.mkdir()
        policy = ruled / ".aisoc"
        policy.mkdir(mode=0o700)
        names = "".join(f"- '{{plugin,keys}}-{glob}/*'\n" for glob in range(GLOBS))
        (policy / "policy.yml").write_text(f"deny:\n{names}")
        os.chmod(policy / "policy.yml", 0o600)
        kinds = {
            "nothing": (plain, "[]", False),
            "plugins that are read and not registered": (plain, plugins, True),
            f"{PLUGINS} plugins of {HOOKS} hooks": (plain, plugins, False),
            f"a policy of {GLOBS} patterns": (ruled, "[]", False),
        }
        took = {kind: [] for kind in kinds}
        for _ in range(arguments.rounds):
            for kind, (home, script, is_read_only) in kinds.items():
                environment = {"HOME": str(home), "PATH": os.environ["PATH"], "FORK": script}
                if is_read_only:
                    environment["FORK_UNREGISTERED"] = "1"
                begun = time.perf_counter()
                subprocess.run([fork, "reasons", "unsigned"], env=environment, check=True, capture_output=True)
                took[kind].append((time.perf_counter() - begun) * 1000)
    medians = {kind: statistics.median(times) for kind, times in took.items()}
    base, read = medians["nothing"], medians["plugins that are read and not registered"]
    for kind, median in medians.items():
        print(f"{kind:<44} {median:7.3f} ms")
    print(f"the plugins add {medians[f'{PLUGINS} plugins of {HOOKS} hooks'] - read:.3f} ms (goal 0.2)")
    print(f"the policy adds {medians[f'a policy of {GLOBS} patterns'] - base:.3f} ms (goal 1)")


if __name__ == "__main__":
    main()
