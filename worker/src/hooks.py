

# Calls the handlers of a plugin of Stigmem, each by its hook. What an answer means for that is the host's to say.


NOT_TAKEN = "the handler does not take what the hook is fired with"


class Record(dict):
    """What a handler is given of an object: its host in Python would give one whose parts are attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @classmethod
    def of(cls, value):
        if isinstance(value, dict):
            return cls((name, cls.of(part)) for name, part in value.items())
        return [cls.of(part) for part in value] if isinstance(value, list) else value


class Hooks:
    """The handlers of one plugin."""

    def __init__(self, manifest, context):
        read = Manifest(manifest)
        self.manifest, self.said, self.handlers = manifest, read.read(), dict(read.handlers())
        self.check = read.given("health_check")
        self.host = context.about(self.said["name"], self.said["version"], self.said["capabilities"])

    def are_asynchronous(self):
        """Whether all of them can wait beside each other."""
        handlers = self.handlers.values()
        return self.said["is_async_safe"] and bool(handlers) and all(map(is_coroutine_function, handlers))

    def fire(self, call):
        """What the handler of a hook answers; of one that is asynchronous, that which is waited for."""
        has_value = "value" in call
        payload = Record.of(call["payload"])
        if call.get("is_own"):
            payload["plugin"] = self.manifest
        try:
            given = (call["value"],) if has_value else ()
            result = self.handlers[call["hook"]](PluginContext(self.host, call["id"]), *given, **payload)
        except TypeError as error:
            # Python's own words for what a handler does not take repeat the names that it was given, which are whoever's fires
            # the hook. What the handler itself has raised has come from further within.
            return raised(error if error.__traceback__.tb_next else TypeError(NOT_TAKEN))
        except BaseException as error:
            return raised(error)
        try:
            return self.awaited(result, has_value) if hasattr(result, "__await__") else answered(result, has_value)
        except BaseException as error:
            return raised(error)

    async def awaited(self, result, has_value):
        try:
            return answered(await result, has_value)
        except BaseException as error:
            return raised(error)

    def health(self, call):
        """How the plugin says that it does."""
        try:
            result = self.check(PluginContext(self.host, call["id"]))
            return self.awaited_health(result) if hasattr(result, "__await__") else health_of(result)
        except BaseException as error:
            return raised(error)

    async def awaited_health(self, result):
        try:
            return health_of(await result)
        except BaseException as error:
            return raised(error)


def is_named(value, name):
    """Whether it is one of those of the module that plugins import: who has not imported that has made none."""
    named = getattr(sys.modules.get(PLUGINS), name, None)
    return isinstance(named, type) and isinstance(value, named)


def whole(words):
    """Words of a plugin's, not too many, and of whole characters."""
    return str(words)[:4000].encode("utf-8", "backslashreplace").decode("utf-8")


def answered(result, has_value):
    if result is None:
        return {"answer": "nothing"}
    if is_named(result, "Allow"):
        return {"answer": "allow"}
    if is_named(result, "Deny"):
        return {"answer": "deny", "reason": whole(result.reason)}
    value = {"answer": "value", "type_name": whole(type(result).__name__), "value": None}
    if not has_value:
        # Nobody makes anything of it.
        return value
    try:
        JSON.write(result, escapes=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError("what it returned cannot be written as JSON: %s" % words_of(error)) from error
    return dict(value, value=result)


def raised(error):
    if is_named(error, "RejectError"):
        return {"answer": "rejected", "reason": whole(getattr(error, "reason", words_of(error)))}
    return {"answer": "raised", "error_type": whole(type(error).__name__), "message": whole(words_of(error))}


def health_of(result):
    if not is_named(result, "PluginHealth"):
        return {"answer": "value", "type_name": whole(type(result).__name__), "value": None}
    status = getattr(result.status, "value", result.status)
    return {"answer": "health", "status": whole(status), "message": whole(result.message)}


