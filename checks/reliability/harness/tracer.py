"""Stops a process at each of its file system calls, and kills it or fails the call there.

Why not `strace -e inject=…:when=K`: strace counts per thread and per system call, so `when=3` is the
third write of whichever thread gets there first, and the third write of the other thread can never be
chosen. It also kills on entry only. Here all threads count together, so that the points are all there
are, and both sides of a call can be chosen.

What ptrace does, and what that means for a kill:

- *before*: the process gets SIGKILL while it is stopped on entry. The kernel then skips the call
  (`ptrace_report_syscall_entry` answers "fatal signal pending"), so it has had no effect.
- *after*: the process gets SIGKILL while it is stopped on exit. The call has had its whole effect and
  the process has not seen the result.
- other threads are wherever they were; each dies before its next instruction in user mode.
- an injected error replaces the call's number by -1, so that it is not made, and its result by the
  error.
"""

import ctypes
import errno
import os
import platform
import signal
import struct
import tempfile
from dataclasses import dataclass, field

TRACEME, GETREGS, SETREGS, SYSCALL, SETOPTIONS, GET_SYSCALL_INFO = 0, 12, 13, 24, 0x4200, 0x420E
# SYSGOOD, FORK, VFORK, CLONE, EXEC, EXITKILL
OPTIONS = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x100000
ENTRY, EXIT = 1, 2
SYSCALL_STOP = signal.SIGTRAP | 0x80
ANY_THREAD = 0x40000000
AT_FDCWD = -100
# What makes an open a change; O_TMPFILE holds the bit of O_DIRECTORY, too.
CREATES = os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long

KILL = "kill"


class Unavailable(Exception):
    """This machine does not let us trace."""


# What each call's arguments are: `fd` an open file, `at` a directory and a name in it, `name` a name,
# `flags` those of an open call, `_` anything else.
SHAPES = {
    "open": ("name", "flags"), "openat": ("at", "flags"), "creat": ("name",),
    "write": ("fd",), "pwrite64": ("fd",), "writev": ("fd",), "pwritev": ("fd",),
    "copy_file_range": ("_", "_", "fd"), "sendfile": ("fd",), "fallocate": ("fd",),
    "rename": ("name", "name"), "renameat": ("at", "at"), "renameat2": ("at", "at"),
    "link": ("name", "name"), "linkat": ("at", "at"), "symlink": ("_", "name"), "symlinkat": ("_", "at"),
    "unlink": ("name",), "unlinkat": ("at",), "rmdir": ("name",),
    "mkdir": ("name",), "mkdirat": ("at",),
    "chmod": ("name",), "fchmod": ("fd",), "fchmodat": ("at",), "fchmodat2": ("at",),
    "utimensat": ("at",), "truncate": ("name",), "ftruncate": ("fd",),
    "fsync": ("fd",), "fdatasync": ("fd",), "syncfs": ("fd",), "flock": ("fd",),
}
NUMBERS = {
    "x86_64": {
        "write": 1, "open": 2, "pwrite64": 18, "writev": 20, "sendfile": 40, "flock": 73, "fsync": 74, "fdatasync": 75,
        "truncate": 76, "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86,
        "unlink": 87, "symlink": 88, "chmod": 90, "fchmod": 91, "openat": 257, "mkdirat": 258, "unlinkat": 263,
        "renameat": 264, "linkat": 265, "symlinkat": 266, "fchmodat": 268, "utimensat": 280, "fallocate": 285,
        "pwritev": 296, "syncfs": 306, "renameat2": 316, "copy_file_range": 326, "fchmodat2": 452,
    },
}
# Of `struct user_regs_struct` on x86-64: the result, and the number of the call that is being made.
REGISTERS, RAX, ORIG_RAX = 27, 10, 15


@dataclass
class Call:
    """One file system call of the traced process, below the watched directory."""

    number: int  # among the calls of its kind, from 1
    thread: int
    name: str
    paths: tuple  # as the process sees them, absolute
    flags: int
    changes: bool  # False for an open that only reads
    result: int = 0

    def __str__(self):
        shown = " → ".join("/".join(path.split("/")[-3:]) for path in self.paths)
        return f"{self.name} {shown}"


@dataclass
class Finished:
    """How a traced process ended."""

    code: int  # exit code, or minus the signal
    stdout: str
    stderr: str
    calls: list = field(default_factory=list)
    hit: Call | None = None  # the call at which it was killed or failed


def check_available():
    """Raises `Unavailable` with the reason when tracing cannot work here."""
    if platform.system() != "Linux" or platform.machine() not in NUMBERS:
        raise Unavailable(f"no table of system calls for {platform.system()} {platform.machine()}")
    try:
        done = run(["/bin/true"], "/", dict(os.environ), "/")
    except OSError as error:
        raise Unavailable(f"ptrace is not allowed: {error}") from error
    if done.code != 0:
        raise Unavailable(f"ptrace does not work here: /bin/true gave {done.code}")


def run(argv, cwd, environment, root, on_entry=None, on_exit=None):
    """Runs `argv` and shows each of its calls below `root` to `on_entry` and `on_exit`.

    Both get a `Call`. `on_entry` may answer `KILL` or an errno, `on_exit` may answer `KILL`.
    """
    return _Trace(os.path.realpath(root), on_entry, on_exit).run(argv, cwd, environment)


class _Trace:
    def __init__(self, root, on_entry, on_exit):
        self.root, self.on_entry, self.on_exit = root, on_entry, on_exit
        self.names = {number: name for name, number in NUMBERS[platform.machine()].items()}
        self.pending = {}  # thread → (call, errno to give)
        self.counts = {True: 0, False: 0}
        self.finished = Finished(0, "", "")

    def run(self, argv, cwd, environment):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            leader = _spawn(argv, cwd, environment, out.fileno(), err.fileno())
            self.follow(leader)
            for stream, name in ((out, "stdout"), (err, "stderr")):
                stream.seek(0)
                setattr(self.finished, name, stream.read().decode(errors="replace"))
        return self.finished

    def follow(self, leader):
        _, status = os.waitpid(leader, ANY_THREAD)
        if not os.WIFSTOPPED(status):
            raise OSError(errno.EPERM, "the traced process did not stop")
        _ptrace(SETOPTIONS, leader, OPTIONS)
        _ptrace(SYSCALL, leader)
        threads, fresh = {leader}, set()
        while threads:
            thread, status = os.waitpid(-1, ANY_THREAD)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                threads.discard(thread)
                if thread == leader:
                    self.finished.code = os.waitstatus_to_exitcode(status)
                continue
            stop, deliver = os.WSTOPSIG(status), 0
            if thread not in threads:
                threads.add(thread)
                fresh.add(thread)
            if stop == SYSCALL_STOP:
                self.at_stop(leader, thread)
            elif thread in fresh and stop == signal.SIGSTOP:
                fresh.discard(thread)  # every new thread begins with this
            elif status >> 16 == 0:
                deliver = stop
            _ptrace(SYSCALL, thread, deliver)

    def at_stop(self, leader, thread):
        information = (ctypes.c_char * 88)()  # struct ptrace_syscall_info: the kind, at 24 what is about it
        if _ptrace(GET_SYSCALL_INFO, thread, ctypes.addressof(information), len(information)) < 0:
            return  # killed meanwhile
        if information.raw[0] == ENTRY:
            number, *arguments = struct.unpack_from("<7Q", information.raw, 24)
            call = self.call(thread, self.names.get(number), arguments)
            if call:
                self.enter(leader, thread, call)
        elif thread in self.pending:
            (result,) = struct.unpack_from("<q", information.raw, 24)
            self.leave(leader, thread, result)

    def enter(self, leader, thread, call):
        action = self.on_entry(call) if self.on_entry else None
        self.pending[thread] = (call, action)
        self.finished.calls.append(call)
        if action == KILL:
            self.kill(leader, call)
        elif action:
            self.finished.hit = call
            _register(thread, ORIG_RAX, -1)

    def leave(self, leader, thread, result):
        call, action = self.pending.pop(thread)
        if action and action != KILL:
            result = -action
            _register(thread, RAX, result)
        call.result = result
        if self.on_exit and self.on_exit(call) == KILL:
            self.kill(leader, call)

    def kill(self, leader, call):
        self.finished.hit = call
        os.kill(leader, signal.SIGKILL)

    def call(self, thread, name, arguments):
        """The call, if it is one of ours and below the root."""
        if name is None:
            return None
        paths, flags, position = [], os.O_CREAT if name == "creat" else 0, 0
        for part in SHAPES[name]:
            if part == "flags":
                flags = arguments[position] & 0xFFFFFFFF
            elif part == "fd":
                paths.append(_open_file(thread, _signed(arguments[position])))
            elif part == "name":
                paths.append(_named(thread, AT_FDCWD, arguments[position]))
            elif part == "at":
                at, text = _signed(arguments[position]), arguments[position + 1]
                # No name is the open file itself: so is the time of one set (futimens).
                paths.append(_named(thread, at, text) if text else _open_file(thread, at))
                position += 1
            position += 1
        if not any(path == self.root or path.startswith(self.root + "/") for path in paths):
            return None
        changes = name not in ("open", "openat") or bool(flags & CREATES)
        if name == "renameat2":
            flags = arguments[4] & 0xFFFFFFFF
        self.counts[changes] += 1
        return Call(self.counts[changes], thread, name, tuple(paths), flags, changes)


def _spawn(argv, cwd, environment, out, err):
    child = os.fork()
    if child:
        return child
    try:
        os.chdir(cwd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        if libc.ptrace(TRACEME, 0, None, None) == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execve(argv[0], argv, environment)
    finally:
        os._exit(126)


def _ptrace(request, thread, data=0, address=0):
    """Answers -1 when the thread is gone, which a kill makes likely at any moment."""
    answer = libc.ptrace(request, thread, address, data)
    if answer < 0 and ctypes.get_errno() != errno.ESRCH:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")
    return answer


def _register(thread, index, value):
    registers = (ctypes.c_ulonglong * REGISTERS)()
    if _ptrace(GETREGS, thread, ctypes.addressof(registers)) == 0:
        registers[index] = value & 0xFFFFFFFFFFFFFFFF
        _ptrace(SETREGS, thread, ctypes.addressof(registers))


def _signed(argument):
    return ctypes.c_int(argument & 0xFFFFFFFF).value


def _open_file(thread, descriptor):
    try:
        return os.readlink(f"/proc/{thread}/fd/{descriptor}")
    except OSError:
        return ""


def _named(thread, directory, address):
    try:
        with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            # A name may end just before memory that cannot be read: up to the end of the page, then on.
            text = memory.read(4096 - address % 4096)
            if b"\0" not in text:
                text += memory.read(4096)
    except (OSError, OverflowError, ValueError):
        return ""
    name = os.fsdecode(text.split(b"\0", 1)[0])
    if not name.startswith("/"):
        base = os.readlink(f"/proc/{thread}/cwd") if directory == AT_FDCWD else _open_file(thread, directory)
        name = f"{base}/{name}"
    return os.path.normpath(name)
