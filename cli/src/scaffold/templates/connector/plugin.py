"""{{name}}: an AiSOC connector, as a host calls it. The work is in connector.py.

A host imports this file by its path, makes `Plugin()` without arguments and awaits
`run(payload, context)`. Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

CONFIG_VARIABLE = "{{config_variable}}"


def load_sibling(stem: str) -> ModuleType:
    """Imports STEM.py from beside this file, which is not on `sys.path` in a host.

    The module is named after this one, so that two plugins can each have a file of that name.
    """
    name = f"{__name__}_{stem}"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).resolve().with_name(f"{stem}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {stem}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


connector = load_sibling("connector")


class Plugin:
    """Passes what a host asks for to the connector."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        if config is None:
            config = json.loads(os.environ.get(CONFIG_VARIABLE) or "{}")
        self.config: dict[str, Any] = config

    async def run(self, payload: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Does `payload["action"]`: schema, test_connection, fetch_alerts or normalize."""
        instance = connector.Connector(
            context.get("instance_id", connector.CONNECTOR_ID), context.get("tenant_id", "default"), self.config
        )
        action = payload.get("action", "schema")
        if action == "schema":
            return instance.schema()
        if action == "test_connection":
            return await instance.test_connection()
        if action == "fetch_alerts":
            since = moment(payload.get("since"), instance.config["poll_interval_seconds"])
            return {"alerts": await instance.fetch_alerts(since)}
        if action == "normalize":
            return instance.normalize(payload.get("raw", {}))
        raise ValueError(f"unknown action {action!r}")


def moment(text: str | None, seconds_ago: int) -> datetime:
    """An ISO 8601 time, taken as UTC when it names no zone; none means `seconds_ago`."""
    if text is None:
        return datetime.now(timezone.utc) - timedelta(seconds=seconds_ago)
    # Before Python 3.11 `fromisoformat` does not know the Z.
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


if __name__ == "__main__":
    sample = json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")
    print(json.dumps(asyncio.run(Plugin().run(sample, {})), indent=2))
