"""The routes of a host's API that are measured, as a FastAPI application: the yardstick of `host.py`.

uvicorn loads it; the plugins that it lists are in the file that AISOC_PERF_PLUGINS names.
"""

import hashlib
import hmac
import json
import os

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel

with open(os.environ["AISOC_PERF_PLUGINS"], encoding="utf-8") as file:
    PLUGINS = {plugin["id"]: plugin for plugin in json.load(file)}
TOKEN = hashlib.sha256(os.environ["AISOC_PERF_TOKEN"].encode()).hexdigest()

app = FastAPI()


class Manifest(BaseModel):
    id: str
    name: str | None
    version: str | None
    plugin_type: str | None
    description: str | None
    author: str | None
    tags: list[str]
    config_schema: dict | None


class Plugin(BaseModel):
    id: str
    manifest: Manifest
    enabled: bool
    loaded_at: float | None
    error: str | None


class Call(BaseModel):
    payload: dict = {}
    context: dict = {}


async def authenticated(request: Request):
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    shown = hashlib.sha256(token.encode()).hexdigest()
    if scheme.lower() != "bearer" or not hmac.compare_digest(shown, TOKEN):
        raise HTTPException(401, "Not authenticated")


@app.get("/api/v1/plugins", response_model=list[Plugin], dependencies=[Depends(authenticated)])
async def plugins(plugin_type: str | None = None):
    found = PLUGINS.values()
    return [plugin for plugin in found if plugin_type in (None, plugin["manifest"]["plugin_type"])]


@app.get("/api/v1/plugins/{plugin_id}", response_model=Plugin, dependencies=[Depends(authenticated)])
async def plugin(plugin_id: str):
    if plugin_id not in PLUGINS:
        raise HTTPException(404, f"Plugin '{plugin_id}' not found")
    return PLUGINS[plugin_id]


@app.post("/api/v1/plugins/{plugin_id}/run", dependencies=[Depends(authenticated)])
async def run(plugin_id: str, call: Call):
    return {"plugin_id": plugin_id, "result": {"result": call.payload.get("value")}}
