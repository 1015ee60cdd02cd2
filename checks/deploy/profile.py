"""The seccomp profile of containers, judged as a runtime reads it."""

import json

from common import NOBODYS, OF_A_HOST, OF_THE_LAYERS, Broken, calls_of_the_worker

KEYS = {"defaultAction", "defaultErrnoRet", "architectures", "syscalls"}
RULE = {"comment", "names", "action", "args"}
NAMESPACES_NOT_NEEDED = 0x02000000  # cgroup
# AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK
OTHER_SOCKETS = (16, 17, 38, 40)
SOCKETS = (1, 2, 10)


def matches(rule, arguments):
    """Whether a call with those first arguments falls under it."""
    for said in rule.get("args", []):
        value = arguments[said["index"]]
        if said["op"] == "SCMP_CMP_EQ":
            fits = value == said["value"]
        elif said["op"] == "SCMP_CMP_MASKED_EQ":
            fits = value & said["value"] == said["valueTwo"]
        else:
            raise Broken(f"an operator that is not known here: {said['op']}")
        if not fits:
            return False
    return True


def judged(deploy, _aisoc):
    try:
        profile = json.loads((deploy / "seccomp.json").read_text())
    except ValueError as error:
        raise Broken(f"it is no JSON: {error}") from error
    if set(profile) - KEYS or any(set(rule) - RULE for rule in profile["syscalls"]):
        raise Broken("it has keys that no runtime reads")
    if profile["defaultAction"] != "SCMP_ACT_ERRNO":
        raise Broken(f"what it does not name is {profile['defaultAction']}")
    if any(rule["action"] != "SCMP_ACT_ALLOW" for rule in profile["syscalls"]):
        raise Broken("it has rules of another kind than what is let through")

    def allows(name, *arguments):
        return any(name in rule["names"] and matches(rule, (*arguments, 0, 0, 0)) for rule in profile["syscalls"])

    missing = {name for name in calls_of_the_worker() | OF_THE_LAYERS | OF_A_HOST
               if not any(name in rule["names"] for rule in profile["syscalls"])}
    if missing:
        raise Broken(f"it refuses what is needed: {', '.join(sorted(missing))}")
    # User, pid, mount, network, ipc, uts: what the first layer is made of.
    for flag in (0x10000000, 0x20000000, 0x00020000, 0x40000000, 0x08000000, 0x04000000):
        if not allows("unshare", flag):
            raise Broken(f"it refuses a namespace that is needed: {flag:#x}")
    too_much = [name for name in NOBODYS if allows(name)]
    too_much += [f"socket({family})" for family in OTHER_SOCKETS if allows("socket", family)]
    too_much += [name for name in ("clone3",) if allows(name)]
    too_much += ["unshare(cgroup)"] if allows("unshare", NAMESPACES_NOT_NEEDED) else []
    if too_much:
        raise Broken(f"it lets through what nobody needs: {', '.join(sorted(too_much))}")
    if not all(allows("socket", family) for family in SOCKETS):
        raise Broken("it refuses sockets that a host is asked by")
    count = len({name for rule in profile["syscalls"] for name in rule["names"]})
    return f"{count} system calls, and those of the worker among them"
