"""{{name}}: fetches alerts over HTTP and turns them into the common alert form.

Expects `GET BASE_URL/alerts?since=…&limit=…&cursor=…` to answer
`{"alerts": [...], "next_cursor": "..." or null}`. Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from typing import Any

CONNECTOR_ID = "{{id}}"
ALERTS_PATH = "/alerts"
TIMEOUT_SECONDS = 30
ANSWER_LIMIT = 64 * 1024 * 1024
# A server that never ends its pages must not hold a poll for ever.
MAX_PAGES = 1000

# The product's words, lower-cased, and ours.
SEVERITY_MAP = {
    "critical": "critical",
    "high": "high",
    "medium": "medium",
    "moderate": "medium",
    "low": "low",
    "info": "info",
    "informational": "info",
}

DEFAULTS: dict[str, Any] = {
    "base_url": "",
    "api_key": "",
    "poll_interval_seconds": 300,
    "verify_tls": True,
    "page_size": 100,
}
RANGES = {"poll_interval_seconds": (30, 3600), "page_size": (1, 10000)}


class Connector:
    """One configured connection of one tenant to the product."""

    def __init__(self, instance_id: str, tenant_id: str, config: dict[str, Any] | None = None) -> None:
        self.instance_id = instance_id
        self.tenant_id = tenant_id
        self.config = {**DEFAULTS, **(config or {})}
        for key, (low, high) in RANGES.items():
            if not low <= self.config[key] <= high:
                raise ValueError(f"{key} must be from {low} to {high}")

    def schema(self) -> dict[str, Any]:
        """Describes the connector; the settings themselves are described in plugin.yaml."""
        return {"id": CONNECTOR_ID, "settings": sorted(DEFAULTS), "required": ["base_url"], "secret": ["api_key"]}

    async def test_connection(self) -> dict[str, Any]:
        """Asks for one alert, to prove address, certificate and key."""
        try:
            await asyncio.to_thread(self._get, {"limit": 1})
        except (OSError, ValueError) as failure:
            return {"success": False, "connector": CONNECTOR_ID, "error": str(failure)}
        return {"success": True, "connector": CONNECTOR_ID}

    async def fetch_alerts(self, since: datetime) -> list[dict[str, Any]]:
        """All alerts from `since` on, in the common form."""
        query: dict[str, Any] = {
            "since": since.astimezone(timezone.utc).isoformat(),
            "limit": self.config["page_size"],
        }
        alerts: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            # urllib blocks; a thread keeps the host's event loop free.
            page = await asyncio.to_thread(self._get, query)
            alerts.extend(self.normalize(raw) for raw in page.get("alerts", []))
            if not page.get("next_cursor"):
                return alerts
            query["cursor"] = page["next_cursor"]
        raise ValueError(f"more than {MAX_PAGES} pages of alerts")

    def normalize(self, raw: dict[str, Any]) -> dict[str, Any]:
        """One alert of the product in the common form; `raw` stays with it as evidence."""
        severity = str(raw.get("severity", "")).strip().lower()
        return {
            "source": CONNECTOR_ID,
            "instance_id": self.instance_id,
            "tenant_id": self.tenant_id,
            "external_id": str(raw.get("id", "")),
            "title": str(raw.get("title") or raw.get("name") or "untitled alert"),
            # A word nobody mapped must be looked at, not be lost among the lowest.
            "severity": SEVERITY_MAP.get(severity, "medium"),
            "occurred_at": raw.get("timestamp") or raw.get("created_at"),
            "raw": raw,
        }

    def _get(self, query: dict[str, Any]) -> dict[str, Any]:
        """One request for one page of alerts."""
        base = str(self.config["base_url"]).rstrip("/")
        if urllib.parse.urlsplit(base).scheme not in ("http", "https"):
            raise ValueError("base_url must begin with https:// or http://")
        request = urllib.request.Request(f"{base}{ALERTS_PATH}?{urllib.parse.urlencode(query)}")
        request.add_header("Accept", "application/json")
        if self.config["api_key"]:
            # Unredirected: the key must not follow a redirect to another host.
            request.add_unredirected_header("Authorization", f"Bearer {self.config['api_key']}")
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self._tls()) as answer:
            page = json.loads(answer.read(ANSWER_LIMIT))
        if not isinstance(page, dict):
            raise ValueError("the product's answer is not a JSON object")
        return page

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not self.config["verify_tls"]:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
