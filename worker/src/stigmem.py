# What a plugin of Stigmem imports of its host, and how the manifest that it returns is read: for whoever checks one, and
# for what holds one.
import sys

# Entries of one list of a manifest, and hooks in it.
LIST_ENTRIES = 1000
# What a plugin of Stigmem asks of its host when it says nothing.
REQUIRES = ">=0.9.0a10"
# How the compiler marks a function that takes any number of arguments.
ANY_NUMBER = 0x04
# The module that plugins import.
PLUGINS = "stigmem_node.plugins"


class Breach(Exception):
    """What the contract says about an object that was imported."""


class Frozen:
    """What is not changed once it was made."""

    def __setattr__(self, name, value):
        raise AttributeError("%s cannot be changed" % type(self).__name__)

    def __eq__(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None

    def __repr__(self):
        return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % field for field in self.__dict__.items()))


class Allow(Frozen):
    """A vote for it."""


class Deny(Frozen):
    """A vote against it."""

    def __init__(self, reason):
        self.__dict__.update(reason=reason)


class RejectError(RuntimeError):
    """A vote against it, raised."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class ManifestError(ValueError):
    """What is wrong with a manifest."""


class PluginExecutionError(RuntimeError):
    """What is wrong with a handler."""


class PluginHealthStatus(str):
    """How a plugin does."""


for word in ("healthy", "degraded", "unhealthy", "unknown"):
    setattr(PluginHealthStatus, word.upper(), PluginHealthStatus(word))


class PluginHealth(Frozen):
    """What a health check returns."""

    def __init__(self, status, message=""):
        self.__dict__.update(status=status, message=message)


class PluginManifest(Frozen):
    """What a plugin says of itself. Whether that is as it has to be, its host judges."""

    FIELDS = {
        "requires_stigmem": REQUIRES,
        "capabilities": frozenset(),
        "async_safe": True,
        "hooks": {},
        "routes": (),
        "health_check": None,
        "config_schema": None,
        "depends_on": frozenset(),
    }

    def __init__(self, *, name, version, **fields):
        unknown = sorted(set(fields) - set(self.FIELDS))
        if unknown:
            raise ManifestError("unknown manifest fields: %s" % ", ".join(unknown))
        self.__dict__.update(self.FIELDS, name=name, version=version, **fields)


def handler_timeout(seconds):
    """Says how long a handler may take."""
    if seconds <= 0:
        raise ValueError("handler timeout must be positive")
    if seconds > 30:
        raise ValueError("handler timeout cannot exceed 30 seconds")

    def decorate(handler):
        handler.__plugin_timeout__ = float(seconds)
        return handler

    return decorate


class Stigmem:
    """Finds the module that plugins import, where no distribution brings it: behind everybody else who finds modules."""

    NAMES = (
        Allow, CapabilityError, Deny, HandleError, ManifestError, PluginContext, PluginExecutionError, PluginHealth,
        PluginHealthStatus, PluginManifest, RejectError, handler_timeout,
    )

    def find_spec(self, name, path=None, target=None):
        package = PLUGINS.partition(".")[0]
        if name not in (package, PLUGINS):
            return None
        from _frozen_importlib import ModuleSpec

        return ModuleSpec(name, self, origin="the host", is_package=name == package)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        if module.__name__ == PLUGINS:
            module.__dict__.update({named.__name__: named for named in self.NAMES})
            module.__all__ = sorted(named.__name__ for named in self.NAMES)


sys.meta_path.append(Stigmem())


def text_of(owner, name, value):
    if not isinstance(value, str) or not value:
        raise Breach("%s.%s must be text" % (owner, name))
    return str(value)


class Manifest:
    """A manifest, an object or a dictionary, as its host reads it."""

    def __init__(self, manifest):
        self.manifest = manifest

    def given(self, name, default=None):
        manifest = self.manifest
        return manifest.get(name, default) if isinstance(manifest, dict) else getattr(manifest, name, default)

    def field(self, name, default=None):
        value = self.given(name, default)
        if value is None:
            raise Breach("the manifest has no %s" % name)
        return value

    def entries(self, name, values):
        values = [value for _, value in zip(range(LIST_ENTRIES + 1), values)]
        if len(values) > LIST_ENTRIES:
            raise Breach("the manifest's %s has more than %d entries" % (name, LIST_ENTRIES))
        return values

    def words(self, name):
        values = self.field(name, ())
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise Breach("the manifest's %s must be a list" % name)
        values = [getattr(value, "value", value) for value in self.entries(name, values)]
        return sorted({text_of("the manifest's " + name, "entries", value) for value in values})

    def handlers(self):
        """Each handler, with the name of its hook."""
        hooks = self.field("hooks", {})
        if not hasattr(hooks, "items"):
            raise Breach("the manifest's hooks must be a mapping")
        entries = self.entries("hooks", hooks.items())
        return [(text_of("the manifest's hooks", "names", getattr(name, "value", name)), handler) for name, handler in entries]

    def read(self):
        """All of it that is said to the host."""
        check = self.given("health_check")
        return {
            "name": text_of("the manifest", "name", self.field("name")),
            "version": text_of("the manifest", "version", self.field("version")),
            "requires": text_of("the manifest", "requires_stigmem", str(self.field("requires_stigmem", REQUIRES))),
            "capabilities": self.words("capabilities"),
            "depends_on": self.words("depends_on"),
            "is_async_safe": bool(self.field("async_safe", True)),
            "handlers": [handler_of(name, handler) for name, handler in self.handlers()],
            # Nothing of what cannot be called.
            "has_health_check": False if check is None else callable(check) or None,
        }


def handler_of(hook, handler):
    """What its host has to know of a handler."""
    if not callable(handler):
        return {"hook": hook, "function": None, "positional_count": None, "timeout_seconds": None}
    function = getattr(handler, "__name__", "")
    return {
        "hook": hook,
        "function": function if isinstance(function, str) else "",
        "positional_count": positional_count(handler),
        "timeout_seconds": seconds_of(handler),
    }


def seconds_of(handler):
    seconds = getattr(handler, "__plugin_timeout__", None)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise Breach("handler timeout must be a number")
    # Of what no JSON holds, something that is refused as well.
    return min(float(seconds), 1e9) if seconds > 0 else 0.0


def positional_count(handler):
    """How many arguments it takes by their place; nothing where that has no end."""
    if type(handler) is type(positional_count) and not hasattr(handler, "__wrapped__"):
        return None if handler.__code__.co_flags & ANY_NUMBER else handler.__code__.co_argcount
    import inspect

    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return 0
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in by_place for kind in kinds)
