#!/usr/bin/env python3
"""Makes the certificates beside this file, each with its key. Needs the package `cryptography`.

Nobody trusts them: their names end in `.corp`, or lead to the machine that asks. They are kept and not made by
the tests, because a certificate says in which years it is valid.
"""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).parent
NAMES = ["registry.corp", "localhost", "127.0.0.1"]
VALID = (2020, 2120)


def general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def make(file, subject="registry.corp", names=NAMES, years=VALID, authority=False, issuer=None):
    """Writes FILE.pem: a certificate that vouches for itself, or one that ISSUER vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    issuer_name, issuer_key = issuer or (name, key)
    begin, end = (datetime.datetime(year, 1, 1) for year in years)
    builder = x509.CertificateBuilder(issuer_name, name, key.public_key(), x509.random_serial_number(), begin, end)
    builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([general(name) for name in names]), False)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (HERE / f"{file}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return name, key


private = make("authority", subject="A private authority", names=[], authority=True)
make("issued", issuer=private)
make("issued-expired", issuer=private, years=(2001, 2002))
# What `openssl req -x509` makes: its own authority, and the certificate of a server.
make("self", authority=True)
make("self-again", authority=True)
make("self-elsewhere", names=["elsewhere.corp"], authority=True)
make("self-expired", years=(2001, 2002), authority=True)
make("self-early", years=(2119, 2120), authority=True)
# The same with `basicConstraints=CA:FALSE`.
leaf = make("leaf", authority=False)
# What the key of such a server can make, and nobody should take.
make("issued-by-leaf", issuer=leaf)
# With a common name alone, as `openssl req -x509 -subj` makes it.
make("common-name", names=[], authority=True)
