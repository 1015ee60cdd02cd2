"""{{name}}: an AiSOC widget, as a host calls it. The work is in widget.py.

A host imports this file by its path, makes `Plugin()` without arguments and awaits
`run(payload, context)`. Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
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


widget = load_sibling("widget")


class Plugin:
    """Passes what a host asks for to the widget."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        if config is None:
            config = json.loads(os.environ.get(CONFIG_VARIABLE) or "{}")
        self.widget = widget.Widget(config)

    async def run(self, payload: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """The widget's data; the payload is merged over the context."""
        return await self.widget.fetch_data({**context, **payload})


if __name__ == "__main__":
    sample = json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")
    print(json.dumps(asyncio.run(Plugin().run(sample, {})), indent=2))
