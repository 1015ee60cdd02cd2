"""A plugin that tries to get out. Each method of `Escapes` is one attempt: what it returns has got through; an error, or
nothing, has not. `it` says where the things are that it must not reach."""

import ctypes
import os
import platform
import socket
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
# Numbers that every processor has in common, but for those that differ.
NUMBERS = {"ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
           "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "io_uring_setup": (425, 425),
           "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "memfd_create": (319, 279),
           "execveat": (322, 281), "unshare": (272, 97), "setns": (308, 268), "clone": (56, 220), "clone3": (435, 435),
           "mount": (165, 40), "pivot_root": (155, 41), "chroot": (161, 51), "open_by_handle_at": (304, 265),
           "name_to_handle_at": (303, 264), "mknodat": (259, 33), "shmget": (29, 194), "shmat": (30, 196),
           "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "fsopen": (430, 430), "open_tree": (428, 428),
           "move_mount": (429, 429), "fanotify_init": (300, 262), "inotify_add_watch": (254, 27), "inotify_init1": (294, 26),
           "acct": (163, 89), "swapon": (167, 224), "reboot": (169, 142), "sethostname": (170, 161),
           "init_module": (175, 105), "kexec_load": (246, 104), "syslog": (103, 116), "settimeofday": (164, 170),
           "quotactl": (179, 60), "personality": (135, 92), "kcmp": (312, 272), "seccomp": (317, 277),
           "pidfd_send_signal": (424, 424), "prlimit64": (302, 261), "setpriority": (141, 140), "ioprio_set": (251, 30),
           "memfd_secret": (447, 447), "process_madvise": (440, 440), "migrate_pages": (256, 238),
           "rt_sigqueueinfo": (129, 138), "tgkill": (234, 131), "vmsplice": (278, 75), "landlock_create_ruleset": (444, 444),
           "openat": (257, 56), "read": (0, 63), "lookup_dcookie": (212, 18), "mount_setattr": (442, 442)}


def call(name, *arguments):
    """A system call, past Python and the C library; an error is one."""
    number = NUMBERS[name][0 if X86 else 1]
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def read(path, length=4096):
    with open(path, "rb") as file:
        return file.read(length)


def write(path, flags=os.O_WRONLY | os.O_CREAT):
    descriptor = os.open(path, flags, 0o600)
    os.write(descriptor, b"escaped")
    os.close(descriptor)
    return "written"


def in_a_child(action):
    """What a child process returns: it may not come back from what it does."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, b"+" + str(action()).encode()[:200])
        except BaseException as error:
            os.write(writing, b"-" + repr(error).encode()[:200])
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 300)
    os.close(reading)
    os.waitpid(child, 0)
    if said[:1] != b"+":
        raise OSError(said.decode(errors="replace") or "ended")
    return said[1:].decode()


SCRATCH = os.environ.get("TMPDIR", "/tmp")


class Escapes:
    # --- files outside
    def reads_the_passwords(self, it): return read("/etc/passwd")
    def reads_the_private_key(self, it): return read(it["key"])
    def reads_a_secret_of_everybody(self, it): return read(it["secret"])
    def reads_the_state_of_the_host(self, it): return read(it["state"])
    def reads_another_plugin(self, it): return read(it["other_plugin"])
    def lists_the_plugins(self, it): return os.listdir(it["plugins"])
    def lists_the_root(self, it): return sorted(set(os.listdir("/")) & {"etc", "home", "root", "var", "boot"})
    def lists_the_home(self, it): return os.listdir(os.path.expanduser("~root"))
    def sees_that_a_file_is_there(self, it): return os.stat(it["secret"]) and "there"
    def goes_up_to_it(self, it):
        os.chdir(SCRATCH)
        return read("../" * 40 + it["secret"].lstrip("/"))
    def writes_beside_others(self, it): return write("/tmp/aisoc-escaped") if os.listdir("/tmp") else None
    def writes_where_everybody_may(self, it): return write(it["open_directory"] + "/escaped")
    def writes_to_shared_memory(self, it): return write("/dev/shm/aisoc-escaped")
    def writes_to_itself(self, it): return write(it["own"] + "/escaped.py")
    def changes_itself(self, it): return write(it["own"] + "/plugin.py", os.O_WRONLY)
    def changes_the_mode_of_itself(self, it): os.chmod(it["own"], 0o777); return "changed"
    def changes_a_mode_outside(self, it): os.chmod(it["secret"], 0o600); return "changed"
    def changes_a_mode_outside_by_descriptor(self, it):
        os.fchmod(os.open(it["secret"], os.O_RDONLY), 0o600)
        return "changed"
    def changes_times_outside(self, it): os.utime(it["secret"], (1, 1)); return "changed"
    def removes_itself(self, it): os.unlink(it["own"] + "/plugin.py"); return "removed"
    def writes_to_python(self, it): return write(os.path.join(os.path.dirname(os.__file__), "escaped.py"))
    def links_to_it(self, it):
        os.symlink(it["secret"], SCRATCH + "/link")
        return read(SCRATCH + "/link")
    def links_it_hard(self, it):
        os.link(it["secret"], SCRATCH + "/hard")
        return read(SCRATCH + "/hard")
    def moves_out_of_its_scratch(self, it):
        write(SCRATCH + "/moved")
        os.rename(SCRATCH + "/moved", it["open_directory"] + "/moved")
        return "moved"
    def swaps_a_directory_for_a_link(self, it):
        os.mkdir(SCRATCH + "/swapped")
        held = os.open(SCRATCH + "/swapped", os.O_RDONLY | os.O_DIRECTORY)
        os.rename(SCRATCH + "/swapped", SCRATCH + "/elsewhere")
        os.symlink(os.path.dirname(it["secret"]), SCRATCH + "/swapped")
        try:
            return os.open("../" * 40 + it["secret"].lstrip("/"), os.O_RDONLY, dir_fd=held)
        finally:
            os.close(held)
    def opens_by_a_handle(self, it):
        handle = ctypes.create_string_buffer(b"\x80\0\0\0" + bytes(132), 136)
        mount = ctypes.c_int()
        call("name_to_handle_at", -100, it["secret"].encode(), handle, ctypes.byref(mount), 0)
        return call("open_by_handle_at", 0, handle, 0)
    def opens_with_a_bare_system_call(self, it):
        return call("openat", -100, it["secret"].encode(), 0)
    def reads_memory_of_the_machine(self, it): return read("/dev/mem", 1) or read("/dev/kmem", 1)
    def reads_what_the_kernel_says(self, it): return read("/sys/kernel/notes", 16)
    def reads_the_log_of_the_kernel(self, it): return call("syslog", 3, ctypes.create_string_buffer(64), 64)
    def watches_a_file(self, it):
        return call("inotify_add_watch", call("inotify_init1", 0), it["secret"].encode(), 2) and "watched"
    def watches_all_files(self, it): return call("fanotify_init", 0, 0)
    def makes_a_device(self, it):
        call("mknodat", -100, (SCRATCH + "/device").encode(), 0o20666, os.makedev(1, 1))
        return read(SCRATCH + "/device", 1) or "made"

    # --- processes
    def sees_other_processes(self, it): return [n for n in os.listdir("/proc") if n.isdigit() and int(n) == it["host"]]
    def reads_the_environment_of_its_host(self, it): return read(f"/proc/{it['host']}/environ")
    def reads_the_command_of_its_host(self, it): return read(f"/proc/{it['host']}/cmdline")
    def reads_the_memory_of_its_host(self, it): return os.open(f"/proc/{it['host']}/mem", os.O_RDONLY)
    def goes_through_the_root_of_its_host(self, it): return os.listdir(f"/proc/{it['host']}/root/etc")
    def goes_through_what_its_host_has_open(self, it): return os.listdir(f"/proc/{it['host']}/fd")
    def reads_the_environment_of_another(self, it): return read(f"/proc/{it['other']}/environ")
    def reads_the_memory_of_another(self, it): return os.open(f"/proc/{it['other']}/mem", os.O_RDONLY)
    def reads_what_the_first_process_is_told(self, it): return it["marker"] in str(read("/proc/1/environ")) or None
    def traces_its_host(self, it): return call("ptrace", 16, it["host"], 0, 0) == 0 and "traced"
    def traces_another(self, it): return call("ptrace", 16, it["other"], 0, 0) == 0 and "traced"
    def traces_its_parent(self, it): return call("ptrace", 16, os.getppid(), 0, 0) == 0 and "traced"
    def looks_into_its_parent(self, it):
        buffer = ctypes.create_string_buffer(8)
        vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
        return call("process_vm_readv", os.getppid(), vector, 1, vector, 1, 0)
    def looks_into_another(self, it):
        buffer = ctypes.create_string_buffer(8)
        vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
        return call("process_vm_readv", it["other"], vector, 1, vector, 1, 0)
    def takes_what_another_has_open(self, it): return call("pidfd_getfd", os.pidfd_open(it["other"]), 0, 0) + 1
    def compares_itself_with_another(self, it): return call("kcmp", os.getpid(), it["other"], 0, 0, 0) + 1
    def signals_its_host(self, it): os.kill(it["host"], 0); return "signalled"
    def signals_another(self, it): os.kill(it["other"], 0); return "signalled"
    def signals_a_thread_of_another(self, it): return call("tgkill", it["other"], it["other"], 0) == 0 and "signalled"
    def queues_a_signal(self, it): return call("rt_sigqueueinfo", it["other"], 0, ctypes.create_string_buffer(128)) + 1
    def signals_through_a_descriptor(self, it):
        return call("pidfd_send_signal", os.pidfd_open(it["other"]), 0, 0, 0) == 0 and "signalled"
    def bounds_another(self, it): return call("prlimit64", it["other"], 7, 0, ctypes.create_string_buffer(16)) + 1
    def slows_another(self, it): os.setpriority(os.PRIO_PROCESS, it["other"], 19); return "slowed"
    def moves_the_pages_of_another(self, it): return call("migrate_pages", it["other"], 0, 0, 0) + 1

    # --- programs
    def starts_a_shell(self, it): return subprocess.run(["/bin/sh", "-c", "echo out"], capture_output=True).stdout
    def starts_a_program(self, it): return subprocess.run(["/usr/bin/id"], capture_output=True).stdout
    def starts_a_program_of_root(self, it): return subprocess.run(["/bin/su", "--version"], capture_output=True).stdout
    def starts_what_it_wrote(self, it):
        write(SCRATCH + "/script")
        with open(SCRATCH + "/script", "w") as file:
            file.write(f"#!{sys.executable}\nprint('out')\n")
        os.chmod(SCRATCH + "/script", 0o755)
        return subprocess.run([SCRATCH + "/script"], capture_output=True).stdout
    def starts_a_copy_of_python(self, it):
        with open(sys.executable, "rb") as program, open(SCRATCH + "/python", "wb") as copy:
            copy.write(program.read())
        os.chmod(SCRATCH + "/python", 0o755)
        return subprocess.run([SCRATCH + "/python", "-c", "print('out')"], capture_output=True).stdout
    def starts_a_program_in_memory(self, it):
        held = call("memfd_create", b"x", 0)
        os.write(held, read("/bin/true", 1 << 20))
        return in_a_child(lambda: call("execveat", held, b"", 0, 0, 0x1000)) or "started"
    def has_memory_that_is_a_program(self, it): return call("memfd_create", b"x", 0) + 1
    def starts_from_a_descriptor(self, it): return in_a_child(lambda: os.execve(os.open("/bin/true", os.O_RDONLY), ["t"], {}))

    # --- more rights
    def becomes_root(self, it): os.setuid(0); return "root"
    def has_capabilities(self, it):
        sets = ctypes.create_string_buffer(24)
        libc.capget(ctypes.create_string_buffer(b"\x22\x05\x08\x20\0\0\0\0", 8), sets)
        return any(sets.raw) and sets.raw.hex()
    def makes_a_user_namespace(self, it): return in_a_child(lambda: call("unshare", 0x10000000) == 0 and "made")
    def makes_a_mount_namespace(self, it): return in_a_child(lambda: call("unshare", 0x20000) == 0 and "made")
    def is_born_in_a_user_namespace(self, it):
        child = call("clone", 0x10000000 | 17, 0, 0, 0, 0)
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return "made"
    def is_born_by_the_newer_call(self, it):
        arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
        child = call("clone3", arguments, 88)
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return "made"
    def enters_the_namespace_of_another(self, it): return call("setns", os.open(f"/proc/{it['other']}/ns/mnt", 0), 0) + 1
    def enters_it_by_a_descriptor(self, it): return call("setns", os.pidfd_open(it["other"]), 0x20000) + 1
    def mounts(self, it): return call("mount", b"x", SCRATCH.encode(), b"tmpfs", 0, 0) + 1
    def mounts_processes(self, it): return call("mount", b"proc", SCRATCH.encode(), b"proc", 0, 0) + 1
    def opens_a_file_system(self, it): return call("fsopen", b"tmpfs", 0) + 1
    def opens_a_tree(self, it): return call("open_tree", -100, b"/", 1) + 1
    def lifts_read_only(self, it): return call("mount", 0, b"/", 0, 0x1020, 0) + 1
    def changes_the_root(self, it): return call("chroot", SCRATCH.encode()) + 1
    def swaps_the_root(self, it): return call("pivot_root", b".", b".") + 1
    def loads_a_module(self, it): return call("init_module", ctypes.create_string_buffer(8), 8, b"") + 1
    def asks_to_reboot(self, it): return call("reboot", 0, 0, 0, 0) + 1 if False else call("kexec_load", 0, 0, 0, 0) + 1
    def renames_the_machine(self, it): return call("sethostname", b"escaped", 7) + 1
    def sets_the_time(self, it): return call("settimeofday", 0, ctypes.create_string_buffer(8)) + 1
    def runs_a_program_in_the_kernel(self, it): return call("bpf", 0, ctypes.create_string_buffer(64), 64) + 1
    def has_a_ring(self, it): return call("io_uring_setup", 1, ctypes.create_string_buffer(120)) + 1
    def watches_by_the_count_of_its_user(self, it): return __import__("select").epoll().fileno() + 1
    def measures_the_kernel(self, it):
        asked = ctypes.create_string_buffer(b"\x01\0\0\0\x70\0\0\0" + bytes(120), 128)
        return call("perf_event_open", asked, 0, -1, -1, 0) + 1
    def handles_faults(self, it): return call("userfaultfd", 1) + 1
    def has_a_key(self, it): return call("add_key", b"user", b"escaped", b"x", 1, -3)
    def reads_a_key(self, it): return call("keyctl", 11, call("request_key", b"user", it["marker"].encode(), 0, 0), 0, 0) + 1
    def joins_a_keyring(self, it): return call("keyctl", 1, 0) + 1
    def changes_its_personality(self, it): return call("personality", 0x0400000) + 1
    def calls_as_x32(self, it):
        if not X86:
            return None
        number = libc.syscall(ctypes.c_long(0x40000000 | 39))
        return number if number > 0 else None
    def calls_as_32_bits(self, it):
        if not X86:
            return None
        import mmap
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        # mov eax, 20; int 0x80; ret: getpid by the other door.
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
        number = int(in_a_child(function))
        return number if number > 0 else None

    # --- networks, and others beside
    def connects(self, it):
        with socket.create_connection(("127.0.0.1", it["tcp"]), 2) as connection:
            return connection.getpeername()
    def connects_to_its_host(self, it):
        with socket.create_connection(("127.0.0.1", it["api"]), 2) as connection:
            return connection.getpeername()
    def listens(self, it):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            return listening.getsockname()
    def sends_a_datagram(self, it):
        with socket.socket(type=socket.SOCK_DGRAM) as sending:
            return sending.sendto(b"escaped", ("127.0.0.1", it["udp"]))
    def resolves_a_name(self, it): return socket.getaddrinfo("localhost", 80)[0][4] if socket.socket() else None
    def has_a_raw_socket(self, it): return socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).fileno()
    def has_a_packet_socket(self, it): return socket.socket(socket.AF_PACKET, socket.SOCK_RAW).fileno()
    def asks_the_kernel_by_netlink(self, it): return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).fileno()
    def has_a_socket_of_the_hypervisor(self, it): return socket.socket(40, socket.SOCK_STREAM).fileno()
    def has_a_socket_of_ciphers(self, it): return socket.socket(38, socket.SOCK_SEQPACKET).fileno()
    def reaches_an_abstract_socket(self, it):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect("\0" + it["abstract"])
            return "connected"
    def reaches_a_socket_in_a_directory(self, it):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(it["socket"])
            return "connected"
    def sends_from_a_pair(self, it):
        one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        return one.sendto(b"escaped", "\0" + it["abstract_datagrams"])
    def sends_from_a_pair_of_packets(self, it):
        one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # To an address: what takes it, and sends it to the other end all the same, has not got through.
        one.sendto(b"escaped", "\0" + it["abstract_datagrams"])
        return None
    def shares_memory(self, it): return call("shmget", it["shared"], 8, 0o666) + 1
    def has_a_queue_of_messages(self, it): return call("msgget", 0, 0o1600) + 1
    def has_semaphores(self, it): return call("semget", 0, 1, 0o1600) + 1
    def opens_a_queue(self, it): return call("mq_open", b"escaped", 0o102, 0o600, 0) + 1

    # --- what it was given, and what it may take
    def finds_a_secret_in_its_environment(self, it): return [v for v in os.environ.values() if it["marker"] in v]
    def has_something_open(self, it):
        held = []
        for number in range(3, 256):
            try:
                kind = os.fstat(number).st_mode & 0o170000
                name = os.readlink(f"/proc/self/fd/{number}") if os.path.isdir("/proc/self/fd") else ""
            except OSError:
                continue
            # One socket is its channel to the host, and a descriptor of epoll has no kind.
            if kind in (0o040000, 0o100000) or (kind == 0o010000 and name):
                held.append((number, oct(kind), name))
        return held
    def types_into_a_terminal(self, it):
        import fcntl
        return [n for n in range(3) if fcntl.ioctl(n, 0x5412, b"x") == 0 or True]
    def fills_its_scratch(self, it):
        with open(SCRATCH + "/1", "wb") as one, open(SCRATCH + "/2", "wb") as two:
            for file in (one, two):
                for _ in range(48):
                    file.write(bytes(1 << 20))
        return "96 MiB"
    def makes_many_files(self, it):
        for number in range(5000):
            os.close(os.open(f"{SCRATCH}/{number}", os.O_CREAT | os.O_WRONLY))
        return "5000 files"
    def starts_a_hundred_processes(self, it):
        children = []
        try:
            for _ in range(100):
                child = os.fork()
                if child == 0:
                    import time
                    time.sleep(60)
                    os._exit(0)
                children.append(child)
        finally:
            for child in children:
                os.kill(child, 9)
                os.waitpid(child, 0)
        return "100 processes"


NAMES = [name for name in vars(Escapes) if not name.startswith("_")]


class Plugin:
    def run(self, payload, context):
        attempt = payload["attempt"]
        try:
            got = getattr(Escapes(), attempt)(payload["it"])
        except BaseException as error:
            return {"got": None, "why": f"{type(error).__name__}: {error}"[:200]}
        return {"got": str(got)[:200] if got else None, "why": "nothing came of it"}
