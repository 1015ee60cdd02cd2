

# Imports an entry point and holds it to what a host asks of one, in one JSON line. The arguments are the directories to import from.
import functools


def find(directories):
    """Where modules are looked for: in Python's own library, and behind it in what a host would look in."""
    for directory in directories:
        if not os.access(directory, os.R_OK | os.X_OK):
            raise Refusal("the user %d may not read %s" % (os.getuid(), directory))
    sys.path.extend(directories)


def imported(request):
    with refusing():
        module = importlib.import_module(request["module"])
        return functools.reduce(getattr, request["object"].split("."), module)


def procedure(found):
    """The contract of capa: attributes, a model of the configuration, and two coroutine functions, in this order."""
    if not isinstance(found, type):
        raise Breach("plugin entry point did not load to a class (got %s)" % type(found).__name__)
    name = found.__name__
    for attribute in ("id", "name", "version", "config_model"):
        if not hasattr(found, attribute):
            raise Breach("class %s missing attribute %r" % (name, attribute))
    # Nobody can have made a subclass of what was never imported.
    pydantic = sys.modules.get("pydantic")
    model, base = found.config_model, getattr(pydantic, "BaseModel", None)
    if not (base is not None and isinstance(model, type) and issubclass(model, base)):
        raise Breach("class %s.config_model must be a Pydantic BaseModel subclass" % name)
    for method in ("preflight", "run"):
        function = getattr(found, method, None)
        if function is None:
            raise Breach("class %s missing async method %r" % (name, method))
        if not inspect.iscoroutinefunction(function):
            raise Breach("class %s.%s must be a coroutine function (async def)" % (name, method))
    if not hasattr(found, "required_capabilities"):
        raise Breach("class %s missing attribute 'required_capabilities'" % name)
    return {"id": text_of("class " + name, "id", found.id)}


def hook(found):
    """The contract of Stigmem: a callable without arguments that returns a manifest."""
    if not callable(found):
        raise Breach("plugin entry point did not load to a callable (got %s)" % type(found).__name__)
    try:
        inspect.signature(found).bind()
    except TypeError:
        raise Breach("plugin entry point must be callable without arguments")
    except ValueError:
        pass  # Without a signature that can be looked at: calling it tells.
    try:
        manifest = found()
    except BaseException as error:
        raise Breach("plugin entry point raised %s: %s" % (type(error).__name__, error)) from error

    return {"hook": Manifest(manifest).read()}


CONTRACTS = {"procedure": procedure, "hook": hook, "import": lambda found: {}}


def answer(request, directories):
    try:
        find(directories)
        found = imported(request)
        try:
            return CONTRACTS[request["contract"]](found)
        except (Breach, Refusal):
            raise
        except BaseException as error:
            # Looking at an attribute runs the plugin's code as well.
            raise Breach("%s: %s" % (type(error).__name__, error)) from error
    except Refusal as refusal:
        return {"import_failed": str(refusal), "cause": cause_of(refusal, directories)}
    except Breach as breach:
        return {"breach": str(breach), "cause": cause_of(breach, directories)}


def main():
    request, channel = leave()
    reply(channel, answer(request, sys.argv[1:]))


main()
