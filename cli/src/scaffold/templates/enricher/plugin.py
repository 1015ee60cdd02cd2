"""{{name}}: an AiSOC enricher, which adds context to an indicator.

A host imports this file by its path, makes `Plugin()` without arguments and awaits
`run(payload, context)`. Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import re
import sys
import urllib.parse
import urllib.request
from typing import Any

PLUGIN_ID = "{{id}}"
CONFIG_VARIABLE = "{{config_variable}}"
DEFAULTS: dict[str, Any] = {"api_key": "", "timeout_seconds": 5}

# The reputation service: answers GET API_URL/KIND/INDICATOR with one JSON object.
API_URL = "https://api.example.com/v1"
ANSWER_LIMIT = 1024 * 1024

HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
PATTERNS = (
    ("url", re.compile(r"https?://\S+", re.IGNORECASE)),
    ("email", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("hash", re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)),
    ("domain", re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]+", re.IGNORECASE)),
)


class Plugin:
    """Classifies an indicator, states what follows from it alone, and asks the service."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.config = load_config(config)

    async def run(self, payload: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Enriches `payload["indicator"]`. A service that fails is reported, not raised."""
        indicator = payload.get("indicator")
        if not isinstance(indicator, str) or not indicator.strip():
            raise ValueError("the payload needs a non-empty string 'indicator'")
        indicator = indicator.strip()
        kind = classify(indicator)
        facts = local_facts(kind, indicator)
        reputation, error = None, None
        if self.config["api_key"] and may_leave(kind, indicator):
            try:
                # urllib blocks; a thread keeps the host's event loop free.
                reputation = await asyncio.to_thread(self._fetch, kind, indicator)
            except (OSError, ValueError) as failure:
                error = str(failure)
        return {
            "indicator": indicator,
            "kind": kind,
            "facts": facts,
            "reputation": reputation,
            "error": error,
            "source": PLUGIN_ID,
        }

    def _fetch(self, kind: str, indicator: str) -> Any:
        """Asks the service about one indicator."""
        request = urllib.request.Request(f"{API_URL}/{kind}/{urllib.parse.quote(indicator, safe='')}")
        # Unredirected: the key must not follow a redirect to another host.
        request.add_unredirected_header("Authorization", f"Bearer {self.config['api_key']}")
        with urllib.request.urlopen(request, timeout=self.config["timeout_seconds"]) as answer:
            return json.loads(answer.read(ANSWER_LIMIT))


def load_config(config: dict[str, Any] | None) -> dict[str, Any]:
    """The host's settings, else those of CONFIG_VARIABLE; what is absent gets its default."""
    if config is None:
        config = json.loads(os.environ.get(CONFIG_VARIABLE) or "{}")
    settings = {**DEFAULTS, **config}
    if not 1 <= settings["timeout_seconds"] <= 30:
        raise ValueError("timeout_seconds must be from 1 to 30")
    return settings


def classify(indicator: str) -> str:
    """What kind of indicator it is: ip, url, email, hash, domain or unknown."""
    try:
        ipaddress.ip_address(indicator)
        return "ip"
    except ValueError:
        matches = (kind for kind, pattern in PATTERNS if pattern.fullmatch(indicator))
        return next(matches, "unknown")


def may_leave(kind: str, indicator: str) -> bool:
    """Whether the service may see it: internal addresses say more about us than it could tell."""
    if kind == "unknown":
        return False
    host = urllib.parse.urlsplit(indicator).hostname if kind == "url" else indicator
    try:
        return ipaddress.ip_address(host or "").is_global
    except ValueError:
        return True


def local_facts(kind: str, indicator: str) -> dict[str, Any]:
    """What follows from the indicator alone."""
    if kind == "ip":
        address = ipaddress.ip_address(indicator)
        return {"version": address.version, "public": address.is_global, "reverse": address.reverse_pointer}
    if kind == "url":
        return {"host": urllib.parse.urlsplit(indicator).hostname}
    if kind == "email":
        return {"domain": indicator.rpartition("@")[2].lower()}
    if kind == "hash":
        return {"algorithm": HASHES[len(indicator)]}
    if kind == "domain":
        return {"labels": indicator.lower().split(".")}
    return {}


if __name__ == "__main__":
    sample = json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")
    print(json.dumps(asyncio.run(Plugin().run(sample, {})), indent=2))
