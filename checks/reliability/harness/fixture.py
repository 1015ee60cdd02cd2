"""What guards are asked about: artifacts of one plugin under two spellings of its id, the states that a round
starts from, and the operations.
"""

import collections
import json
import re
import shutil

from .serial import KEEP, Artifact, Install, Rollback, State, Uninstall
from .stalling import TITLE
from .world import copy, tree_digest

PLUGIN, OTHER_SPELLING = "race-x", "race_x"
HELD = " --plugins-dir plugins --trusted-keys {keys}"
INSTALL = "plugin install --json %s --allow-downgrade" + f" --keep {KEEP}" + HELD
MOVED = "oci:{moving}:moving"
# name, id, version, coverage
ARTIFACTS = (
    ("first", PLUGIN, "1.0.0", "full"),
    ("second", PLUGIN, "2.0.0", "full"),
    ("third", PLUGIN, "3.0.0", "full"),
    ("code", PLUGIN, "4.0.0", "code"),
    ("other", OTHER_SPELLING, "1.0.0", "full"),
)
# What was installed before a round, in this order; nothing at all is a directory that is still to be made.
STARTS = {"no directory": None, "empty": (), "installed": ("first",), "upgraded": ("first", "second")}


class Fixture:
    """What is installed from, what was installed, and the operations, by their names."""

    def __init__(self, base, world):
        self.world, self.base = world, base
        (base / "tmp").mkdir(parents=True)
        self.artifacts = {row[0]: self._publish(*row) for row in ARTIFACTS}
        self.by_tree = {artifact.tree: artifact for artifact in self.artifacts.values()}
        self.starts = {name: self._prepare(number, names) for number, (name, names) in enumerate(STARTS.items())}
        self._move_tags()
        self.operations = {operation.name: operation for operation in self._operations()}

    def _operations(self):
        first, second, third, code, other = self.artifacts.values()
        required = f"{MOVED} --require-digest {first.digest}"
        return (
            *(Install(name, INSTALL % f"oci:{{layout}}:{artifact.name}", (artifact,)) for name, artifact in (
                ("install", first), ("other spelling", other), ("less coverage", code), ("upgrade", second),
                ("upgrade again", third))),
            Install("moved tag", INSTALL % MOVED, (first, second)),
            Install("required digest", INSTALL % required, (first, second), first),
            Uninstall("uninstall", f"plugin uninstall --json {PLUGIN} --yes --plugins-dir plugins", PLUGIN),
            Rollback("rollback", f"plugin rollback --json {PLUGIN}" + HELD, PLUGIN),
            Rollback("rollback to first", f"plugin rollback --json {PLUGIN} --to {first.version}" + HELD, PLUGIN,
                     first.version),
        )

    def _publish(self, name, plugin, version, coverage):
        """Makes an artifact under a tag of its own name."""
        source = self.base / name
        self.world.must(self.base, f"plugin new {PLUGIN} --type enricher -q -o {self.base}")
        (self.base / PLUGIN).rename(source)
        manifest = source / "plugin.yaml"
        text = re.sub('^id: .*', f'id: "{plugin}"', manifest.read_text(), flags=re.MULTILINE)
        manifest.write_text(text.replace('"0.1.0"', f'"{version}"'))
        key = f"--private-key {{private}}/release.key --coverage {coverage}"
        self.world.must(self.base, f"plugin sign -q --plugin-dir {source} {key}")
        # Whether a signature of the code alone fits, only a key can tell.
        keys = "" if coverage == "full" else "--trusted-keys {keys}"
        self.world.must(self.base, f"plugin package -q --plugin-dir {source} --out {{layout}} --tag {name} {keys}")
        return Artifact(name, plugin, version, coverage, self._entry(name)["digest"], tree_digest(source))

    def _entry(self, tag):
        """The descriptor of what that tag names."""
        entries = json.loads((self.world.base / "layout/index.json").read_bytes())["manifests"]
        return next(entry for entry in entries if entry.get("annotations", {}).get(TITLE) == tag)

    def _prepare(self, number, names):
        """(directory, state) of a start."""
        at = self.base / f"start-{number}"
        (at / "tmp").mkdir(parents=True)
        state = State()
        if names is not None:
            (at / "plugins").mkdir()
        for name in names or ():
            self.world.must(at, INSTALL % f"oci:{{layout}}:{name}")
            state = state.put(self.artifacts[name])
        return at, state

    def _move_tags(self):
        """A layout whose one tag is moved between two artifacts."""
        self.world.places["moving"] = str(copy(self.world.base / "layout", self.base / "moving"))
        self.indexes = collections.deque()
        for name in ("first", "second"):
            entry = {**self._entry(name), "annotations": {TITLE: "moving"}}
            self.indexes.append(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
        self.move_tag()

    def move_tag(self):
        """Lets the tag name the other artifact, in one step."""
        index = self.base / "moving/index.json"
        self.indexes.rotate()
        index.with_suffix(".new").write_text(self.indexes[0])
        index.with_suffix(".new").rename(index)

    def sandbox(self, start):
        """(fresh directory, state) of a start."""
        template, state = self.starts[start]
        target = self.base / "run"
        shutil.rmtree(target, ignore_errors=True)
        return copy(template, target), state
