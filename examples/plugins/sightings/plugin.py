"""How often an indicator was seen before: an enricher that keeps what it knows with its host.

It declares three capabilities, and does without any of them that its host does not provide: an accessor then gives `None`.
Standard library only, Python 3.9 or newer.
"""

from aisoc_context import HandleError


class Plugin:
    def run(self, payload, context):
        indicator = payload.get("indicator")
        if not isinstance(indicator, str) or not indicator.strip():
            raise ValueError("the payload needs a non-empty string 'indicator'")
        indicator = indicator.strip().lower()
        seen = self.count(context, "seen/" + indicator)
        # Where nobody keeps it, every time is the first.
        is_reported = not seen and self.report(context, indicator)
        return {"indicator": indicator, "seen_before": seen, "is_reported": is_reported}

    def count(self, context, name):
        """How often, before this time; nothing where nobody keeps it."""
        reader, writer = context.get_facts_reader(), context.get_facts_writer()
        if reader is None or writer is None:
            return None
        try:
            seen = reader.get(name)
        except HandleError as error:
            if error.code != "not_found":
                raise
            seen = 0
        writer.put(name, seen + 1)
        return seen

    def report(self, context, indicator):
        """In the audit log, beside the tenant and the caller of this call, which the host writes there by itself."""
        audit = context.get_audit_emitter()
        if audit is None:
            return False
        audit.emit("indicator.first.seen", target=indicator)
        return True
