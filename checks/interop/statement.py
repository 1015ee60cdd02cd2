#!/usr/bin/env python3
"""An independent verifier of signed statements about keys.

Written from "Signed statements" in docs/signing-format.md alone, on top of the json module and the `cryptography`
package; it shares no line with aisoc.

    statement.py FILE PEM…     prints the payload, and the fingerprint of each of those keys that has signed it

Exit codes: 0 at least one of the keys has signed it, 1 it cannot be read, 3 none has, or a signature is not what it says.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

TYPES = ("application/vnd.aisoc.key-succession.v1+json", "application/vnd.aisoc.keyset.v1+json")


def message(kind, payload):
    kind = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def fingerprint(key):
    return "SHA256:" + hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def main(file, *pems):
    envelope = json.loads(pathlib.Path(file).read_bytes())
    if set(envelope) != {"payload", "payloadType", "signatures"} or envelope["payloadType"] not in TYPES:
        raise ValueError("no envelope of a type that is known")
    payload = base64.b64decode(envelope["payload"], validate=True)
    keys = {fingerprint(key): key for key in (load_pem_public_key(pathlib.Path(pem).read_bytes()) for pem in pems)}
    signed = set()
    for signature in envelope["signatures"]:
        if key := keys.get(signature["keyid"]):
            key.verify(base64.b64decode(signature["sig"], validate=True), message(envelope["payloadType"], payload))
            signed.add(signature["keyid"])
    print(payload.decode())
    print(*sorted(signed), sep="\n")
    return 0 if signed else 3


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except InvalidSignature:
        sys.exit(3)
    except (OSError, ValueError, TypeError, KeyError) as why:
        print(f"{sys.argv[1:]}: {why}", file=sys.stderr)
        sys.exit(1)
