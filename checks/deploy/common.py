"""What the checks of `deploy/` have in common."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77


class Skip(Exception):
    """Why something cannot be checked here."""


class Broken(Exception):
    """What does not hold."""


def run(*words, **options):
    """Whatever it prints is kept; nobody answers it."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace", "timeout": 300, **options}
    return subprocess.run([str(word) for word in words], **options)


def must(*words, **options):
    done = run(*words, **options)
    if done.returncode:
        raise Broken(f"`{' '.join(map(str, words[:6]))}` gave {done.returncode}: {(done.stderr + done.stdout)[-1500:].strip()}")
    return done.stdout


def calls_of_the_worker():
    """Every system call that is left to a plugin, by the names in its own filter. `clone3` it is told to be none."""
    text = (ROOT / "worker/src/sandbox/system_calls.rs").read_text()
    found = set(re.findall(r"\bSYS_(\w+)", text)) - {"clone3"}
    if len(found) < 150:
        raise Broken(f"only {len(found)} system calls were found in the worker's filter")
    return found


# Without these there is no first, second or third layer; and a host that cannot be asked is none.
OF_THE_LAYERS = {"unshare", "clone", "mount", "umount2", "pivot_root", "capset", "capget", "landlock_create_ruleset",
                 "landlock_add_rule", "landlock_restrict_self", "seccomp", "prctl"}
OF_A_HOST = {"socket", "bind", "listen", "accept4", "connect", "setsockopt", "epoll_wait", "eventfd2", "execve", "pidfd_open"}
# What neither needs, and no profile of ours gives.
NOBODYS = {"ptrace", "process_vm_readv", "process_vm_writev", "bpf", "perf_event_open", "io_uring_setup", "add_key", "keyctl",
           "request_key", "init_module", "finit_module", "kexec_load", "reboot", "userfaultfd", "setns", "open_by_handle_at",
           "swapon", "acct", "settimeofday", "clock_settime", "iopl", "ioperm", "mknod", "mknodat"}
