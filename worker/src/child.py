# What every child does first: leave the caller's terminal and descriptors, and answer where nothing that a plugin
# prints does.
#
# Runs as `python -c`, followed by one of the scripts beside it, with the process to die with as its first argument and
# the request on standard input.
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


def die_with(parent):
    """A killed aisoc ends nothing any more, so the kernel does. Best effort, where there is ctypes."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    except (ImportError, OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)


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
    """The pipe to aisoc, away from where the plugin prints: descriptor 1 becomes standard error.

    Neither a print nor a program that the plugin starts reaches the answer: a duplicate is not
    inherited. Standard input is spent and becomes empty.
    """
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return channel


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
    # Away from the caller's terminal, into which the plugin could type; and from its Ctrl-C.
    os.setsid()
    request = json.load(sys.stdin)
    channel = take_channel()
    handed = [int(name[len(HANDED):]) for name in sys.argv[2:] if name.startswith(HANDED)]
    close_all_but([channel.fileno(), *handed])
    die_with(int(sys.argv[1]))
    return request, channel


def reply(channel, report):
    """The one line, and the end."""
    channel.write(json.dumps(report) + "\n")
    channel.flush()
    # Not by way of the interpreter's end: threads the plugin left running would delay it.
    os._exit(0)
