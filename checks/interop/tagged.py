#!/usr/bin/env python3
"""What cosign has put under a tag, put elsewhere or damaged, as whoever may push to a registry can do.

    tagged.py copy REGISTRY REPOSITORY FROM TO      what stands under one tag, under another as well
    tagged.py flip REGISTRY REPOSITORY TAG          one bit of its first layer is another, and the digests fit
"""

import hashlib
import json
import sys
import urllib.request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def ask(method, url, body=None, kind=None):
    request = urllib.request.Request(url, data=body, method=method)
    request.add_header("Accept", MANIFEST)
    if kind:
        request.add_header("Content-Type", kind)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read(), answer.headers


def push_blob(base, content):
    _, headers = ask("POST", f"{base}/blobs/uploads/", b"")
    place = headers["Location"]
    if place.startswith("/"):
        place = base.split("/v2/")[0] + place
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    ask("PUT", place + ("&" if "?" in place else "?") + "digest=" + digest, content, "application/octet-stream")
    return digest


def main():
    what, registry, repository, tag = sys.argv[1:5]
    base = f"http://{registry}/v2/{repository}"
    manifest, _ = ask("GET", f"{base}/manifests/{tag}")
    if what == "copy":
        ask("PUT", f"{base}/manifests/{sys.argv[5]}", manifest, MANIFEST)
        return
    document = json.loads(manifest)
    layer = document["layers"][0]
    content, _ = ask("GET", f"{base}/blobs/{layer['digest']}")
    # A digit of the digest that is signed: what is left is a payload, and of another artifact.
    at = content.index(b'"sha256:') + len(b'"sha256:')
    flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    layer["digest"] = push_blob(base, flipped)
    ask("PUT", f"{base}/manifests/{tag}", json.dumps(document).encode(), MANIFEST)


main()
