"""The operations, as data: how a state is reached, the command under test, and who judges it."""

import pathlib
from dataclasses import dataclass

from .oracle import FLEET, AnsweredPlugins, KeyPair, Keys, Lock, LockedPlugins, Package, Plugins, SignedSet, SignedSource, reason
from .world import ASKING, ASKS_FOR, NEIGHBOUR, PLUGIN, copy, tree_digest

INSTALL = "plugin install -q oci:{layout}:%s --plugins-dir plugins --trusted-keys {keys} --allow-downgrade"
ROLLBACK = "plugin rollback -q demo --plugins-dir plugins --trusted-keys {keys}"
UNINSTALL = "plugin uninstall -q demo --yes --plugins-dir plugins"
GARBAGE = "plugin gc -q --plugins-dir plugins"
NEIGHBOURLY = (INSTALL % "neighbour",)
KEYS = "keys %s --trusted-keys keys --reason harness"
INSTALLED = " --plugins-dir tmp"
RELEASE = frozenset({"release.pem", "other.pem"})
NOTHING, ONE, BOTH = frozenset(), frozenset({"1.0.0"}), frozenset({"1.0.0", "2.0.0"})


@dataclass(frozen=True)
class Operation:
    """A command of aisoc in a sandbox that `start` has prepared."""

    name: str
    command: str
    subject: object
    start: tuple = ()
    # When the first run did all its work, the second may refuse with one of these reasons.
    refusals_of_second: tuple = ()
    # Why it need not survive a power cut, if so.
    unsynced: str = ""

    def verb(self):
        words = self.command.split()
        return words[1] if words[0] == "plugin" else words[0]

    def done(self):
        """The outcome when all the work was done."""
        removes = isinstance(self.subject, Plugins) and self.subject.after is None
        return "absent" if removes else "new"

    def prepare(self, world, target):
        """Makes the starting state, once; runs work on copies of it."""
        target = pathlib.Path(target)
        for part in ("tmp", "out"):
            (target / part).mkdir(parents=True)
        if isinstance(self.subject, Plugins):
            (target / "out").rmdir()
        if isinstance(self.subject, SignedSource):
            copy(world.base / "sources/1.0.0", target / "source")
        if isinstance(self.subject, Lock):
            for source, name in (("1.0.0", PLUGIN), (NEIGHBOUR, NEIGHBOUR)):
                copy(world.base / "sources" / source, target / "plugins" / name)
        if getattr(self.subject, "beside", ()):
            (target / "trusted").mkdir()
        if isinstance(self.subject, (Keys, SignedSet)):
            (target / "keys").mkdir()
            for name in RELEASE:
                (target / "keys" / name).write_bytes((world.base / "private" / name).read_bytes())
            (target / "out/third.pem").write_bytes((world.base / "private/third.pem").read_bytes())
        if isinstance(self.subject, KeyPair) and self.subject.replaces:
            for suffix in ("key", "pem"):
                (target / f"out/fresh.{suffix}").write_bytes((world.base / f"private/other.{suffix}").read_bytes())
            (target / "out/fresh.key").chmod(0o600)
        for command in self.start:
            world.must(target, command)
        if isinstance(self.subject, SignedSource):
            (target / "old").write_text(tree_digest(target / "source"))
        return target

    def second_is_fine(self, done, outcome):
        """Whether the answer of the same command, run again, is right after that outcome."""
        if isinstance(self.subject, KeyPair):
            return self.subject.again(done, outcome)
        if done.returncode == 0:
            return True
        # A lock that the first run has made is somebody's, and an entry that is gone cannot go again.
        if isinstance(self.subject, Lock):
            return outcome == "new" and reason(done) in self.refusals_of_second
        # A change that was begun is finished first, and then there is nothing left to do.
        if isinstance(self.subject, Keys):
            return reason(done) in self.refusals_of_second
        return outcome in ("new", "absent") and reason(done) in self.refusals_of_second


def moved(verb, action, old, new, notes=(), start=(), refusals=("usage", "already_exists"), between=()):
    """A change of the trusted keys."""
    subject = Keys(frozenset(old), frozenset(new), action, frozenset(notes), between)
    return Operation(f"keys {verb.split()[0]}", KEYS % verb, subject, start, refusals)


STAGE = KEYS % "stage out/third.pem --owner Ada"
RETIRED = {"other.pem", "retired/release.pem"}
ENDORSED = (KEYS % "annotate release --may-sign plugin --may-sign succession",
            "keys endorse out/third.pem --private-key {private}/release.key --out out/third.endorsement")
REVOKED = {"other.pem", "revoked/release.pem"}
STAGED = RELEASE | {"staged/third.pem"}
SIGNS_SETS = KEYS % "annotate release --may-sign plugin --may-sign keyset"
# A directory of one key becomes the set, and stands outside of it.
SET = "keys export fleet --name fleet --expires 30d --private-key {private}/release.key --trusted-keys out"
SYNC = KEYS % ("sync fleet --name fleet --required-signatures 1" + INSTALLED)
EXPORT = "keys export out/fleet --private-key {private}/%s.key --trusted-keys keys "
FIRST = EXPORT % "release" + "--name fleet --expires 30d"

LOCKS = "plugins %s --reason harness --plugins-dir plugins"
SIGNED = LOCKS + " --trusted-keys {keys}"
TRUST, UNTRUST, BESIDE = SIGNED % "trust demo", LOCKS % "untrust demo", SIGNED % "trust neighbour"
FROM_INSTALLED = SIGNED % "lock --from-installed"
DEMO, OTHER = frozenset({PLUGIN}), frozenset({NEIGHBOUR})
RECORDED = INSTALL + " --lock --reason harness"

# A site that signs what it accepts, and a host that follows it. Both trust the one key for plugins and for locks.
HQ = " --plugins-dir hq --plugins-lock hq.lock --trusted-keys trusted"
TRUSTED = "keys add {private}/release.pem --may-sign plugin --may-sign lock --reason harness --trusted-keys trusted"
ACCEPT = "plugin install -q oci:{layout}:%s --lock --reason harness" + HQ
PUSH = "plugins lock push fleet --name fleet --expires 30d --private-key {private}/release.key --plugins-lock hq.lock --trusted-keys trusted"
FOLLOW = " fleet --name fleet --required-signatures 1 --save"
HOST = " --reason harness --plugins-dir plugins --trusted-keys trusted"
PULL, SYNC_PLUGINS = "plugins lock pull%s" + HOST, "plugins sync%s" + HOST
FIRST_SET = (TRUSTED, ACCEPT % "1.0.0", PUSH)
SYNCED = (*NEIGHBOURLY, *FIRST_SET, SYNC_PLUGINS % FOLLOW)
NEXT_SET = (ACCEPT % "2.0.0", PUSH)

PACKAGE = "plugin package -q --plugin-dir {sources}/%s --out out/%s"

OPERATIONS = (
    Operation("install, first of all", INSTALL % "1.0.0", Plugins(None, "1.0.0", alone=True)),
    Operation("install", INSTALL % "1.0.0", Plugins(None, "1.0.0"), NEIGHBOURLY),
    Operation("upgrade", INSTALL % "2.0.0", Plugins("1.0.0", "2.0.0", keeps={"1.0.0"}), (*NEIGHBOURLY, INSTALL % "1.0.0")),
    Operation("upgrade that drops a kept one", INSTALL % "3.0.0", Plugins("2.0.0", "3.0.0", keeps={"2.0.0"}),
              (*NEIGHBOURLY, INSTALL % "1.0.0", INSTALL % "2.0.0")),
    Operation("upgrade that asks for more", INSTALL % ASKING + f" --accept-capabilities {ASKS_FOR}",
              AnsweredPlugins("1.0.0", ASKING, keeps={"1.0.0"}), (*NEIGHBOURLY, INSTALL % "1.0.0")),
    Operation("rollback", ROLLBACK + " --to 1.0.0", Plugins("2.0.0", "1.0.0", keeps={"2.0.0"}),
              (*NEIGHBOURLY, INSTALL % "1.0.0", INSTALL % "2.0.0"), ("version_not_found",)),
    Operation("uninstall", UNINSTALL,
              Plugins("1.0.0", None), (*NEIGHBOURLY, INSTALL % "1.0.0"), ("plugin_not_found",)),
    Operation("gc", GARBAGE, Plugins("3.0.0", "3.0.0", keeps={"2.0.0"}),
              (*NEIGHBOURLY, INSTALL % "1.0.0", *(INSTALL % version + " --keep 3" for version in ("2.0.0", "3.0.0")))),
    Operation("keygen", "keygen -q --out out/fresh", KeyPair()),
    Operation("keygen --force", "keygen -q --out out/fresh --force", KeyPair(replaces=True)),
    Operation("sign", "plugin sign -q --plugin-dir source --private-key {private}/release.key", SignedSource(),
              ("plugin sign -q --plugin-dir source --private-key {private}/other.key",),
              unsynced="the same command makes the same signature again"),
    Operation("package, new layout", PACKAGE % ("1.0.0", "layout"), Package("layout", NOTHING, ONE)),
    Operation("package, one more tag", PACKAGE % ("2.0.0", "layout"), Package("layout", ONE, BOTH),
              (PACKAGE % ("1.0.0", "layout"),)),
    Operation("package, new archive", PACKAGE % ("1.0.0", "demo.tar"), Package("demo.tar", NOTHING, ONE)),
    Operation("package, over an archive", PACKAGE % ("2.0.0", "demo.tar"), Package("demo.tar", ONE, frozenset({"2.0.0"})),
              (PACKAGE % ("1.0.0", "demo.tar"),)),
    moved("add out/third.pem --owner Ada", "key-add", RELEASE, RELEASE | {"third.pem"}, {"third.json"}),
    moved("stage out/third.pem --owner Ada", "key-stage", RELEASE, STAGED, {"staged/third.json"}),
    moved("promote third", "key-promote", STAGED, RELEASE | {"third.pem"}, {"third.json"}, (STAGE,)),
    moved("retire release" + INSTALLED, "key-retire", RELEASE, RETIRED),
    moved("revoke release" + INSTALLED, "key-revoke", RELEASE, REVOKED, {"revoked/release.json"}),
    moved("restore release --yes", "key-restore", REVOKED, RELEASE, (), (KEYS % ("revoke release" + INSTALLED),)),
    moved("annotate release --owner Ada", "key-annotate", RELEASE, RELEASE, {"release.json"}),
    moved("rotate --new out/third.pem --retire other --overlap 0d --revoke --owner Ada" + INSTALLED, "key-retire", RELEASE,
          {"release.pem", "third.pem", "revoked/other.pem"}, {"third.json", "revoked/other.json"}, (), (),
          (RELEASE | {"third.pem"}, {"release.pem", "third.pem"})),
    # One line says which set it was, and one what became of its key.
    Operation("keys sync", SYNC,
              Keys(RELEASE, RELEASE | {"third.pem"}, "key-sync", frozenset({"release.json"}), lines=2), (SIGNS_SETS, SET)),
    Operation("keys export, first of all", FIRST, SignedSet(None, (1, 1), {(1, 1), (2, 1)}), (SIGNS_SETS,)),
    Operation("keys export", EXPORT % "release" + "--expires 30d", SignedSet((1, 1), (2, 1), {(2, 1), (3, 1)}),
              (SIGNS_SETS, FIRST)),
    Operation("keys export --add", EXPORT % "other" + "--add", SignedSet((1, 1), (1, 2), {(1, 2)}), (SIGNS_SETS, FIRST),
              ("usage",)),
    Operation("plugins trust, first of all", TRUST, Lock(None, DEMO)),
    Operation("plugins trust", TRUST, Lock(OTHER, DEMO | OTHER), (BESIDE,)),
    Operation("plugins untrust", UNTRUST, Lock(DEMO | OTHER, OTHER), (BESIDE, TRUST), ("usage",)),
    Operation("plugins lock", "plugins lock --plugins-dir plugins", Lock(None, NOTHING), (), ("already_exists",)),
    Operation("plugins lock --from-installed", FROM_INSTALLED, Lock(None, DEMO | OTHER), (), ("already_exists",)),
    Operation("install --lock", RECORDED % "1.0.0", LockedPlugins(None, "1.0.0"), NEIGHBOURLY),
    Operation("upgrade --lock", RECORDED % "2.0.0", LockedPlugins("1.0.0", "2.0.0", keeps={"1.0.0"}),
              (*NEIGHBOURLY, RECORDED % "1.0.0")),
    Operation("plugins lock pull, first of all", PULL % FOLLOW, Lock(None, DEMO, FLEET), FIRST_SET),
    Operation("plugins lock pull", PULL % "", Lock(DEMO, DEMO | OTHER, FLEET),
              (*FIRST_SET, PULL % FOLLOW, ACCEPT % NEIGHBOUR, PUSH)),
    # Twice is where one was.
    Operation("plugins lock pull --rollback", PULL % " --rollback", Lock(DEMO | OTHER, DEMO, FLEET, ("new", "old")),
              (*FIRST_SET, PULL % FOLLOW, ACCEPT % NEIGHBOUR, PUSH, PULL % "")),
    Operation("plugins sync, first of all", SYNC_PLUGINS % FOLLOW, LockedPlugins(None, "1.0.0", beside=FLEET),
              (*NEIGHBOURLY, *FIRST_SET)),
    Operation("plugins sync", SYNC_PLUGINS % "", LockedPlugins("1.0.0", "2.0.0", keeps={"1.0.0"}, beside=FLEET),
              (*SYNCED, *NEXT_SET)),
    Operation("plugins sync --rollback", SYNC_PLUGINS % " --rollback",
              LockedPlugins("2.0.0", "1.0.0", keeps={"2.0.0"}, beside=FLEET), (*SYNCED, *NEXT_SET, SYNC_PLUGINS % "")),
    moved("accept out/third.endorsement", "key-accept", RELEASE, RELEASE | {"third.pem"},
          {"release.json", "third.json"}, ENDORSED, ()),
)


def available(world, only=None):
    """(operations that the binary has, names of those that it lacks)."""
    chosen = [operation for operation in OPERATIONS if not only or any(word in operation.name for word in only)]
    return ([operation for operation in chosen if operation.verb() in world.commands],
            [operation.name for operation in chosen if operation.verb() not in world.commands])
