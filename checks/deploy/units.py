"""The units of systemd: read by systemd itself, scored, and their filter of system calls taken apart."""

import pathlib
import re
import shutil
import tempfile

from common import OF_A_HOST, OF_THE_LAYERS, Broken, Skip, calls_of_the_worker, must, run

# In tenths, as systemd-analyze says it of the unit: 2.6 with systemd 252. What it lacks of less is what confines plugins
# (namespaces, mounts) and what limits them (its own control group, which it divides: 0.2), who asks and what is asked for (sockets),
# and a root directory of its own.
MOST_EXPOSED = 26
# What a unit of another user's must not say: each line that is here is there.
SAID = ("NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
        "PrivateDevices=yes", "PrivateUsers=yes", "MemoryDenyWriteExecute=yes", "SystemCallArchitectures=native",
        "Environment=AISOC_SANDBOX=require", "Environment=MALLOC_ARENA_MAX=2", "User=aisoc", "OOMPolicy=continue",
        "Delegate=memory pids cpu")


def needs_systemd():
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze: `apt-get install systemd` brings it")


def verified(deploy, aisoc):
    """`systemd-analyze verify`, with this binary in the place of the installed one: it has to be there, and may say nothing."""
    needs_systemd()
    with tempfile.TemporaryDirectory(prefix="aisoc-units-") as place:
        for unit in (deploy / "systemd").iterdir():
            text = unit.read_text().replace("/usr/local/bin/aisoc", str(aisoc))
            (pathlib.Path(place) / unit.name).write_text(text)
        done = run("systemd-analyze", "verify", "--man=no", *sorted(pathlib.Path(place).glob("aisoc.*")))
        said = [line for line in (done.stdout + done.stderr).splitlines() if "aisoc." in line]
        if done.returncode or said:
            raise Broken(f"exit code {done.returncode}: {'; '.join(said) or done.stderr.strip()}")
    return "systemd has nothing to say against them"


def scored(deploy, _aisoc):
    needs_systemd()
    unit = deploy / "systemd/aisoc.service"
    lines = unit.read_text().splitlines()
    missing = [line for line in SAID if line not in lines]
    done = run("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    if not found:
        raise Broken(f"no score: {done.stderr.strip()[-400:]}")
    if done.returncode or float(found[1]) * 10 > MOST_EXPOSED:
        raise Broken(f"exposed to {found[1]}, and at most {MOST_EXPOSED / 10} is expected")
    if missing:
        raise Broken(f"it does not say {', '.join(missing)}")
    return f"exposure level {found[1]} of 10"


def members(name):
    """The system calls of one of systemd's sets, and of those in it."""
    found = set()
    for line in must("systemd-analyze", "syscall-filter", name).splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= members(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found


def filtered(deploy, _aisoc):
    """Every call that the worker's filter leaves to a plugin, and all that makes its layers, goes through the unit's."""
    needs_systemd()
    allowed = set()
    for line in (deploy / "systemd/aisoc.service").read_text().splitlines():
        if not line.startswith("SystemCallFilter="):
            continue
        words = line.partition("=")[2]
        named = [members(word) if word.startswith("@") else {word} for word in words.removeprefix("~").split()]
        named = set().union(*named)
        allowed = allowed - named if words.startswith("~") else allowed | named
    missing = (calls_of_the_worker() | OF_THE_LAYERS | OF_A_HOST) - allowed
    # What this systemd has no name for, its kernel set has.
    missing &= members("@known")
    if missing:
        raise Broken(f"it refuses what is needed: {', '.join(sorted(missing))}")
    return f"{len(allowed)} system calls, and those of the worker among them"
