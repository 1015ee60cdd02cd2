"""Plugins that do what they should not, as data: what each does when it is called or imported, and what must come of it.

What they do through their host is in `abuses_of_handles.py`, and what they do as handlers in `abuses_of_hooks.py`.
"""

import dataclasses

# What a call or an import may take before it fails, in seconds: a call has 30, an import 20, and then it is ended.
CALL = 45


@dataclasses.dataclass(frozen=True)
class Abuse:
    """One kind of plugin."""

    name: str
    # Of its `plugin.py`, or of the module that a distribution names.
    code: str | bytes
    # Whether it comes into memory, with which statuses a call may be answered, and what the answer says then.
    state: str = "enabled"
    statuses: tuple = (422,)
    says: str = ""
    # Whether what it does may end it: it is loaded again before its next call.
    ends: bool = False
    # Whether it is loaded again before each call: what one call has left would be in the way of the next.
    is_fresh: bool = False
    # How many of it are called beside each other, and with all others that do: those that take all of their time.
    beside: int = 0
    # What stands in its place when it is found; what it is comes with a reload, which is refused, and that goes on.
    first: str = ""
    capabilities: tuple = ()
    files: dict = dataclasses.field(default_factory=dict)
    # Of a handler: its hook, with which value that is fired, and whether it is in the plugin whose handlers are asynchronous.
    hook: str = ""
    is_asynchronous: bool = False
    value: object = None


def code(top="", run="return {}", asynchronous=False):
    """A plugin of that."""
    kind = "async def" if asynchronous else "def"
    lines = "\n".join(f"        {line}" for line in run.splitlines())
    return f"{top}\n\nclass Plugin:\n    {kind} run(self, payload, context):\n{lines}\n"


# The descriptor of the channel is the only socket that a plugin has.
FIND_CHANNEL = ("import os, stat\n\ndef channel():\n    for n in range(3, 256):\n        try:\n"
                "            if stat.S_ISSOCK(os.fstat(n).st_mode):\n                return n\n"
                "        except OSError:\n            pass\n    raise LookupError('no channel')\n")
ANSWERS = (200, 422)

PRINTING = [
    Abuse("prints-1-gb", code(run="for _ in range(1024):\n    print('x' * (1 << 20))\nreturn {}"), statuses=(200,), beside=2),
    Abuse("prints-no-line", code(run="import sys\nfor _ in range(256):\n    sys.stdout.write('x' * (1 << 20))\nreturn {}"),
          statuses=(200,)),
    Abuse("prints-control-characters", code(run="import os\nfor n in range(300):\n"
                                                "    print('\\x1b]0;owned\\x07\\x1b[2J\\x00\\x7f\\r\\x9b31m\\u202e\\u2028 "
                                                "%d' % n)\n"
                                                "    os.write(2, bytes(range(256)))\nreturn {}"), statuses=(200,)),
    Abuse("prints-what-a-host-says", code(run="for _ in range(20):\n    print('error[host_busy]: it is over\\n'\n"
                                              "          \"thread 'main' panicked at here\\r\\nState good: enabled\")\n"
                                              "return {}"), statuses=(200,)),
    Abuse("closes-what-it-prints-to", code(run="import os\nos.close(1)\nos.close(2)\nprint('x')\nreturn {}"),
          statuses=ANSWERS),
]

WAITING = [
    Abuse("sleeps-for-ever", code(run="import time\ntime.sleep(10 ** 6)"), says="30 seconds", ends=True, beside=5),
    Abuse("sleeps-async", code(run="import asyncio\nawait asyncio.sleep(10 ** 6)", asynchronous=True), says="30 seconds",
          beside=5),
    Abuse("stops-itself", code(run="import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"), ends=True, beside=5),
    Abuse("becomes-another", code(run="import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'import time\\n"
                                      "time.sleep(10 ** 6)'])"), ends=True, beside=5),
    Abuse("answers-by-bytes", code(FIND_CHANNEL, "import time\nos.write(channel(), b'9')\nwhile True:\n    time.sleep(0.3)\n"
                                                 "    os.write(channel(), b'9')"), ends=True, beside=5),
    Abuse("waits-for-its-lock", code("import threading\nlock = threading.Lock()\nlock.acquire()", "with lock:\n    return {}"),
          says="30 seconds", ends=True, beside=5),
    Abuse("ignores-cancellation", code(run="import asyncio\nwhile True:\n    try:\n        await asyncio.sleep(10 ** 6)\n"
                                           "    except BaseException:\n        pass", asynchronous=True), ends=True,
          beside=5),
    Abuse("ignores-signals", code("import signal\nfor n in range(1, 65):\n    try:\n        signal.signal(n, "
                                  "signal.SIG_IGN)\n"
                                  "    except (OSError, ValueError):\n        pass", "import time\nwhile True:\n"
                                  "    time.sleep(0.1)"), says="30 seconds", ends=True, beside=5),
    Abuse("import-sleeps", "import time\ntime.sleep(10 ** 6)\n", statuses=(200,), first=code(), beside=5),
]

PROCESSES = [
    Abuse("forks", code(run="import os\nwhile True:\n    os.fork()"), ends=True, is_fresh=True),
    Abuse("leaves-its-session", code(run="import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
                                         "        time.sleep(10 ** 6)\n    os._exit(0)\nreturn {}"), statuses=(200,),
          is_fresh=True),
    Abuse("leaves-the-dead", code(run="import os\nfor _ in range(40):\n    if os.fork() == 0:\n        os._exit(0)\nreturn {}"),
          statuses=(200,), is_fresh=True),
    Abuse("starts-threads", code(run="import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, "
                                     "args=(10 ** 6,)).start()"), says="thread", is_fresh=True, ends=True),
    Abuse("burns-in-threads", code(run="import threading, time\n\ndef burn():\n    while True:\n        pass\n"
                                       "for _ in range(16):\n    threading.Thread(target=burn, daemon=True).start()\n"
                                       "time.sleep(0.2)\nreturn {}"), statuses=ANSWERS, is_fresh=True, ends=True),
    Abuse("burns-in-children", code(run="import os, time\nfor _ in range(16):\n    if os.fork() == 0:\n        while True:\n"
                                        "            pass\ntime.sleep(0.3)\nreturn {}"), statuses=(200,), is_fresh=True),
    Abuse("exits", code(run="import os\nos._exit(0)"), ends=True),
    Abuse("raises-systemexit", code(run="raise SystemExit(3)")),
    Abuse("raises-keyboardinterrupt", code(run="raise KeyboardInterrupt")),
    Abuse("crashes", code(run="import ctypes\nctypes.string_at(0)"), ends=True),
    Abuse("signals-itself", code(run="import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\nreturn {}"), ends=True),
    Abuse("signals-everybody", code(run="import os, signal\nos.kill(-1, signal.SIGKILL)\nreturn {}"), statuses=ANSWERS,
          ends=True),
    Abuse("kills-its-parent", code(run="import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nreturn {}"),
          statuses=ANSWERS, ends=True),
    Abuse("executes-nothing", code(run="import os\nos.execv('', [''])")),
    Abuse("executes-a-shell", code(run="import subprocess\nsubprocess.run(['/bin/sh', '-c', ':'], check=True)\nreturn {}")),
    Abuse("hangs-at-exit", code("import atexit, threading, time\natexit.register(time.sleep, 10 ** 6)\n"
                                "threading.Thread(target=time.sleep, args=(10 ** 6,)).start()", "return {}"), statuses=(200,),
          is_fresh=True),
    Abuse("hangs-when-collected", code("import gc, time\n\nclass Slow:\n    def __del__(self):\n        time.sleep(0.05)\n"
                                       "        raise ValueError('no')\n\ndef told(phase, info):\n    raise "
                                       "ValueError(phase)\n"
                                       "gc.callbacks.append(told)", "import gc\nit = Slow()\nit.it = it\ndel "
                                                                    "it\ngc.collect()\n"
                                       "return {}"), statuses=(200,)),
]

TAKING = [
    Abuse("opens-100000-files", code(run="held = [open('/dev/null') for _ in range(10 ** 5)]")),
    Abuse("opens-sockets", code(run="import socket\nheld = [socket.socketpair() for _ in range(10 ** 5)]")),
    Abuse("opens-pipes", code(run="import os\nheld = [os.pipe() for _ in range(10 ** 5)]\nreturn {}"), ends=True,
          is_fresh=True),
    Abuse("allocates-8-gb", code(run="held = bytearray(8 << 30)")),
    Abuse("grows", code(run="held = []\nwhile True:\n    held.append(bytearray(1 << 20))"), ends=True, beside=2),
    Abuse("maps-memory", code(run="import mmap\nheld = []\nwhile True:\n    held.append(mmap.mmap(-1, 64 << 20))\n"
                                  "    held[-1][0] = 1")),
    Abuse("overflows-its-stack", code(run="import sys\nsys.setrecursionlimit(10 ** 9)\n\ndef down(n):\n"
                                          "    return sorted([n], key=down)\ndown(0)"), ends=True),
    Abuse("recurses", code(run="return self.run(payload, context)"), says="recursion"),
    Abuse("fills-its-disk", code(run="import os, tempfile\nwith tempfile.TemporaryFile() as it:\n    for _ in range(1024):\n"
                                     "        it.write(bytes(1 << 20))\nreturn {}")),
    Abuse("fills-its-scratch", code(run="import os, tempfile\nos.chdir(tempfile.gettempdir())\nfor n in range(10 ** 5):\n"
                                        "    with open('f%d' % n, 'wb') as it:\n        it.write(bytes(1 << 20))\nreturn {}"),
          statuses=(422,), is_fresh=True),
    Abuse("makes-many-files", code(run="import os, tempfile\nos.chdir(tempfile.gettempdir())\nfor n in range(10 ** 5):\n"
                                       "    os.mkdir('d%d' % n)\nreturn {}"), is_fresh=True),
    Abuse("nests-directories", code(run="import os, tempfile\nos.chdir(tempfile.gettempdir())\nfor n in range(10 ** 5):\n"
                                        "    os.mkdir('d')\n    os.chdir('d')\nreturn {}"), is_fresh=True),
    Abuse("removes-its-scratch", code(run="import os, shutil, tempfile\nos.chdir('/')\nplace = tempfile.gettempdir()\n"
                                          "shutil.rmtree(place, ignore_errors=True)\nreturn {}"), statuses=ANSWERS,
          is_fresh=True),
]

ANSWERING = [
    Abuse("returns-nan", code(run="return {'a': float('nan')}"), says="JSON"),
    Abuse("returns-100-mb", code(run="return {'a': 'x' * (100 << 20)}"), says="larger than", beside=2),
    Abuse("returns-surrogates", code(run="return {'a': '\\udcff'}"), says="JSON"),
    Abuse("returns-itself", code(run="it = {}\nit['a'] = it\nreturn it")),
    Abuse("returns-bytes", code(run="return {'a': b'\\xff'}"), says="JSON"),
    Abuse("returns-a-list", code(run="return [1]"), statuses=(200,)),
    Abuse("returns-too-deep", code(run="it = []\nfor _ in range(10 ** 5):\n    it = [it]\nreturn {'a': it}")),
    Abuse("returns-125-deep", code(run="it = []\nfor _ in range(125):\n    it = [it]\nreturn {'a': it}"),
          says="cannot be read"),
    Abuse("returns-400-digits", code(run="return {'a': 10 ** 400}"), says="cannot be read"),
    Abuse("returns-what-lies", code("class Lies(dict):\n    def __len__(self):\n        return -1\n    def items(self):\n"
                                    "        raise SystemError('no')\n    def __iter__(self):\n        while True:\n"
                                    "            yield 'x'", "return Lies(a=Lies(b=1))"), statuses=ANSWERS),
    Abuse("returns-one-key-twice", code(run="return {1: 'a', '1': 'b', None: 2, 'null': 3, True: 4}"), statuses=ANSWERS),
    Abuse("raises-half-a-pair", code(run="raise ValueError(chr(0xd800))"), says="execution error"),
    Abuse("raises-what-raises", code("class Mute(Exception):\n    def __str__(self):\n        raise self", "raise Mute()"),
          says="Mute"),
    Abuse("raises-50-mb", code(run="raise ValueError('x\\x1b[2J\\n' * (50 << 17))"), says="execution error"),
    Abuse("raises-a-long-chain", code(run="last = None\nfor n in range(10 ** 5):\n    error = ValueError(n)\n"
                                          "    error.__cause__ = last\n    last = error\nraise last"),
          says="execution error"),
    Abuse("closes-everything", code(run="import os\nos.closerange(0, 256)\nreturn {}"), ends=True),
    Abuse("closes-its-channel", code(FIND_CHANNEL, "os.close(channel())\nreturn {}"), ends=True),
    Abuse("shuts-its-channel", code(FIND_CHANNEL, "import socket\nsocket.socket(fileno=channel()).shutdown(2)\nreturn {}"),
          ends=True),
    Abuse("answers-garbage", code(FIND_CHANNEL, "os.write(channel(), b'{\"id\": 1, garbage\\n')\nreturn {}"), ends=True),
    Abuse("answers-for-others", code(FIND_CHANNEL, "os.write(channel(), b'999999 {\"result\": {}}\\n')\nreturn {}"),
          statuses=ANSWERS),
    Abuse("answers-without-end", code(FIND_CHANNEL, "for _ in range(100):\n    os.write(channel(), b'9' * (1 << 20))\nreturn {}"),
          ends=True),
    Abuse("answers-twice", code(FIND_CHANNEL, "for n in range(200):\n"
                                              "    os.write(channel(), b'%d {\"result\": {\"n\": 1}}\\n' % n)\nreturn {}"), statuses=ANSWERS, ends=True),
    Abuse("answers-from-a-fork", code(FIND_CHANNEL, "import time\nfor _ in range(4):\n    if os.fork() == 0:\n        try:\n"
                                                    "            while True:\n                "
                                                    "os.write(channel(), b'7 {\"result')\n"
                                                    "        finally:\n            os._exit(0)\ntime.sleep(0.05)\nreturn {}"),
          statuses=ANSWERS, ends=True, is_fresh=True),
    Abuse("changes-its-keeper", code(run="import __main__\n__main__.checked = lambda result, of='': 'x' * (3 << 20)\nreturn {}"),
          statuses=ANSWERS, ends=True, is_fresh=True),
]

IMPORTING = [
    Abuse("import-exits", "import os\nos._exit(0)\n", state="failed", says="failed"),
    Abuse("import-raises", "1 / 0\n", state="failed", says="failed"),
    Abuse("import-prints-256-mb", code("for _ in range(256):\n    print('x' * (1 << 20))"), statuses=(200,), is_fresh=True),
    Abuse("import-forks", "import os\nwhile True:\n    os.fork()\n", state="failed", says="failed"),
    Abuse("import-grows", "held = []\nwhile True:\n    held.append(bytearray(1 << 20))\n", state="failed", says="failed"),
    Abuse("import-in-circles", "import one\n", state="failed", says="failed",
          files={"one.py": "from two import b\na = 1\n", "two.py": "from one import a\nb = 1\n"}),
    Abuse("import-without-end", "import sys\nsys.setrecursionlimit(10 ** 9)\nimport down\n", state="failed", says="failed",
          files={"down.py": "import sys\ndel sys.modules['down']\nimport down\n"}),
    Abuse("import-of-all-python", code("import pkgutil, importlib\nfor module in list(pkgutil.iter_modules()):\n"
                                       "    if module.name.startswith(('a', 'd', 'e', 'x')) and module.name != "
                                       "'antigravity':\n"
                                       "        try:\n            importlib.import_module(module.name)\n"
                                       "        except BaseException:\n            pass"), statuses=(200,), is_fresh=True),
    Abuse("has-no-class", "x = 1\n", state="failed", says="failed"),
    Abuse("is-no-python", "def (:\n", state="failed", says="failed"),
    Abuse("is-nested-too-deep", "x = " + "(" * 5000 + ")" * 5000 + "\n", state="failed", says="failed"),
    Abuse("is-not-utf-8", b"x = '\xff\xfe'\nclass Plugin:\n    pass\n", state="failed", says="failed"),
]

ALL = [*PRINTING, *WAITING, *PROCESSES, *TAKING, *ANSWERING, *IMPORTING]
