"""What is broken in copies, so that each check is seen to fail: by its name, what, and how."""

import re


def without(line):
    return lambda text: text.replace(line + "\n", "")


def instead(old, new):
    return lambda text: text.replace(old, new)


def setting(name, value):
    """Of a unit: that line with another value."""
    return lambda text: re.sub(rf"^{name}=.*$", f"{name}={value}", text, count=1, flags=re.MULTILINE)


BROKEN = {
    "units, verified": {
        "the program is not there": instead("/usr/local/bin/aisoc serve", "/usr/local/bin/elsewhere serve"),
        "a key is misspelt": instead("ProtectSystem=", "ProtectSystems="),
        "a value is none": setting("RestartSec", "soon"),
    },
    "units, scored": {
        "it runs as root": without("User=aisoc"),
        "it may get new rights": setting("NoNewPrivileges", "no"),
        "the system is open": without("ProtectSystem=strict"),
        "confinement is not required": instead("AISOC_SANDBOX=require", "AISOC_SANDBOX=off"),
        "freed memory stays in many pools": instead("MALLOC_ARENA_MAX=2", "MALLOC_ARENA_MAX=16"),
        "all system calls are let through": lambda text: re.sub(r"^SystemCallFilter=.*\n", "", text, flags=re.MULTILINE),
    },
    "units, filter": {
        "mounts are refused": instead("@system-service @mount", "@system-service"),
        "Landlock is refused": instead(" landlock_restrict_self", ""),
        "a call of Python's is refused": instead("~@aio @keyring", "~@aio @keyring getrandom"),
    },
    "seccomp profile": {
        "a call of Python's is missing": instead('"getrandom", ', ""),
        "a call of a layer's is missing": instead('"pivot_root", ', ""),
        "no namespace is let through": instead('"unshare"', '"unknown"'),
        "one namespace is missing": instead("33554560", "301990016"),
        "everything is let through": instead('"SCMP_ACT_ERRNO"', '"SCMP_ACT_ALLOW"'),
        "tracing is let through": instead('"access", ', '"access", "ptrace", '),
        "every socket is let through": instead('"accept4", ', '"accept4", "socket", '),
        "it is no JSON": lambda text: text[:-3],
        "a key is misspelt": instead('"names"', '"name"') and instead('"defaultErrnoRet"', '"defaultErrno"'),
    },
    "manifests, schema": {
        "a key is misspelt": instead("readOnlyRootFilesystem", "readOnlyRootFileSystem"),
        "a value has another type": instead("replicas: 1", 'replicas: "one"'),
        "something is missing": instead("  serviceName: aisoc\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: aisoc\n", ""),
        "it is no YAML": instead("replicas: 1", "replicas: [1"),
        "an object is gone": lambda text: text.replace(text.split("---\n")[4] + "---\n", ""),
    },
    "manifests, needs": {
        "the pod is root": instead("runAsUser: 10001", "runAsUser: 0"),
        "the image may be written": instead("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        "it may get rights": instead("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
        "it has the profile of the cluster": instead("type: Localhost\n          localhostProfile: aisoc/host.json", "type: RuntimeDefault"),
        "a capability is left": instead("drop: [ALL]", "drop: [NET_RAW]"),
        "it has no limits": instead("            limits:\n", "            wishes:\n"),
        "a probe names no host": instead("- {name: Host, value: aisoc.aisoc.svc}\n            periodSeconds: 10", "[]\n            periodSeconds: 10"),
        "a secret may be written": instead("mountPath: /etc/aisoc/tls, readOnly: true", "mountPath: /etc/aisoc/tls"),
        "there are two": instead("replicas: 1", "replicas: 2"),
        "confinement is not required": instead("AISOC_SANDBOX: require", "AISOC_SANDBOX: best-effort"),
        "it has a token of the cluster": instead("      automountServiceAccountToken: false\n      enable", "      enable"),
    },
    "Containerfile": {
        "it cannot be parsed": instead("USER 10001:10001", "USERS 10001:10001"),
        "it ends as root": instead("USER 10001:10001", "USER 0:0"),
        "the base has no version": instead("python:3.13-slim-trixie", "python:latest"),
        "the entry point is a line for a shell": instead('ENTRYPOINT ["/usr/local/bin/aisoc"]', "ENTRYPOINT /usr/local/bin/aisoc"),
        "something is run": instead("EXPOSE 8443", "EXPOSE 8443\nRUN true"),
    },
}

# What hardens more than a plugin's confinement can bear, and what leaves the host without what it needs. The first three are the
# reasons that the unit gives beside its lines.
BROKEN_UNITS = {
    "no namespace may be made": setting("RestrictNamespaces", "yes"),
    "a namespace of networks may not be made": setting("RestrictNamespaces", "user pid mnt ipc uts"),
    "mounts are refused": instead("@system-service @mount", "@system-service"),
    "Landlock is refused": instead(" landlock_create_ruleset", ""),
    "its state is nowhere": without("StateDirectory=aisoc aisoc/plugins"),
    "it is nobody's": setting("User", "nobody"),
}
