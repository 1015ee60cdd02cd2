"""{{name}}: counts alerts by severity, for a dashboard.

Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

WIDGET_ID = "{{id}}"
DEFAULTS: dict[str, Any] = {"title": "{{name}}", "refresh_interval_seconds": 60}
SEVERITIES = ("critical", "high", "medium", "low", "info")


class Widget:
    """A table with one row for each severity."""

    widget_id = WIDGET_ID

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.config = {**DEFAULTS, **(config or {})}
        if not 5 <= self.config["refresh_interval_seconds"] <= 3600:
            raise ValueError("refresh_interval_seconds must be from 5 to 3600")

    async def fetch_data(self, context: dict[str, Any]) -> dict[str, Any]:
        """Counts `context["alerts"]`. `type` says how to draw: kpi, timeseries, table or list."""
        counts = Counter(severity_of(alert) for alert in context.get("alerts", []))
        return {
            "type": "table",
            "title": self.config["title"],
            "data": {
                "columns": ["severity", "alerts"],
                "rows": [[severity, counts[severity]] for severity in (*SEVERITIES, "other")],
            },
            "refresh_interval_seconds": self.config["refresh_interval_seconds"],
        }


def severity_of(alert: dict[str, Any]) -> str:
    """The alert's severity; a word that has no row of its own counts as other."""
    severity = str(alert.get("severity", "")).lower()
    return severity if severity in SEVERITIES else "other"
