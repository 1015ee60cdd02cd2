"""{{name}}: an AiSOC responder, which carries out actions.

A host imports this file by its path, makes `Plugin()` without arguments and awaits
`run(payload, context)`. Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import sys
import urllib.request
from typing import Any

CONFIG_VARIABLE = "{{config_variable}}"
DEFAULTS: dict[str, Any] = {"api_key": "", "dry_run": True, "timeout_seconds": 15}

# The firewall: PUT API_URL/ADDRESS blocks, DELETE API_URL/ADDRESS unblocks.
API_URL = "https://firewall.example.com/v1/blocked"
METHODS = {"block_ip": "PUT", "unblock_ip": "DELETE"}

# An alert can name any address; blocking one of these would cut off ourselves.
NEVER_BLOCK = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "::/127", "fc00::/7", "fe80::/10",
    )
]


class Plugin:
    """Blocks and unblocks addresses; in a dry run it only says so."""

    supported_actions = sorted(METHODS)

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.config = load_config(config)

    async def run(self, payload: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """What a host calls: executes `payload["action"]` with `payload["params"]`."""
        return await self.execute(payload.get("action", ""), payload.get("params", {}), context)

    async def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Carries out one action. Always answers with a status, so that a playbook can go on."""
        if action not in self.supported_actions:
            return outcome("error", action, f"unknown action; supported: {', '.join(self.supported_actions)}")
        try:
            address = blockable(params.get("ip"))
        except ValueError as refusal:
            return outcome("error", action, str(refusal))
        # Anything but a plain false keeps the dry run: a typing mistake must not block.
        if self.config["dry_run"] is not False:
            return outcome("skipped", action, f"dry run: would send {METHODS[action]} {API_URL}/{address}")
        try:
            # urllib blocks; a thread keeps the host's event loop free.
            await asyncio.to_thread(self._send, METHODS[action], address)
        except (OSError, ValueError) as failure:
            return outcome("error", action, str(failure))
        return outcome("ok", action, f"done for {address}")

    def _send(self, method: str, address: str) -> None:
        """One request to the firewall; an HTTP error status raises."""
        request = urllib.request.Request(f"{API_URL}/{address}", method=method)
        # Unredirected: the key must not follow a redirect to another host.
        request.add_unredirected_header("Authorization", f"Bearer {self.config['api_key']}")
        with urllib.request.urlopen(request, timeout=self.config["timeout_seconds"]):
            pass


def load_config(config: dict[str, Any] | None) -> dict[str, Any]:
    """The host's settings, else those of CONFIG_VARIABLE; what is absent gets its default."""
    if config is None:
        config = json.loads(os.environ.get(CONFIG_VARIABLE) or "{}")
    settings = {**DEFAULTS, **config}
    if not 1 <= settings["timeout_seconds"] <= 120:
        raise ValueError("timeout_seconds must be from 1 to 120")
    return settings


def blockable(text: Any) -> str:
    """The address in its one canonical spelling, unless it must never be blocked."""
    if not isinstance(text, str):
        raise ValueError("params needs a string 'ip'")
    address = ipaddress.ip_address(text)
    # ::ffff:10.0.0.1 is 10.0.0.1 to a firewall.
    address = getattr(address, "ipv4_mapped", None) or address
    if getattr(address, "scope_id", None) or any(address in network for network in NEVER_BLOCK):
        raise ValueError(f"{address} is one of our own addresses and is never blocked")
    return str(address)


def outcome(status: str, action: str, message: str) -> dict[str, Any]:
    """The answer of every action: ok, skipped or error."""
    return {"status": status, "action": action, "message": message}


if __name__ == "__main__":
    sample = json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")
    print(json.dumps(asyncio.run(Plugin().run(sample, {})), indent=2))
