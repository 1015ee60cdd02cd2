#!/usr/bin/env python3
"""Measures `aisoc serve` beside FastAPI and nginx, in one run, and prints a table.

    checks/perf/host.py AISOC [--plugins N] [--seconds N] [--rounds N]

Needs wrk, nginx and a Python that has FastAPI and uvicorn: the one that runs this. What is not there makes no row.
All three serve the same plugins; aisoc and FastAPI ask each request for a token.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CODE = "class Plugin:\n    def run(self, payload, context):\n        return payload.get('value')\n"
CONNECTIONS = 32
# The one that runs plugins: of the system where there is one, which everybody may run, and no shim in front of it.
PYTHON = shutil.which("python3", path=os.defpath) or "python3"
PATIENCE = 120


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, path):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status < 500:
                return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit(f"perf: nothing answers on port {port}")


def site(aisoc, place, count):
    """A plugins directory, its key and a token."""
    run = lambda *words: subprocess.run([aisoc, *words], cwd=place, check=True, capture_output=True, text=True).stdout
    run("plugin", "keygen", "--out", "release")
    (place / "keys").mkdir()
    shutil.copy(place / "release.pem", place / "keys")
    for number in range(count):
        plugin = place / "plugins" / f"plugin-{number:03}"
        run("plugin", "new", plugin.name, "--type", "enricher", "-o", "plugins")
        (plugin / "plugin.py").write_text(CODE)
        run("plugin", "sign", "--plugin-dir", str(plugin), "--private-key", "release.key")
    return run("token", "create", "perf", "--scope", "*", "--tokens", "tokens.json").strip()


class Servers:
    """What is measured, each a process of its own until the end."""

    def __init__(self):
        self.processes = []

    def begin(self, words, place, **variables):
        environment = {**os.environ, **variables}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(words, cwd=place, env=environment, **quiet))
        return self.processes[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


def nginx(servers, place, body):
    """The same bytes, as a file."""
    port = free_port()
    (place / "www").mkdir()
    (place / "www" / "plugins").write_bytes(body)
    (place / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {place}/nginx.pid; error_log stderr;\n"
        "events { worker_connections 512; }\n"
        "http { access_log off; default_type application/json; keepalive_requests 1000000;\n"
        f"  server {{ listen 127.0.0.1:{port}; root {place}/www; }} }}\n"
    )
    servers.begin(["nginx", "-p", str(place), "-c", str(place / "nginx.conf")], place)
    wait_for(port, "/plugins")
    return port


def requests_per_second(port, path, headers, seconds):
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    for header in headers:
        words += ["-H", header]
    said = subprocess.run([*words, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    if refused:
        sys.exit(f"perf: {refused[1]} answers of {path} on port {port} are refusals")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def call_times(port, token, count):
    """Milliseconds of a call over one connection, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    times = []
    for number in range(count):
        begun = time.perf_counter()
        body = json.dumps({"payload": {"value": number}})
        connection.request("POST", "/api/v1/plugins/plugin-000/run", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        times.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200 or json.loads(text)["result"] != {"result": number}:
            sys.exit(f"perf: a call was answered {answer.status} {text!r}")
    return times


def get(port, path, token):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    return answer.headers, answer.read()


def resident(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def reloads(port, token, count):
    """Milliseconds of a reload: judged anew, and a worker begun."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/api/v1/plugins/plugin-000/reload", headers={"Authorization": f"Bearer {token}"})
        if connection.getresponse().status != 200:
            sys.exit("perf: a reload was refused")
        times.append((time.perf_counter() - begun) * 1000)
    return times


def bare_python(count):
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        subprocess.run([PYTHON, "-I", "-S", "-c", "pass"], check=True)
        times.append((time.perf_counter() - begun) * 1000)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("aisoc")
    parser.add_argument("--plugins", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    aisoc = str(pathlib.Path(asked.aisoc).resolve())
    with tempfile.TemporaryDirectory() as directory, Servers() as servers:
        place = pathlib.Path(directory)
        place.chmod(0o755)
        token = site(aisoc, place, asked.plugins)
        port = free_port()
        words = ["serve", "--listen", f"127.0.0.1:{port}", "--state", "host.json", "--plugins-dir", "plugins"]
        begun = time.monotonic()
        host = servers.begin([aisoc, *words, "--trusted-keys", "keys", "--tokens", "tokens.json"], place, AISOC_PYTHON=PYTHON)
        wait_for(port, "/readyz")
        while asked.plugins != sum(plugin["enabled"] for plugin in json.loads(get(port, "/api/v1/plugins", token)[1])):
            time.sleep(0.05)
        print(f"{asked.plugins} plugins are enabled after {time.monotonic() - begun:.2f} s, {resident(host):.1f} MiB")
        headers, body = get(port, "/api/v1/plugins", token)
        authorization = f"Authorization: Bearer {token}"
        paths = {"list": "/api/v1/plugins", "one": "/api/v1/plugins/plugin-000"}
        measured = {(f"aisoc {name}"): (port, path, [authorization]) for name, path in paths.items()}
        if "etag" in headers:
            unchanged = [authorization, f"If-None-Match: {headers['etag']}"]
            measured["aisoc 304"] = (port, paths["list"], unchanged)
        if shutil.which("nginx"):
            measured["nginx list"] = (nginx(servers, place, body), "/plugins", [])
        (place / "plugins.json").write_bytes(body)
        yardstick = free_port()
        variables = {"AISOC_PERF_PLUGINS": str(place / "plugins.json"), "AISOC_PERF_TOKEN": token}
        uvicorn = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "--port", str(yardstick)]
        servers.begin([*uvicorn, "--no-access-log", "fastapi_host:app"], place, **variables)
        wait_for(yardstick, "/api/v1/plugins")
        measured.update({f"fastapi {name}": (yardstick, path, [authorization]) for name, path in paths.items()})
        found = {name: [] for name in measured}
        calls = {"aisoc": [], "fastapi": []}
        begun, bare = [], []
        for _ in range(asked.rounds):
            for name, (where, path, headers) in measured.items():
                found[name].append(requests_per_second(where, path, headers, asked.seconds))
            calls["aisoc"] += call_times(port, token, 500)
            calls["fastapi"] += call_times(yardstick, token, 500)
            begun += reloads(port, token, 10)
            bare += bare_python(10)
        rates = {name: statistics.median(rates) for name, rates in found.items()}
        for name, rate in rates.items():
            print(f"{name:<14} {rate:10.0f} requests/s")
        ratio = lambda one, other: rates[one] / rates[other] if one in rates and other in rates else None
        for one, other in [
            ("aisoc list", "fastapi list"),
            ("aisoc list", "nginx list"),
            ("aisoc one", "fastapi one"),
            ("aisoc 304", "fastapi list"),
        ]:
            if (value := ratio(one, other)) is not None:
                print(f"{one} / {other}: {value:.2f}")
        for name, times in calls.items():
            print(f"call, {name}: p50 {statistics.median(times):.2f} ms, p99 {sorted(times)[len(times) * 99 // 100]:.2f}")
        reload, pass_alone = statistics.median(begun), statistics.median(bare)
        print(f"reload, of which a worker begins: p50 {reload:.1f} ms; {PYTHON} -I -S -c pass: {pass_alone:.1f} ms; "
              f"{reload / pass_alone:.2f}")
        print(f"memory at the end: {resident(host):.1f} MiB")


if __name__ == "__main__":
    main()
