# What a plugin gets for `network.outbound`: bodies are bytes for it, and text on the channel to its host.
class Response:
    """What a server has answered: `status`, `headers` (pairs, in order), `body` (bytes) and `url`, that of the last hop."""

    def __init__(self, said):
        import base64

        self.status, self.url = said["status"], said["url"]
        self.headers = [(name, value) for name, value in said["headers"]]
        self.body = base64.b64decode(said["body"])

    def header(self, name):
        """The first of that name, in whichever letters; nothing where there is none."""
        return next((value for known, value in self.headers if known == name.lower()), None)

    def text(self):
        """The body as UTF-8, with a mark for what is none."""
        return self.body.decode("utf-8", "replace")

    def json(self):
        """The body as JSON."""
        import json

        return json.loads(self.body)


class Outbound(Handle):
    """What the host asks of others, for the plugin."""

    def fetch(self, method, url, headers=None, body=None):
        """Asks, and gives a `Response`, whatever its status is."""
        import base64

        pairs = headers.items() if hasattr(headers, "items") else headers or ()
        pairs = [[name, value] for name, value in pairs]
        body = body.encode("utf-8") if isinstance(body, str) else body or b""
        said = {"method": method, "url": url, "headers": pairs, "body": base64.b64encode(body).decode("ascii")}
        return Response(self._context._ask(self._capability, "fetch", said))


HANDLES["network.outbound"] = Outbound
