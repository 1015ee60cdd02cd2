# Holds one plugin, and answers calls of it until the host ends it.
#
# Runs as `python -c`. Descriptor 0 is a socket to the host, on which each side writes lines of JSON, an answer behind the
# number of its call. The first line of the host is the plugin: the bytes of its modules, which nobody reads from a disk
# again. `context.py` and `asking.py` stand before this: what the plugin asks of the host. What is imported here is what
# a plugin with one method needs, and no more: asyncio alone takes longer to start than Python. `_json` and `_ctypes` are
# CPython's own; there they are what `json` and `ctypes` are made of.
import _json
import os
import sys

# How the compiler marks `async def`.
COROUTINE = 0x80
# Longest line that the host reads; it says how long.
LIMIT = 0
# The number of what Python answers first; what it is confined by was said before.
LOAD = 1
# The handlers of a plugin of Stigmem; of others there are none.
HOOKS = None


class Refusal(Exception):
    """What is said about the plugin or a call, in the words of whoever would load it."""


class Json:
    """Reads and writes lines, with what `json` is made of: what that imports beside it, for texts that people have written,
    takes as long as everything else here."""

    strict, object_hook, object_pairs_hook = True, None, None
    parse_float, parse_int, parse_constant = float, int, float

    def __init__(self):
        self.scan = _json.make_scanner(self)

    def read(self, line):
        return self.scan(line.decode("utf-8"), 0)[0]

    def write(self, value, escapes=True):
        """As text; what is no JSON, NaN among it, is an error."""
        text = _json.encode_basestring_ascii if escapes else _json.encode_basestring
        return "".join(_json.make_encoder({}, self.refuse, text, None, ": ", ", ", False, False, False)(value, 0))

    @staticmethod
    def refuse(value):
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


JSON = Json()


def hide():
    """Others of the same user see nothing of this process: not its memory, its environment or what it has open.

    `ctypes` alone would take as long to import as everything else here.
    """
    try:
        import _ctypes

        prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")
        if _ctypes.call_function(prctl, (4, 0, 0, 0, 0)) != 0:  # PR_SET_DUMPABLE
            raise OSError("the system refuses it")
    except (ImportError, AttributeError, OSError) as error:
        raise Refusal("this Python cannot keep its memory to itself: %s" % error) from error


def take_channel():
    """The socket, away from where the plugin reads: a program that it starts inherits no duplicate."""
    channel = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.closerange(3, channel)
    os.closerange(channel + 1, 1 << 16)
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    return Channel(channel)


def write(channel, call, answer):
    """One answer, whole, of the call of that number."""
    channel.write(b"%d %s\n" % (call, JSON.write(answer).encode("ascii")))


class Modules:
    """Finds and loads the modules of the plugin, out of memory: behind those of Python itself, and before those that
    stand on a disk in the same place."""

    def __init__(self, directory, sources, are_all):
        self.directory, self.sources, self.are_all = directory, sources, are_all
        self.paths_of_python, self.are_of_python = list(sys.path), {}

    def stand_before_the_disk(self):
        """Behind what Python has within itself."""
        names = [getattr(finder, "__name__", None) for finder in sys.meta_path]
        sys.meta_path.insert(names.index("PathFinder"), self)

    def is_of_python(self, name):
        """Whether Python's own library has that module, or the package that it would be in."""
        top = name.partition(".")[0]
        if top not in self.are_of_python:
            from _frozen_importlib_external import PathFinder

            spec = PathFinder.find_spec(top, self.paths_of_python)
            # A directory without anything of a package is none.
            self.are_of_python[top] = spec is not None and spec.loader is not None
        return self.are_of_python[top]

    def find_spec(self, name, path=None, target=None):
        from _frozen_importlib import ModuleSpec

        place = name.replace(".", "/")
        for file, is_package in ((place + "/__init__.py", True), (place + ".py", False)):
            if file in self.sources and not self.is_of_python(name):
                spec = ModuleSpec(name, self, origin=os.path.join(self.directory, file), is_package=is_package)
                spec.has_location = True
                spec.loader_state = file
                if is_package:
                    spec.submodule_search_locations = [os.path.join(self.directory, place)]
                return spec
        # Whatever stands beside a package of the plugin on a disk is none of its modules.
        package = sys.modules.get(name.rpartition(".")[0])
        if self.are_all and getattr(package, "__loader__", None) is self:
            raise ModuleNotFoundError("No module named %r" % name, name=name)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        spec = module.__spec__
        exec(compile(self.sources[spec.loader_state], spec.origin, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, name):
        import io
        import tokenize

        spec = self.find_spec(name)
        if spec is None:
            raise ImportError("no source of %r" % name, name=name)
        source = self.sources[spec.loader_state]
        return io.TextIOWrapper(io.BytesIO(source), tokenize.detect_encoding(io.BytesIO(source).readline)[0]).read()


class refusing:
    """Turns whatever the plugin raises, SystemExit too, into a refusal."""

    def __init__(self, act):
        self.act = act

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and not isinstance(error, Refusal):
            raise Refusal("%s: %s" % (self.act, words_of(error))) from error


def words_of(error):
    """What an exception says of itself, or what it is where that is nothing, or another exception."""
    try:
        return str(error) or type(error).__name__
    except BaseException:
        return type(error).__name__


def said(refusal, directory):
    """What is answered of a refusal. Half a character of two, which a plugin's words may hold, is none for anybody else."""
    cause = cause_of(refusal, directory)
    whole = lambda words: words and words[:4000].encode("utf-8", "backslashreplace").decode("utf-8")
    return {"refusal": whole(str(refusal)), "cause": whole(cause)}


def cause_of(refusal, directory):
    """The exception behind a refusal, and the deepest line of the plugin that led to it."""
    error = refusal.__cause__
    if error is None:
        return None
    place, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(directory + os.sep):
            place = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and str(error.filename).startswith(directory + os.sep):
        place = (error.filename, error.lineno)
    if place is None:
        return type(error).__name__
    return "%s, %s line %s" % (type(error).__name__, os.path.relpath(place[0], directory), place[1])


def load(order):
    """What is called of the plugin."""
    sources = {path: bytes.fromhex(source) for path, source in order.pop("sources").items()}
    modules = Modules(order["directory"], sources, are_all=not order["site_paths"])
    modules.stand_before_the_disk()
    sys.path.extend(order["site_paths"])
    entry = order["entry"]
    if "module" in entry:
        return load_object(entry, order)
    return load_file(entry, order, modules)


def load_object(entry, order):
    """What a distribution names, made into an object where it is a class that could be called then."""
    name = "%s:%s" % (entry["module"], entry["object"])
    with refusing("error importing %s" % name):
        import importlib

        found = importlib.import_module(entry["module"])
        for part in entry["object"].split("."):
            found = getattr(found, part)
    if entry["has_hooks"]:
        take_hooks(found, name, order)
    is_to_be_made = isinstance(found, type) and method_of(found)[0] is not None
    if not is_to_be_made:
        return found
    with refusing("error making %s" % name):
        return make(found, order)


def take_hooks(found, name, order):
    """The handlers of what makes a manifest."""
    global HOOKS
    with refusing("error making the manifest of %s" % name):
        HOOKS = Hooks(found(), order["context"])


def load_file(entry, order, modules):
    """Imports the file that holds the class, and makes an object of it; the file itself, where it need not hold one."""
    file, sources, directory = entry["file"], modules.sources, order["directory"]
    if file not in sources:
        raise Refusal("%s not found" % file)
    # Registered before it runs, as hosts do it: dataclasses look their module up.
    name = order["module"]
    module = type(sys)(name)
    module.__file__ = os.path.join(directory, file)
    module.__loader__ = modules
    sys.modules[name] = module
    with refusing("error importing %s" % file):
        exec(compile(sources[file], module.__file__, "exec", dont_inherit=True), module.__dict__)
    found = getattr(module, entry["class"], None)
    if not isinstance(found, type):
        if not entry["is_required"]:
            return module
        raise Refusal("%s must define a class named '%s'" % (file, entry["class"]))
    with refusing("error making %s" % entry["class"]):
        return make(found, order)


def make(found, order):
    """With what its constructor asks for by name, or with the configuration where it asks for one thing."""
    known = {"config": order["config"], "instance_id": order["id"], "tenant_id": "default"}
    known["context"] = order["context"]
    code = getattr(found.__init__, "__code__", None)
    if code is None:
        return found()
    names = code.co_varnames[1 : code.co_argcount]
    required = names[: len(names) - len(found.__init__.__defaults__ or ())]
    if len(required) == 1 and required[0] not in known:
        return found(known["config"])
    wanted = {name: known[name] for name in names if name in known}
    return found(**wanted)


def method_of(plugin):
    """What a call calls, as each kind of plugin names it."""
    for name, arguments in (
        ("run", lambda payload, context: (payload, context)),
        ("execute", lambda payload, context: (payload.get("action"), payload.get("params", {}), context)),
        ("fetch_data", lambda payload, context: (context,)),
    ):
        method = getattr(plugin, name, None)
        if callable(method) and is_its_own(plugin, method):
            return method, arguments
    return None, None


def is_its_own(plugin, method):
    """Whether a module has written it: what it has imported from elsewhere is for itself, and not for callers."""
    return not isinstance(plugin, type(sys)) or getattr(method, "__module__", None) == plugin.__name__


def missing(plugin):
    """Why there is nothing to call."""
    if isinstance(plugin, type(sys)):
        file = os.path.basename(plugin.__file__ or plugin.__name__)
        return "%s defines neither a class 'Plugin' nor a function 'run'" % file
    if hasattr(plugin, "__name__"):
        return "%s has no method 'run'" % plugin.__name__
    return "Plugin class missing 'run' method"


def is_coroutine_function(method):
    code = getattr(getattr(method, "__func__", method), "__code__", None)
    return code is not None and bool(code.co_flags & COROUTINE)


def checked(result, of="the result of run"):
    """The result as the host takes it: an object, of what JSON can hold."""
    if not isinstance(result, dict):
        result = {"result": result}
    with refusing("%s cannot be written as JSON" % of):
        text = JSON.write(result)
        # Half a character of two is none that anybody else could read.
        JSON.write(result, escapes=False).encode("utf-8")
    if len(text) > LIMIT - 256:
        raise Refusal("%s is larger than %d bytes" % (of, LIMIT))
    return result


def arguments_of(channel, plugin, call):
    CALL.set(call["id"])
    if "hook" in call:
        return HOOKS.fire, (call,)
    if "health" in call:
        return HOOKS.health, (call,)
    with refusing("execution error"):
        method, arguments = method_of(plugin)
        if method is None:
            raise Refusal(missing(plugin))
        return method, arguments(call["payload"], PluginContext(channel, call["id"], call["context"]))


def serve(channel, plugin, directory):
    """One call after the other, as they come."""
    while True:
        for call in channel.next_calls():
            if "cancel" in call:
                continue
            try:
                method, arguments = arguments_of(channel, plugin, call)
                with refusing("execution error"):
                    result = method(*arguments)
                    if hasattr(result, "__await__"):
                        import asyncio

                        result = asyncio.run(awaited(result))
                write(channel, call["id"], {"result": checked(result, named(call))})
            except Refusal as refusal:
                write(channel, call["id"], said(refusal, directory))


def named(call):
    """What comes of a call, as it is called."""
    return "what its handler returned" if "hook" in call else "the result of run"


async def awaited(result):
    return await result


async def serve_beside_each_other(channel, plugin, directory):
    """Calls of a plugin that is asynchronous: each waits for itself alone."""
    import asyncio

    tasks = {}

    async def answer(call):
        try:
            method, arguments = arguments_of(channel, plugin, call)
            with refusing("execution error"):
                result = method(*arguments)
                # Beside handlers that are asynchronous there may be a health check that is not.
                result = await result if hasattr(result, "__await__") else result
            write(channel, call["id"], {"result": checked(result, named(call))})
        except Refusal as refusal:
            write(channel, call["id"], said(refusal, directory))
        finally:
            tasks.pop(call["id"], None)

    def came():
        for call in channel.calls_now():
            if "cancel" in call:
                task = tasks.get(call["cancel"])
                if task is not None:
                    task.cancel()
            else:
                tasks[call["id"]] = asyncio.get_running_loop().create_task(answer(call))

    loop = asyncio.get_running_loop()
    channel.told = lambda: loop.call_soon_threadsafe(came)
    loop.add_reader(channel.descriptor, came)
    await asyncio.get_running_loop().create_future()


def main():
    global LIMIT
    channel = take_channel()
    (order,) = channel.next_calls()
    LIMIT, channel.limit, directory = order["limit"], order["ask_limit"], order["directory"]
    order["context"] = PluginContext(channel)
    version = "%d.%d.%d" % sys.version_info[:3]
    try:
        hide()
        plugin = load(order)
        with refusing("error looking for what to call"):
            method = method_of(plugin)[0]
            is_asynchronous = is_coroutine_function(method) if HOOKS is None else HOOKS.are_asynchronous()
    except Refusal as refusal:
        write(channel, LOAD, said(refusal, directory))
        os._exit(0)
    manifest = None if HOOKS is None else HOOKS.said
    write(channel, LOAD, {"python": version, "is_asynchronous": is_asynchronous, "manifest": manifest})
    if is_asynchronous:
        import asyncio

        asyncio.run(serve_beside_each_other(channel, plugin, directory))
    else:
        serve(channel, plugin, directory)


main()
