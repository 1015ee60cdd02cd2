"""Plugins of Stigmem whose handlers do what they should not. Each has a hook to itself, so that it alone is called.

They are handlers of two plugins: whenever one is loaded, its host asks every entry point that it finds what it is.
"""

from .abuses import ANSWERS, Abuse

# How long each handler may take, in seconds: what does not return half a second behind that is ended.
TIMEOUT = 0.3
UNFIRED = "audit_emit"


def handler(run, asynchronous=False):
    """A handler that does that; HANDLE is put in by whoever places it."""
    kind = "async def" if asynchronous else "def"
    lines = "\n".join(f"    {line}" for line in run.splitlines())
    return f"@handler_timeout({TIMEOUT})\n{kind} HANDLE(ctx, *values, **payload):\n{lines}\n\n"


def module(name, abuses, health):
    """The plugin that has those handlers."""
    names = {abuse.hook: abuse.name.replace("-", "_") for abuse in abuses}
    handlers = "".join(abuse.code.replace("HANDLE", names[abuse.hook]) for abuse in abuses)
    hooks = ", ".join(f"'{hook}': {handle}" for hook, handle in names.items())
    return (f"from stigmem_node.plugins import *\n\n{handlers}{health}\ndef plugin_manifest():\n"
            f"    return PluginManifest(name='{name}', version='1.0.0', hooks={{{hooks}}}, health_check=check)\n")


# The two plugins: in one each handler waits for the one before it, in the other they wait beside each other.
PLUGINS = {
    "handlers": "def check(ctx):\n    return PluginHealth('x' * 10 ** 6, ['\\x1b'] * 10 ** 5)\n",
    "handlers-async": "async def check(ctx):\n    import asyncio\n    await asyncio.sleep(10 ** 6)\n",
}


def plugin_of(abuse):
    return "handlers-async" if abuse.is_asynchronous else "handlers"


ALL = [
    Abuse("handler-hangs", handler("import time\ntime.sleep(10 ** 6)"), says="timed out", ends=True,
          hook="pre_assert_authorize"),
    Abuse("handler-burns", handler("while True:\n    pass"), says="timed out", ends=True, hook="pre_assert_validate"),
    Abuse("handler-hangs-async", handler("import asyncio\nawait asyncio.sleep(10 ** 6)", asynchronous=True), says="timed out",
          is_asynchronous=True, hook="pre_recall_authorize"),
    Abuse("handler-raises", handler("raise ValueError('x\\x1b[2J' * 10 ** 6)"), says="failed",
          hook="federation_peer_authenticate"),
    Abuse("handler-returns-words", handler("return 'allow'"), says="expected Allow or Deny",
          hook="federation_inbound_validate"),
    Abuse("handler-lies", handler("class Allow(str):\n    pass\nreturn Allow()"), says="expected Allow or Deny",
          hook="capability_check"),
    Abuse("handler-returns-deep", handler("it = []\nfor _ in range(10 ** 5):\n    it = [it]\nreturn it"),
          hook="pre_assert_transform",
          value={"a": 1}),
    Abuse("handler-returns-200-deep", handler("it = []\nfor _ in range(200):\n    it = [it]\nreturn it"),
          hook="pre_recall_rewrite",
          value={"a": 1}, statuses=ANSWERS),
    Abuse("handler-returns-50-mb", handler("return ['x' * 1000] * 50000"), ends=True, hook="recall_filter", value=[]),
    Abuse("handler-scores-nan", handler("return {'a': float('nan'), 'b': 10 ** 400, 'c': -1e308}"), hook="recall_rank",
          value=[{"id": "a"}]),
    Abuse("handler-exits", handler("import os\nos._exit(0)"), ends=True, hook="federation_inbound_filter", value=[]),
    Abuse("handler-starts-threads", handler("import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, "
                                            "args=(10 ** 6,)).start()"), ends=True, is_fresh=True,
          hook="federation_outbound_filter",
          value=[]),
    Abuse("handler-forks", handler("import os\nwhile True:\n    os.fork()"), statuses=ANSWERS, ends=True, is_fresh=True,
          hook="post_assert_propagate"),
    Abuse("handler-prints", handler("print('\\x1b[31m\\x00' * 10 ** 5)\nreturn values[0]"), statuses=(200,),
          hook="identity_resolve",
          value={}),
    Abuse("handler-asks", handler("import time\nuntil = time.monotonic() + 0.2\nwhile time.monotonic() < until:\n    try:\n"
                                  "        ctx.get_facts_reader()\n    except (CapabilityError, RuntimeError):\n        pass\nreturn values[0]"),
          statuses=(200,), hook="tenant_resolve", value={}),
    Abuse("handler-rejects-at-length", handler("raise RejectError('\\udcff\\x1b' * 10 ** 6)"), statuses=ANSWERS,
          hook="post_assert_persist"),
    # Nobody fires that one: it is told of what the others do, all the time.
    Abuse("audit-handler-hangs", handler("import asyncio\nawait asyncio.sleep(10 ** 6)", asynchronous=True),
          is_asynchronous=True,
          hook=UNFIRED),
]
