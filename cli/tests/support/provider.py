"""A provider of `federation` and `tenant`, as docs/handles.md states what one is: what it was asked it writes to a file."""
import http.server
import json
import os
import socket
import socketserver
import sys

PLACE, LOG, TOKEN = sys.argv[1:4]
PEERS = {"b.example": {"name": "b.example", "trust": "full"}, "a.example": {"name": "a.example", "trust": "none"}}
TENANTS = {}


class Refused(Exception):
    pass


def peers(arguments):
    behind = [name for name in sorted(PEERS) if name > (arguments["after"] or "")]
    return [PEERS[name] for name in behind[:arguments["limit"]]]


def peer(arguments):
    if arguments["name"] not in PEERS:
        raise Refused("not_found", "no such peer")
    return PEERS[arguments["name"]]


def trust(arguments):
    peer(arguments).update(arguments["settings"])


def publish(arguments):
    if arguments["name"] == "secret":
        raise Refused("not_allowed", "that stays here\u0007")
    return arguments["peers"] or [name for name in sorted(PEERS) if PEERS[name]["trust"] == "full"]


def create(arguments):
    if arguments["name"] in TENANTS:
        raise Refused("quota_exceeded", "it is there already")
    TENANTS[arguments["name"]] = arguments["settings"]


def update(arguments):
    if arguments["name"] not in TENANTS:
        raise Refused("not_found", "no such tenant")
    TENANTS[arguments["name"]].update(arguments["settings"])


METHODS = {
    ("federation.read", "peers"): peers, ("federation.read", "peer"): peer, ("federation.write", "trust"): trust,
    ("federation.write", "publish"): publish, ("tenant.write", "create"): create, ("tenant.write", "update"): update,
}


class Provider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(LOG, "a") as log:
            print(json.dumps({"path": self.path, "token": self.headers.get("Authorization"), **asked}), file=log, flush=True)
        try:
            if self.headers.get("Authorization") != "Bearer " + TOKEN:
                raise Refused("not_allowed", "whose host is that")
            if asked["version"] != 1:
                raise Refused("unavailable", "another version")
            answer = {"result": METHODS[asked["capability"], asked["method"]](asked["arguments"])}
        except Refused as refused:
            answer = {"error": {"code": refused.args[0], "message": refused.args[1]}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "host"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    address_family = socket.AF_UNIX if PLACE.startswith("/") else socket.AF_INET


os.umask(0o077)
server = Server(PLACE if PLACE.startswith("/") else ("127.0.0.1", 0), Provider)
print(server.server_address if PLACE.startswith("/") else server.server_address[1], flush=True)
server.serve_forever()
