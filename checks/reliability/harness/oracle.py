"""What must hold whatever happened: each class looks at what one kind of operation may change.

`look` judges the moment after a kill or an error, `settled` the moment after the same command was run
again. Both answer with problems in words; no problems is the proof. What a problem begins with says what
kind it is: `record:` what is listed is not what is there, `run again:` the second run did not do its work,
`left behind:` a file that nobody will remove; anything else is a state between old and new.
"""

import base64
import hashlib
import json
import pathlib
import re
import stat
import tarfile
import tomllib
from dataclasses import dataclass

from .world import ASKS_FOR, NEIGHBOUR, PLUGIN, tree_digest

PRIVATE = bytes.fromhex("302e020100300506032b657004220420")
PUBLIC = bytes.fromhex("302a300506032b6570032100")


@dataclass(frozen=True)
class Plugins:
    """The plugins directory: `before` and `after` are versions of the plugin, or None for no plugin."""

    before: str | None
    after: str | None
    alone: bool = False  # nothing but this plugin is or was there
    keeps: frozenset = frozenset()  # the versions that can be rolled back to afterwards

    def look(self, world, sandbox):
        """(outcome, problems), where the outcome is `old`, `new`, `absent` or `corrupted`."""
        found = tree_digest(sandbox / "plugins" / PLUGIN)
        allowed = {world.trees.get(version): version for version in (self.before, self.after)}
        if found not in allowed:
            return "corrupted", ["the tree is neither the old nor the new one"]
        version = allowed[found]
        problems = self.listing(world, sandbox, version) + self.elsewhere(world, sandbox)
        return "absent" if version is None else "new" if version == self.after else "old", problems

    def settled(self, world, sandbox):
        found = tree_digest(sandbox / "plugins" / PLUGIN)
        problems = [] if found == world.trees.get(self.after) else ["run again: it is not the new tree"]
        problems += self.listing(world, sandbox, self.after) + self.elsewhere(world, sandbox)
        return problems + self.kept(world, sandbox) + self.leftovers(world, sandbox)

    def kept(self, world, sandbox):
        """The versions to go back to are those that there should be, and whole."""
        if "rollback" not in world.commands:
            return []
        found = set()
        for note in (sandbox / "plugins/.aisoc/versions").glob("*/*/kept.json"):
            version = json.loads(note.read_bytes())["record"]["version"]
            found.add(version)
            if tree_digest(note.parent / "tree") != world.trees[version]:
                return [f"the kept version {version} is not what it was"]
        return [] if found == self.keeps else [f"run again: kept are {sorted(found)} instead of {sorted(self.keeps)}"]

    def listing(self, world, sandbox, version):
        """What `list` says must be what is there: id, version, artifact, verified."""
        done = world.run(sandbox, "plugin list --json --plugins-dir plugins --trusted-keys {keys}")
        is_gone = done.returncode == 1 and reason(done) == "io_not_found" and not (sandbox / "plugins").exists()
        if done.returncode and not is_gone:
            return [f"record: list exits with {done.returncode}: {reason(done)}"]
        rows = {} if is_gone else {row["id"]: row for row in json.loads(done.stdout)["plugins"]}
        expected = {} if self.alone else {NEIGHBOUR: ("1.0.0", None)}
        if version:
            expected[PLUGIN] = (version, world.digests[version])
        if set(rows) != set(expected):
            return [f"record: list shows {sorted(rows)} instead of {sorted(expected)}"]
        problems = []
        for name, (stated, digest) in expected.items():
            row = rows[name]
            if row["signature_status"] != "verified" or row["objection"]:
                problems.append(f"record: list says {row['signature_status']}, {(row['objection'] or {}).get('reason_code', '')}")
            elif row["version"] is None:
                problems.append("record: there is none")
            elif row["version"] != stated or (digest and row["artifact_digest"] != digest):
                problems.append("record: it names another version")
        return problems

    def elsewhere(self, world, sandbox):
        plugins = sandbox / "plugins"
        known = {PLUGIN, NEIGHBOUR, ".aisoc"}
        strange = [path.name for path in _entries(plugins) if path.name not in known and not staging(path.name)]
        problems = [f"`{name}` appeared" for name in strange]
        if not self.alone and tree_digest(plugins / NEIGHBOUR) != world.neighbour:
            problems.append("the neighbour was changed")
        return problems + [f"`{path.name}` appeared" for path in _entries(sandbox) if path.name not in ("plugins", "tmp")]

    def leftovers(self, world, sandbox):
        own = sandbox / "plugins/.aisoc"
        left = [path for path in _entries(sandbox / "plugins") if staging(path.name)]
        if own.exists():
            left += [*own.glob("pending/*"), *own.glob("*/.*"), *own.glob("records/.*")]
            left += [slot for slot in own.glob("versions/*/*") if not (slot / "kept.json").exists()]
        return _left(left, sandbox)


LOCK = ("plugins.lock", "plugins.lock.journal", "plugins.lock.journal.chain")


def _drafts(beside):
    """What the lock is written as before it has its name, and what is kept beside it."""
    return (f".{LOCK[0]}.aisoc-new", *(name + ".new" for name in beside))


def accepted(sandbox):
    """Id → hash of what the lock accepts, read by Python; None without a lock."""
    lock = sandbox / LOCK[0]
    if not lock.exists():
        return None
    return {entry["id"]: entry["distribution_hash"] for entry in tomllib.loads(lock.read_text()).get("plugins", [])}


def lock_problems(world, sandbox):
    """What is wrong with lock and journal whatever the moment: nothing is accepted that nobody has answered for, and
    where the two differ it is said."""
    try:
        entries = accepted(sandbox) or {}
    except (tomllib.TOMLDecodeError, KeyError, UnicodeDecodeError) as error:
        return [f"the lock is none: {error}"]
    journal, answered, last = sandbox / LOCK[1], set(), {}
    if journal.exists():
        for line in journal.read_text().split("\n")[:-1]:
            _, action, name, _, digest, _ = line.split("\t")
            last[name] = digest if action == "trust" else None
            answered.add((name, digest))
    problems = [f"nobody has answered for `{name}`" for name, digest in entries.items() if (name, digest) not in answered]
    if (sandbox / LOCK[0]).exists():
        done = world.run(sandbox, "plugins verify --only lock --json --plugins-dir plugins")
        if done.returncode not in (0, 3) or not done.stdout:
            return problems + [f"record: verify exits with {done.returncode}: {reason(done)}"]
        said = {change["id"] for change in json.loads(done.stdout)["lock"]["unjournaled"]}
        differ = {name for name in {*entries, *last} if entries.get(name) != last.get(name)}
        if said != differ:
            problems.append(f"record: unjournaled are {sorted(said)} instead of {sorted(differ)}")
    if journal.exists():
        done = world.run(sandbox, "plugins journal verify --plugins-dir plugins --plugins-lock plugins.lock")
        if done.returncode:
            problems.append(f"record: the journal: {reason(done)}")
    return problems


def unsettled(world, sandbox):
    """What a second run should have mended."""
    done = world.run(sandbox, "plugins verify --only lock --json --plugins-dir plugins")
    changes = json.loads(done.stdout)["lock"]["unjournaled"] if done.stdout else ["nothing is said"]
    return [f"run again: {len(changes)} changes are not in the journal"] if changes else []


# What a site has that signs a set, and what is remembered of one beside the lock that follows it.
FLEET = ("fleet", "hq", "hq.lock", "hq.lock.journal", "hq.lock.journal.chain", "trusted", LOCK[0] + ".set", LOCK[0] + ".sync")


@dataclass(frozen=True)
class Lock:
    """`plugins.lock`: the ids that it accepts, `before` and `after`; None for no lock."""

    before: frozenset | None
    after: frozenset
    beside: tuple = ()  # what else is there
    again: tuple = ("new",)  # what a second run makes of it

    def look(self, world, sandbox):
        problems = lock_problems(world, sandbox)
        if problems:
            return "corrupted", problems
        found = accepted(sandbox)
        found = None if found is None else frozenset(found)
        if found not in (self.before, self.after):
            return "corrupted", [f"accepted are {sorted(found or ['nothing'])}"]
        return "new" if found == self.after else "old", self.elsewhere(sandbox)

    def elsewhere(self, sandbox):
        known = {*LOCK, *self.beside, "plugins", "tmp", "out", *_drafts(self.beside),
                 ".aisoc-plugins-lock"}
        return [f"`{path.name}` appeared" for path in _entries(sandbox) if path.name not in known]

    def settled(self, world, sandbox):
        outcome, problems = self.look(world, sandbox)
        if outcome not in self.again:
            problems.append("run again: it is not accepted as it should be")
        left = [path for path in _entries(sandbox) if path.name not in {*LOCK, *self.beside, "plugins", "tmp", "out"}]
        left += [path for path in _entries(sandbox / "plugins/.aisoc") if path.name.endswith(".new")]
        return problems + unsettled(world, sandbox) + _left(left, sandbox)


@dataclass(frozen=True)
class LockedPlugins(Plugins):
    """The plugins directory and the lock that an install writes as well. What is installed and not accepted yet is
    drift, which is said."""

    beside: tuple = ()  # what else is there

    def look(self, world, sandbox):
        outcome, problems = super().look(world, sandbox)
        problems += lock_problems(world, sandbox)
        return "corrupted" if problems else outcome, problems

    def elsewhere(self, world, sandbox):
        known = {f"`{name}` appeared" for name in (*LOCK, *self.beside, *_drafts(self.beside), ".aisoc-plugins-lock")}
        return [problem for problem in super().elsewhere(world, sandbox) if problem not in known]

    def settled(self, world, sandbox):
        problems = super().settled(world, sandbox)
        if PLUGIN not in (accepted(sandbox) or {}):
            problems.append("run again: it is not accepted")
        left = [path for path in _entries(sandbox) if path.name not in {*LOCK, *self.beside, "plugins", "tmp"}]
        return problems + lock_problems(world, sandbox) + unsettled(world, sandbox) + _left(left, sandbox)


@dataclass(frozen=True)
class AnsweredPlugins(Plugins):
    """A change that somebody has answered for. Its line is in the journal once the change is made and settled, and never
    without it; as long as the note of the change is there, whoever comes next writes it."""

    def look(self, world, sandbox):
        outcome, problems = super().look(world, sandbox)
        lines = answered_for(sandbox)
        if outcome == "old" and lines:
            problems.append("the journal says that it was accepted, and it is not there")
        if outcome == "new" and not lines and not any((sandbox / "plugins/.aisoc/pending").glob("*.json")):
            problems.append("nobody has answered for it, and nobody will")
        return outcome, problems

    def settled(self, world, sandbox):
        lines = answered_for(sandbox)
        more = [] if lines == 1 else [f"run again: {lines} lines say that it was accepted"]
        return super().settled(world, sandbox) + more


def answered_for(sandbox):
    """How many lines of the site's journal say that what the plugin asks for was accepted."""
    journal = sandbox / "plugins/.aisoc/plugins.journal"
    return journal.read_text().count(f"\taccepted capabilities: {ASKS_FOR}\n") if journal.exists() else 0


@dataclass(frozen=True)
class KeyPair:
    """`out/fresh.key` and `out/fresh.pem`; with `replaces`, others were there."""

    replaces: bool = False

    def look(self, world, sandbox):
        out = sandbox / "out"
        private, public = _key(out / "fresh.key", PRIVATE), _key(out / "fresh.pem", PUBLIC)
        problems = [text for text in (private, public) if text not in ("absent", "whole")]
        if private == "absent" and public == "whole":
            problems.append("a public key without its private half")
        if private == "whole" and stat.S_IMODE((out / "fresh.key").stat().st_mode) != 0o600:
            problems.append("the private key is not mode 0600")
        for path in _entries(out):
            if path.suffix not in (".key", ".pem") and stat.S_IMODE(path.stat().st_mode) & 0o077 and b"PRIVATE" in path.read_bytes():
                problems.append("a private key that others can read")
        if private == public == "whole" and not self.match(world, sandbox):
            problems.append("two halves that do not belong together")
        if problems:
            return "corrupted", problems
        if private == public == "absent":
            return "absent", []
        old = self.replaces and (out / "fresh.key").read_bytes() == (world.base / "private/other.key").read_bytes()
        return "old" if old else "new" if public == "whole" else "half", []

    def match(self, world, sandbox):
        """Whether what the private half signs, the public half verifies."""
        probe = sandbox / "probe"
        (probe / "keys").mkdir(parents=True, exist_ok=True)
        (probe / "keys/fresh.pem").write_bytes((sandbox / "out/fresh.pem").read_bytes())
        source = world.base / "sources/1.0.0"
        plugin = probe / "plugin"
        plugin.mkdir(exist_ok=True)
        for path in source.glob("*.*"):
            if path.is_file():
                (plugin / path.name).write_bytes(path.read_bytes())
        signed = world.run(sandbox, "plugin sign -q --plugin-dir probe/plugin --private-key out/fresh.key")
        checked = world.run(sandbox, "plugin verify -q probe/plugin --trusted-keys probe/keys")
        return signed.returncode == checked.returncode == 0

    def again(self, done, outcome):
        """Refusing is right for a whole pair; for half of one the refusal must say that it is half."""
        if outcome == "new" and not self.replaces:
            return done.returncode == 1 and reason(done) == "key_exists"
        if outcome == "half" and done.returncode == 1:
            return reason(done) == "key_exists" and "half" in done.stderr and "hint:" in done.stderr
        return done.returncode == 0

    def settled(self, world, sandbox):
        outcome, problems = self.look(world, sandbox)
        if outcome not in ("new", "half"):
            problems.append(f"run again: the pair is {outcome}")
        return problems + self.leftovers(world, sandbox)

    def leftovers(self, world, sandbox):
        known = ("fresh.key", "fresh.pem")
        return _left([path for path in _entries(sandbox / "out") if path.name not in known], sandbox)


@dataclass(frozen=True)
class Keys:
    """A directory of trusted keys, `keys`: where each key stands, `old` before and `new` afterwards.

    Whom a loader trusts that knows PEM files alone is read by Python: the key files at the top, but for a key that
    stands among the revoked ones as well, which this product trusts nowhere.
    """

    old: frozenset  # paths of key files below `keys`
    new: frozenset
    action: str  # the word of the journal
    notes: frozenset = frozenset()  # paths of notes afterwards
    between: tuple = ()  # the same paths as `old`, of each state that a command of several changes goes through
    lines: int = 1  # how many lines of the journal say it

    def look(self, world, sandbox):
        keys = sandbox / "keys"
        if not keys.exists():
            return "corrupted", ["the keys are gone"]
        found, trusted = self.files(keys, ".pem"), self.trusted(keys)
        problems = []
        if trusted not in [self.who(state) for state in (self.old, *self.between, self.new)]:
            problems.append(f"trusted are {sorted(trusted)}")
        done = world.run(sandbox, "plugin verify -q {sources}/1.0.0 --trusted-keys keys")
        if done.returncode != (0 if "release.pem" in trusted else 3):
            problems.append(f"record: verify exits with {done.returncode}: {reason(done)}")
        if (keys / "keys.journal").exists():
            done = world.run(sandbox, "keys journal verify --trusted-keys keys")
            if done.returncode:
                problems.append(f"record: the journal: {reason(done)}")
        is_new = found == self.new and self.files(keys, ".json") == self.notes
        return "corrupted" if problems else "new" if is_new else "old", problems

    @staticmethod
    def files(keys, suffix):
        found = [path for path in keys.rglob(f"*{suffix}") if ".aisoc" not in path.parts]
        return frozenset(str(path.relative_to(keys)) for path in found)

    @staticmethod
    def who(paths):
        revoked = {path.partition("/")[2] for path in paths if path.startswith("revoked/")}
        return {path for path in paths if "/" not in path and path not in revoked}

    def trusted(self, keys):
        revoked = {path.read_bytes() for path in (keys / "revoked").glob("*.pem")}
        noted = {path.stem for path in (keys / "revoked").glob("*.json")}
        at_top = [path for path in keys.glob("*.pem") if path.read_bytes() not in revoked]
        # A note on a revocation comes before the key is moved, and counts at once.
        return {path.name for path in at_top if path.stem not in noted}

    def settled(self, world, sandbox):
        outcome, problems = self.look(world, sandbox)
        if outcome != "new":
            problems.append("run again: the keys are not where they should be")
        journal = sandbox / "keys/keys.journal"
        lines = journal.read_text().splitlines() if journal.exists() else []
        written = [line for line in lines if line.split("\t")[1] == self.action]
        if len(written) != self.lines:
            problems.append(f"run again: {len(written)} lines of the journal say it")
        return problems + self.leftovers(world, sandbox)

    def leftovers(self, world, sandbox):
        own = sandbox / "keys/.aisoc"
        left = [path for path in _entries(own) if path.name not in ("write.lock", "journal.head", "keyset.json")]
        known = {".aisoc", "keys.journal", "keys.journal.chain", "staged", "retired", "revoked"}
        left += [path for path in _entries(sandbox / "keys")
                 if path.name not in known and path.suffix not in (".pem", ".json")]
        return _left(left, sandbox)


@dataclass(frozen=True)
class SignedSet:
    """The set `out/fleet`: a version and how many have signed it, or None for no set; `again` behind a second run."""

    before: tuple | None
    after: tuple
    again: frozenset | set

    def look(self, world, sandbox):
        found = self.found(sandbox)
        if found == "cut":
            return "corrupted", ["the set is cut"]
        if found not in (self.before, self.after):
            return "corrupted", [f"the set is {found}, neither the old nor the new one"]
        problems = self.verified(world, sandbox) if found else []
        return "absent" if found is None else "new" if found == self.after else "old", problems

    @staticmethod
    def found(sandbox):
        path = sandbox / "out/fleet"
        if not path.exists():
            return None
        try:
            envelope = json.loads(path.read_bytes())
            return json.loads(base64.b64decode(envelope["payload"]))["version"], len(envelope["signatures"])
        except (ValueError, KeyError):
            return "cut"

    @staticmethod
    def verified(world, sandbox):
        """A site that trusts who signs it would take it."""
        asked = "keys sync out/fleet --name fleet --required-signatures 1 --trusted-keys keys --plugins-dir tmp --dry-run -q"
        done = world.run(sandbox, asked)
        return [] if done.returncode == 0 else [f"record: a site refuses it, {reason(done)}"]

    def settled(self, world, sandbox):
        found = self.found(sandbox)
        problems = [] if found in self.again else [f"run again: the set is {found}"]
        return problems + self.verified(world, sandbox) + self.leftovers(world, sandbox)

    def leftovers(self, world, sandbox):
        return _left([path for path in _entries(sandbox / "out") if path.name not in ("fleet", "third.pem")], sandbox)


@dataclass(frozen=True)
class SignedSource:
    """A plugin's directory on the bench, `source`: signing writes several files, one after the other.

    Half of them is no state to ship, and is never taken for one: it must not verify unless all that
    the signature covers is as it was.
    """

    def look(self, world, sandbox):
        source, signed = sandbox / "source", world.base / "sources/1.0.0"
        problems = [f"{path.name} was changed" for path in _entries_below(signed) if not _is_signing(path.relative_to(signed))
                    and (source / path.relative_to(signed)).read_bytes() != path.read_bytes()]
        found = tree_digest(source, without=".aisoc-sign-")
        if found == tree_digest(signed):
            return "new", problems
        return "old" if found == (sandbox / "old").read_text() else "half", problems

    def settled(self, world, sandbox):
        outcome, problems = self.look(world, sandbox)
        if outcome != "new":
            problems.append("run again: it is not signed anew")
        return problems + self.leftovers(world, sandbox)

    def leftovers(self, world, sandbox):
        source, signed = sandbox / "source", world.base / "sources/1.0.0"
        known = {path.relative_to(signed) for path in _entries_below(signed)}
        return _left([path for path in _entries_below(source) if path.relative_to(source) not in known], sandbox)


def _is_signing(path):
    return path.name in ("plugin.yaml", "plugin.sig") or path.parts[0] == "plugin.sig.d"


def _entries_below(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Package:
    """An OCI layout at `out/<name>`: every blob is what its name says, every tag is whole."""

    name: str
    before: frozenset
    after: frozenset

    def look(self, world, sandbox):
        place = sandbox / "out" / self.name
        if not place.exists():
            return "absent", ["what was there is gone"] if self.before else []
        problems, tags = check_layout(place)
        if tags == self.after:
            outcome = "new"
        elif tags == self.before:
            outcome = "old" if tags else "absent"
        else:
            return "corrupted", [*problems, f"the tags are {sorted(tags)}"]
        return ("corrupted" if problems else outcome), problems

    def settled(self, world, sandbox):
        outcome, problems = self.look(world, sandbox)
        if outcome != "new":
            problems.append("run again: the new tag is not there")
        return problems + self.leftovers(world, sandbox)

    def leftovers(self, world, sandbox):
        left = [path for path in _entries(sandbox / "out") if path.name != self.name]
        place = sandbox / "out" / self.name
        if place.is_dir():
            known = {"blobs", "index.json", "oci-layout"}
            left += [path for path in _entries(place) if path.name not in known]
        return _left(left, sandbox)


def check_layout(place):
    """(problems, tags) of a layout directory or archive, by hashing everything in it."""
    try:
        files = _layout_files(place)
        index = json.loads(files["index.json"])
        json.loads(files["oci-layout"])
    except (KeyError, ValueError, tarfile.TarError, OSError) as error:
        return [f"the layout cannot be read: {type(error).__name__}"], frozenset()
    blobs = {name.rpartition("/")[2]: content for name, content in files.items() if name.startswith("blobs/sha256/")}
    problems = ["a blob is not what its name says" for name, content in blobs.items() if hashlib.sha256(content).hexdigest() != name]
    tags = set()
    for entry in index["manifests"]:
        manifest = blobs.get(entry["digest"].removeprefix("sha256:"))
        if manifest is None:
            problems.append("the index names a manifest that is not there")
            continue
        parts = json.loads(manifest)
        for part in [parts["config"], *parts["layers"]]:
            if part["digest"].removeprefix("sha256:") not in blobs:
                problems.append("a manifest names a blob that is not there")
        tags.add(entry.get("annotations", {}).get("org.opencontainers.image.ref.name"))
    return problems, frozenset(tags - {None})


def _layout_files(place):
    if place.is_dir():
        return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with tarfile.open(place, "r:") as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}


def reason(done):
    """The code in `error[code]`, or in the JSON answer."""
    found = re.search(r'error\[([a-z_]+)\]|"reason_code": ?"([a-z_]+)"', done.stderr + done.stdout)
    return (found.group(1) or found.group(2)) if found else "no reason given"


def staging(name):
    return name.startswith(".aisoc-staging-")


def _key(path, prefix):
    if not path.exists():
        return "absent"
    body = re.fullmatch(rb"-----BEGIN (\w+ KEY)-----\n([\w+/=\n]+)-----END \1-----\n", path.read_bytes())
    if not body:
        return f"{path.name} is cut"
    der = base64.b64decode(body.group(2))
    return "whole" if der.startswith(prefix) and len(der) == len(prefix) + 32 else f"{path.name} is no key"


def _entries(directory):
    return sorted(pathlib.Path(directory).iterdir()) if pathlib.Path(directory).exists() else []


def _left(paths, sandbox):
    """What was left, and what was left among the temporary files."""
    temporary = [path for path in _entries(sandbox / "tmp") if not _is_lock(path)]
    return sorted({f"left behind: {_class(path)}" for path in paths + temporary})


def _is_lock(path):
    """What a plugins directory is locked by stays in it. Commands about keys take the temporary files' for theirs."""
    return path.name == ".aisoc" and [entry.name for entry in _entries(path)] in ([], ["write.lock"])


def _class(path):
    """A name without its random part, so that equal leftovers count as one."""
    return re.sub(r"(\.(?:aisoc-[a-z]+-|ingest-|tmp)).*", r"\1…", path.name)
