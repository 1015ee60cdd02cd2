#!/usr/bin/env python3
"""Makes the keys of an issuer of tokens, for tests alone, and the set of their public halves (RFC 7517).

    python3 make.py

Needs the package `cryptography`.
"""

import base64
import json
import pathlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

HERE = pathlib.Path(__file__).resolve().parent


def text(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def number(value, length=None):
    return text(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


keys = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
form = serialization
for name, key in keys.items():
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (HERE / f"TEST-ONLY-{name}.pem").write_bytes(pem)
modulus = keys["rsa"].public_key().public_numbers()
point = keys["p256"].public_key().public_numbers()
raw = keys["ed25519"].public_key().public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)
public = [
    {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": number(modulus.n), "e": number(modulus.e)},
    {"kty": "EC", "kid": "p256", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)},
    {"kty": "OKP", "kid": "ed25519", "crv": "Ed25519", "alg": "EdDSA", "key_ops": ["verify"], "x": text(raw)},
]
(HERE / "jwks.json").write_text(json.dumps({"keys": public}, indent=2) + "\n")
