

# Loads a plugin the way a host does, and says so in one JSON line. The argument is the plugin's directory.


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
            result = run(request["payload"], PluginContext(NoHost(request["id"], request["declared"])))
            if report["run_is_async"]:
                result = await result
        if not isinstance(result, dict):
            result = {"result": result}
        with refusing("the result of run cannot be written as JSON"):
            json.dumps(result, allow_nan=False)
        report["result"] = result
    return report


def main():
    request, channel = leave()
    directory = pathlib.Path(sys.argv[1])
    try:
        report = asyncio.run(answer(directory, request))
    except Refusal as refusal:
        report = {"refusal": str(refusal), "cause": cause_of(refusal, [str(directory)])}
    report["python"] = "%d.%d.%d" % sys.version_info[:3]
    reply(channel, report)


main()
