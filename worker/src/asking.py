# The channel of a plugin that is held, on which calls come and asks go. Whoever waits for a line reads for all who wait: the
# threads of a plugin may ask beside each other, and an event loop may wait for calls meanwhile.
import _thread


class Channel:
    """The socket to the host."""

    def __init__(self, descriptor):
        self.descriptor, self.held = descriptor, bytearray()
        # Over everything that follows, but for what is written.
        self.guard = _thread.allocate_lock()
        self.writing = _thread.allocate_lock()
        self.is_read, self.waiting = False, []
        self.calls, self.replies, self.asked = [], {}, set()
        self.last = 0
        # Told that calls have come which somebody else has read.
        self.told = None
        # Longest line of an ask; the host says how long.
        self.limit = 0

    def write(self, line):
        """One line, whole."""
        with self.writing:
            while line:
                line = line[os.write(self.descriptor, line):]

    def lines(self):
        """All whole lines that there are now, once one is there; the end when the host has gone."""
        while True:
            came = os.read(self.descriptor, 1 << 16)
            if not came:
                os._exit(0)
            self.held += came
            if b"\n" in came:
                *lines, self.held = self.held.split(b"\n")
                return [JSON.read(line) for line in lines]

    def read(self, tells=True):
        """For everybody. Whoever calls has said that it reads."""
        lines = []
        try:
            lines = self.lines()
        finally:
            with self.guard:
                self.is_read = False
                calls = [line for line in lines if "ask" not in line]
                self.calls += calls
                self.replies.update((line["ask"], line) for line in lines if line.get("ask") in self.asked)
                waiting, self.waiting = self.waiting, []
                for lock in waiting:
                    lock.release()
        if calls and tells and self.told is not None:
            self.told()

    def wait(self, taken):
        """What `taken` gives, once it gives something."""
        while True:
            with self.guard:
                found = taken()
                if found:
                    return found
                mine = None
                if self.is_read:
                    mine = _thread.allocate_lock()
                    mine.acquire()
                    self.waiting.append(mine)
                else:
                    self.is_read = True
            if mine is None:
                self.read()
            else:
                mine.acquire()

    def take_calls(self):
        calls, self.calls = self.calls, []
        return calls

    def next_calls(self):
        """Calls that have come, once one has."""
        return self.wait(self.take_calls)

    def calls_now(self):
        """Calls that have come by now, for whoever was told that there is something to read."""
        import select

        with self.guard:
            reads = not self.is_read and bool(select.select([self.descriptor], [], [], 0)[0])
            self.is_read = self.is_read or reads
        if reads:
            self.read(tells=False)
        with self.guard:
            return self.take_calls()

    def ask(self, call, handle, method, arguments):
        """What the host says, on behalf of that call."""
        text = JSON.write({"handle": handle, "method": method, "arguments": arguments})
        with self.guard:
            self.last += 1
            number = self.last
            self.asked.add(number)
        try:
            line = b"?%d %d %s\n" % (call, number, text.encode("ascii"))
            if len(line) > self.limit:
                raise HandleError("too_large", "more than %d bytes are asked with" % self.limit)
            self.write(line)
            reply = self.wait(lambda: self.replies.pop(number, None))
        finally:
            with self.guard:
                self.asked.discard(number)
                self.replies.pop(number, None)
        if "denied" in reply:
            raise denial(reply["denied"])
        if "failed" in reply:
            raise HandleError(reply["failed"], reply["message"])
        return reply["value"]
