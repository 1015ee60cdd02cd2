# What every child does first: leave what is not the plugin's, and answer where nothing that a plugin prints does.
#
# Runs as `python -c`, followed by one of the scripts beside it. Descriptor 0 is a socket to aisoc, with the request in one
# line, and the answer behind its number in another.
import asyncio
import importlib
import importlib.util
import inspect
import json
import os
import pathlib
import sys
import traceback


class Refusal(Exception):
    """What is said about the plugin, in the words of whoever would load it."""


# How a directory is called that the child was handed open.
HANDED = "/proc/self/fd/"


def close_all_but(kept):
    """What whoever started aisoc had open is not the plugin's."""
    last = 2
    for descriptor in sorted(kept):
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, 1 << 16)


def take_channel():
    """The socket to aisoc, away from where the plugin reads: a program that it starts inherits no duplicate."""
    channel = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return channel


def line_from(channel):
    """All of a line, and nothing behind it."""
    line = bytearray()
    while not line.endswith(b"\n"):
        came = os.read(channel, 1 << 16)
        if not came:
            os._exit(0)
        line += came
    return line


class refusing:
    """Turns whatever the plugin raises, SystemExit too, into a refusal."""

    def __init__(self, act=None):
        self.act = act

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            words = str(error) or kind.__name__
            raise Refusal("%s: %s" % (self.act, words) if self.act else words) from error


def cause_of(refusal, directories):
    """The exception behind a refusal and the deepest line in those directories that led to it."""
    error = refusal.__cause__
    if error is None:
        return None
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(traceback.FrameSummary(error.filename, error.lineno, ""))
    places = [(frame, directory) for frame in frames for directory in directories
              if frame.filename.startswith(directory + os.sep)]
    if not places:
        return type(error).__name__
    frame, directory = places[-1]
    return "%s, %s line %s" % (type(error).__name__, os.path.relpath(frame.filename, directory), frame.lineno)


def leave():
    """Takes the request, and leaves everything that is not the plugin's."""
    # In a session of its own, which has no terminal that it could type into.
    os.setsid()
    channel = take_channel()
    handed = [int(name[len(HANDED):]) for name in sys.argv[1:] if name.startswith(HANDED)]
    close_all_but([channel, *handed])
    return json.loads(line_from(channel)), channel


# The number of the answer: what aisoc says of the confinement has the one before it.
ANSWER = 1


def reply(channel, report):
    """The one line, and the end."""
    line = b"%d %s\n" % (ANSWER, json.dumps(report).encode("ascii"))
    while line:
        line = line[os.write(channel, line):]
    # Not by way of the interpreter's end: threads the plugin left running would delay it.
    os._exit(0)
