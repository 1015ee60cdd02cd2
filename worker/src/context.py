# What a plugin sees of its host: an accessor for each capability, and what comes of it. The host grants and refuses; this
# only asks. It stands before whatever a child runs, and plugins find it as the module `aisoc_context`.
import _contextvars
import sys

# Of each capability its accessor, and what can be done with what that gives: each method with the names of its arguments.
CAPABILITIES = {
    "facts.read": ("get_facts_reader", {
        "get": ("name", "of"), "list": ("prefix", "limit", "after", "of"), "shared": (), "usage": (),
    }),
    "facts.write": ("get_facts_writer", {"put": ("name", "value"), "put_many": ("facts",), "delete": ("name",)}),
    "recall.read": ("get_recall_reader", {"search": ("query", "limit")}),
    "recall.write": ("get_recall_writer", {
        "pin": ("name",), "demote": ("name",), "reset": ("name",), "annotate": ("name", "note"),
    }),
    "audit.emit": ("get_audit_emitter", {"emit": ("event", "target", "outcome", "metadata")}),
    "audit.read": ("get_audit_reader", {"read": ("limit", "before")}),
    "federation.read": ("get_federation_reader", {"peers": ("limit", "after"), "peer": ("name",)}),
    "federation.write": ("get_federation_writer", {
        "trust": ("name", "settings"), "publish": ("name", "value", "peers"),
    }),
    "identity.read": ("get_identity_reader", {"caller": ()}),
    "tenant.read": ("get_tenant_reader", {"current": ()}),
    "tenant.write": ("get_tenant_writer", {"create": ("name", "settings"), "update": ("name", "settings")}),
    "config.read": ("get_config_reader", {"get": ("name",), "all": ()}),
    "network.outbound": ("get_network_outbound", {"fetch": ("method", "url", "headers", "body")}),
}


class CapabilityError(PermissionError):
    """The manifest does not declare what is asked for."""


def denial(words):
    """Of the class that the plugin has imported, wherever that comes from."""
    return getattr(sys.modules.get("stigmem_node.plugins"), "CapabilityError", CapabilityError)(words)


class HandleError(RuntimeError):
    """It is declared, and was not done: `code` says why in one word."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Handle:
    """What the host has granted. Its methods take their arguments in order or by name, and wait for the host."""

    def __init__(self, context, capability):
        self._context, self._capability = context, capability

    def __getattr__(self, method):
        names = CAPABILITIES[self._capability][1].get(method)
        if names is None:
            raise AttributeError("%s has no method %r" % (self._capability, method))

        def use(*values, **named):
            if len(values) > len(names):
                raise TypeError("%s takes %d arguments, and not %d" % (method, len(names), len(values)))
            for name, value in zip(names, values):
                if name in named:
                    raise TypeError("%s got %r twice" % (method, name))
                named[name] = value
            return self._context._ask(self._capability, method, named)

        use.__name__ = method
        return use

    def __dir__(self):
        return sorted(CAPABILITIES[self._capability][1])


# Handles that are more than their names, by their capabilities.
HANDLES = {}


class PluginContext(dict):
    """On whose behalf a plugin is called, as whoever calls it says; and the way to its host, for as long as the call runs."""

    __slots__ = ("_host", "_call")
    plugin_name, plugin_version, capabilities = None, None, frozenset()

    def __init__(self, host, call=None, said=()):
        super().__init__(said)
        self._host, self._call = host, call

    def about(self, name, version, capabilities):
        """Says of which plugin all of them are, and gives the way to its host."""
        PluginContext.plugin_name, PluginContext.plugin_version = name, version
        PluginContext.capabilities = frozenset(capabilities)
        return self._host

    def _ask(self, capability, method, arguments):
        call = self._call if self._call is not None else CALL.get()
        return self._host.ask(call, capability, method, arguments)

    def _open(self, capability):
        if not self._ask(capability, "open", {}):
            return None
        return HANDLES.get(capability, Handle)(self, capability)


def accessor(capability, name):
    def get(self):
        return self._open(capability)

    get.__name__ = name
    get.__doc__ = "What is done with %s; nothing where the host provides none." % capability
    setattr(PluginContext, name, get)


class NoHost:
    """Where a plugin is only tried: what is not declared is denied as a host would, and nothing is provided."""

    def __init__(self, plugin, declared):
        self.plugin, self.declared = plugin, declared

    def ask(self, call, capability, method, arguments):
        if capability not in self.declared:
            name = CAPABILITIES[capability][0]
            raise denial("plugin '%s' cannot call %s: capability '%s' not declared" % (self.plugin, name, capability))


# The number of the call that this code runs for; of none where it runs for none.
CALL = _contextvars.ContextVar("aisoc_call", default=0)


def stand_in_memory():
    """Plugins name the errors that they expect."""
    for capability, (name, _) in CAPABILITIES.items():
        accessor(capability, name)
    module = type(sys)("aisoc_context")
    for known in (CapabilityError, HandleError, PluginContext):
        known.__module__ = module.__name__
        setattr(module, known.__name__, known)
    sys.modules[module.__name__] = module


stand_in_memory()
