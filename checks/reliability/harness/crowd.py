"""Many processes released in one moment, and what each of them answered.

Every child is forked, told what it is to become, and waits at a pipe that nobody writes to. When the one
end that is left open is closed, the kernel wakes them all: between them lies no more than a scheduler's turn.
Where that is too much, somebody holds the lock that all of them need until all of them wait for it.
"""

import fcntl
import json
import os
import pathlib
import select
import signal
import time
from dataclasses import dataclass

from .world import Broken

SECONDS = 120  # no command may take longer: locks are waited for 30 seconds


@dataclass(frozen=True)
class Answer:
    """How one process ended, and what it said."""

    code: int
    stdout: str
    stderr: str

    @property
    def reason(self):
        """The reason code; nothing when it succeeded."""
        document = self.document()
        return document["error"]["detail"]["reason_code"] if document and not document["ok"] else None

    def document(self):
        """The JSON document that was printed, an error's on standard error; nothing when it is none."""
        try:
            return json.loads(self.stderr if self.code else self.stdout)
        except ValueError:
            return None

    def is_right_in_form(self):
        """Whether it is one of the answers that the manual knows: no signal, no bug, and a document that agrees."""
        document = self.document()
        return 0 <= self.code < 5 and document is not None and document["ok"] == (self.code == 0)


class Crowd:
    """Processes that wait to be released. Start none while threads run: children are forked."""

    def __init__(self, world, directory, commands):
        gate, self._gate = os.pipe()
        self._ready, ready = os.pipe()
        self._children = []
        for command in commands:
            files = os.memfd_create("stdout"), os.memfd_create("stderr")
            process = os.fork()
            if process == 0:
                os.close(self._gate)
                _become(world.fill(command), directory, world.environment(directory), files, gate, ready)
            self._children.append((process, os.pidfd_open(process), *files))
        os.close(gate)
        os.close(ready)

    def release(self):
        """Lets all of them go, once all of them wait."""
        waiting = 0
        while waiting < len(self._children):
            arrived = len(os.read(self._ready, len(self._children)))
            if not arrived:
                raise Broken("a process of the crowd ended before it was released")
            waiting += arrived
        os.close(self._ready)
        os.close(self._gate)

    def running(self):
        """The numbers of those that have not ended yet."""
        poll = select.poll()
        for _, handle, *_ in self._children:
            poll.register(handle, select.POLLIN)
        ended = {handle for handle, _ in poll.poll(0)}
        return [number for number, (_, handle, *_) in enumerate(self._children) if handle not in ended]

    def gather_at(self, lock, seconds=SECONDS):
        """Returns when each of them has the file `lock` open or has ended: whoever holds it decides when they go on."""
        deadline = time.monotonic() + seconds
        while not all(self._has_open(number, lock) for number in self.running()):
            if time.monotonic() > deadline:
                raise Broken("a process of the crowd never came to the lock")
            time.sleep(0.001)

    def _has_open(self, number, lock):
        descriptors = pathlib.Path(f"/proc/{self._children[number][0]}/fd")
        try:
            return any(os.readlink(descriptor) == lock for descriptor in descriptors.iterdir())
        except FileNotFoundError:
            return False  # it has closed one meanwhile, or ended

    def kill(self, number):
        signal.pidfd_send_signal(self._children[number][1], signal.SIGKILL)

    def wait(self, meanwhile=None):
        """The answer of each, in the order of the commands; `meanwhile` is called again and again until then."""
        deadline, left = time.monotonic() + SECONDS, select.poll()
        for _, handle, *_ in self._children:
            left.register(handle, select.POLLIN)
        running = len(self._children)
        while running and time.monotonic() < deadline:
            for handle, _ in left.poll(1 if meanwhile else 1000):
                left.unregister(handle)
                running -= 1
            if meanwhile:
                meanwhile()
        for number in range(len(self._children) if running else 0):
            self.kill(number)
        return [_answer(*child) for child in self._children]


def at_once(world, directory, commands, meanwhile=None):
    """Runs all commands at once, from the first instruction of each."""
    crowd = Crowd(world, directory, commands)
    crowd.release()
    return crowd.wait(meanwhile)


def at_once_from_the_lock(world, directory, commands, lock, meanwhile=None):
    """Runs all commands at once, from where each waits for the file `lock`: whatever is asked before it was
    asked by all of them before any of them changed anything."""
    crowd = Crowd(world, directory, commands)
    # Only now: what is forked inherits a lock that is held.
    with open(lock, "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        crowd.release()
        crowd.gather_at(os.path.realpath(lock))
    return crowd.wait(meanwhile)


def _become(words, directory, environment, files, gate, ready):
    """In the child: waits for the release, and is the command from then on."""
    try:
        os.chdir(directory)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, file in enumerate(files, 1):
            os.dup2(file, number)
        os.write(ready, b".")
        os.read(gate, 1)
        os.execve(words[0], words, environment)
    finally:
        os._exit(127)


def _answer(process, handle, *files):
    _, status = os.waitpid(process, 0)
    os.close(handle)
    texts = []
    for file in files:
        texts.append(os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace"))
        os.close(file)
    return Answer(os.waitstatus_to_exitcode(status), *texts)
