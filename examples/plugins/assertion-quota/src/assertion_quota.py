"""A quota of assertions: a plugin of Stigmem, which votes before a fact is asserted and counts once it was kept.

It declares three capabilities. Without `facts.*` it could not count, and lets nothing through that it has not counted: a vote
that fails is a refusal. Without an audit log it says why in its vote alone. Standard library only, Python 3.9 or newer.
"""

import datetime

from stigmem_node.plugins import Allow, Deny, PluginManifest, handler_timeout

# Of one source, in one day.
DAILY = 100


def counted(ctx, source):
    """The fact that holds the count of today, and the count."""
    reader = ctx.get_facts_reader()
    if reader is None:
        raise RuntimeError("this host keeps no facts")
    name = "asserted/%s/%s" % (datetime.datetime.now(datetime.timezone.utc).date(), source)
    found = reader.list(prefix=name, limit=1)
    return name, reader.get(name) if name in found else 0


@handler_timeout(2)
def pre_assert_authorize(ctx, *, source=None, **_):
    if not isinstance(source, str) or not source:
        return Deny("an assertion has a source")
    _, count = counted(ctx, source)
    if count < DAILY:
        return Allow()
    audit = ctx.get_audit_emitter()
    if audit is not None:
        audit.emit("assertion.quota.exceeded", target=source, outcome="denied", metadata={"daily": DAILY})
    return Deny("%s has asserted %d facts today" % (source, count))


def post_assert_persist(ctx, *, source=None, **_):
    name, count = counted(ctx, source)
    ctx.get_facts_writer().put(name, count + 1)


def manifest():
    return PluginManifest(
        name="assertion-quota",
        version="1.0.0",
        capabilities={"audit.emit", "facts.read", "facts.write"},
        hooks={"pre_assert_authorize": pre_assert_authorize, "post_assert_persist": post_assert_persist},
    )
