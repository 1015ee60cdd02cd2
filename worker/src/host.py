# Loads a plugin the way a host does, and says so in one JSON line.
#
# Runs as `python -c`, with the plugin's directory and the process to die with as its arguments, and the
# request on standard input.
import asyncio
import importlib.util
import inspect
import json
import os
import pathlib
import sys
import traceback


class Refusal(Exception):
    """What a host says about the plugin, in the host's words."""


def die_with(parent):
    """A killed aisoc ends nothing any more, so the kernel does. Best effort, where there is ctypes."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    except (ImportError, OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)


def close_all_but(channel):
    """What whoever started aisoc had open is not the plugin's."""
    os.closerange(3, channel)
    os.closerange(channel + 1, 1 << 16)


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


def load_class(directory):
    """Imports plugin.py by its path and finds its class."""
    path = directory / "plugin.py"
    if not path.is_file():
        raise Refusal("plugin.py not found")
    # Registered before it runs, as the host does it: dataclasses look their module up.
    name = "aisoc_plugin_" + directory.name.replace(".", "_").replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with refusing("error importing plugin.py"):
        spec.loader.exec_module(module)
    found = getattr(module, "Plugin", None)
    if not inspect.isclass(found):
        raise Refusal("plugin.py must define a class named 'Plugin'")
    return found


class refusing:
    """Turns whatever the plugin raises, SystemExit too, into a refusal."""

    def __init__(self, act):
        self.act = act

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            raise Refusal("%s: %s" % (self.act, str(error) or kind.__name__)) from error


async def answer(directory, request):
    """Everything happens inside a running event loop, as in the host: `asyncio.run` fails there."""
    plugin_class = load_class(directory)
    with refusing("error making Plugin()"):
        plugin = plugin_class()
    run = getattr(plugin, "run", None)
    if not callable(run):
        raise Refusal("Plugin class missing 'run' method")
    report = {"class": plugin_class.__qualname__, "run_is_async": inspect.iscoroutinefunction(run)}
    if "payload" in request:
        with refusing("execution error"):
            result = run(request["payload"], {})
            if report["run_is_async"]:
                result = await result
        if not isinstance(result, dict):
            result = {"result": result}
        with refusing("the result of run cannot be written as JSON"):
            json.dumps(result, allow_nan=False)
        report["result"] = result
    return report


def cause_of(refusal, directory):
    """The exception behind a refusal and the deepest line of the plugin that led to it."""
    error = refusal.__cause__
    if error is None:
        return None
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(traceback.FrameSummary(error.filename, error.lineno, ""))
    ours = [frame for frame in frames if frame.filename.startswith(str(directory) + os.sep)]
    where = ", %s line %s" % (os.path.relpath(ours[-1].filename, directory), ours[-1].lineno) if ours else ""
    return type(error).__name__ + where


def main():
    # Away from the caller's terminal, into which the plugin could type; and from its Ctrl-C.
    os.setsid()
    request = json.load(sys.stdin)
    directory = pathlib.Path(sys.argv[1])
    channel = take_channel()
    close_all_but(channel.fileno())
    die_with(int(sys.argv[2]))
    try:
        report = asyncio.run(answer(directory, request))
    except Refusal as refusal:
        report = {"refusal": str(refusal), "cause": cause_of(refusal, directory)}
    report["python"] = "%d.%d.%d" % sys.version_info[:3]
    channel.write(json.dumps(report) + "\n")
    channel.flush()
    # Not by way of the interpreter's end: threads the plugin left running would delay it.
    os._exit(0)


main()
