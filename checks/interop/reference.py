#!/usr/bin/env python3
"""A second, independent signer and verifier of plugin directories.

Written from the description of the signature format alone, on top of PyYAML's pure-Python
SafeLoader, the json module and the `cryptography` package; it shares no line with aisoc. Where the
two disagree on a digest or a verdict, one of them is wrong.

    reference.py digest    DIR                 the canonical digest, hex
    reference.py canonical DIR                 the canonical JSON that is hashed
    reference.py keygen    PREFIX              PREFIX.key (PKCS#8 PEM) and PREFIX.pem (public)
    reference.py sign      DIR KEY.pem         writes DIR/plugin.sig
    reference.py verify    DIR KEYS_DIR        strict; prints "verified KEY-ID", else "refused WHY"
    reference.py vectors   public.json         replays test vectors, prints how many agree

Exit codes: 0 yes, 1 the input cannot be read or signed, 3 the signature does not hold.

It knows the signature over manifest and *.py only (what every existing deployment checks), not the
tree digest that aisoc adds inside the manifest: for this program that is one more manifest key.
"""

import hashlib
import io
import json
import os
import pathlib
import sys


class ManifestError(Exception):
    """The manifest cannot be read."""


class DigestError(Exception):
    """The manifest was read, but has no canonical form."""


class Refused(Exception):
    """The signature does not hold."""


# --- the manifest ---------------------------------------------------------------------------------


def read_manifest(plugin_dir):
    yaml_path = plugin_dir / "plugin.yaml"
    json_path = plugin_dir / "aisoc-plugin.json"
    if yaml_path.exists():  # wins even when broken
        return read_yaml(yaml_path)
    if json_path.exists():
        return read_json(json_path)
    raise ManifestError(f"no plugin.yaml and no aisoc-plugin.json in {plugin_dir}")


def read_yaml(path):
    return parse_yaml(path.read_bytes(), path.name)


def parse_yaml(content, name="plugin.yaml"):
    import yaml  # here, so that a JSON plugin does not pay for it

    try:
        value = yaml.load(as_text(content), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError, IndexError,
            OverflowError, RecursionError) as error:
        raise ManifestError(f"{name}: {error}") from error
    if not isinstance(value, dict):
        raise ManifestError(f"{name}: YAML root must be a mapping")
    return value


def read_json(path):
    return parse_json(path.read_bytes(), path.name)


def parse_json(content, name="aisoc-plugin.json"):
    try:
        return json.loads(as_text(content))
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{name}: {error}") from error


def as_text(content):
    """As a file opened in text mode: UTF-8, and CRLF or CR become LF before anything else sees them."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8").read()


# --- the digest -----------------------------------------------------------------------------------


def file_map(plugin_dir):
    """Relative path -> SHA-256 of every regular *.py file; linked directories are not entered."""
    files = {}
    for folder, _, names in os.walk(plugin_dir, followlinks=False):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".py") and os.path.isfile(path):
                key = os.path.relpath(path, plugin_dir).replace(os.sep, "/")
                with open(path, "rb") as file:
                    files[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return files


def canonical(plugin_dir):
    return payload(read_manifest(plugin_dir), file_map(plugin_dir))


def payload(manifest, files):
    """The canonical JSON of a manifest and the digests of a plugin's files."""
    if not isinstance(manifest, dict):
        raise DigestError("the manifest is not an object")
    signed = {k: v for k, v in manifest.items() if k not in ("signature", "trust")}
    try:
        return json.dumps({"files": files, "manifest": signed}, sort_keys=True, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise DigestError(str(error)) from error


def digest(plugin_dir):
    return hashlib.sha256(canonical(plugin_dir)).digest()


# --- keys and signatures --------------------------------------------------------------------------


def read_signature(plugin_dir):
    path = plugin_dir / "plugin.sig"
    if not path.is_file():
        raise Refused("unsigned: no plugin.sig")
    raw = path.read_bytes()
    try:
        signature = bytes.fromhex(raw.strip().decode("ascii"))
        if len(signature) == 64:
            return signature
    except ValueError:
        pass
    if len(raw) == 64:
        return raw
    raise Refused("malformed plugin.sig: neither 64 raw bytes nor their hex form")


def read_keys(keys_dir):
    """(id, key) of every Ed25519 public key, in order of file name; everything else is skipped."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    keys = []
    if not keys_dir.is_dir():
        return keys
    for path in sorted(keys_dir.iterdir(), key=lambda path: path.name):
        if path.suffix.lower() not in (".pem", ".pub"):
            continue
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            print(f"warning: {path.name} skipped: {error}", file=sys.stderr)
            continue
        if isinstance(key, Ed25519PublicKey):
            keys.append((path.stem, key))
        else:
            print(f"warning: {path.name} skipped: not an Ed25519 key", file=sys.stderr)
    return keys


def verify(plugin_dir, keys_dir):
    """The id of the first trusted key whose signature this is."""
    from cryptography.exceptions import InvalidSignature

    signature = read_signature(plugin_dir)
    keys = read_keys(keys_dir)
    if not keys:
        raise Refused(f"no trusted keys in {keys_dir}")
    message = digest(plugin_dir)
    for key_id, key in keys:
        try:
            key.verify(signature, message)
            return key_id
        except InvalidSignature:
            continue
    raise Refused("invalid: no trusted key made this signature")


def sign(plugin_dir, key_path):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(key_path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(f"{key_path} is not an Ed25519 key")
    signature = key.sign(digest(plugin_dir)).hex()
    (plugin_dir / "plugin.sig").write_text(signature, encoding="ascii")
    return signature


def keygen(prefix):
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    descriptor = os.open(f"{prefix}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    pathlib.Path(f"{prefix}.pem").write_bytes(public)


# --- the test vectors -----------------------------------------------------------------------------


def replay(vectors_path):
    """Replays every vector that has a digest or a strict verdict; prints those that disagree."""
    import tempfile

    document = json.loads(vectors_path.read_text())
    release = document["keys"]["A"]["public_pem"].encode()
    agree = total = skipped = 0
    for vector in document["vectors"]:
        expect = vector["expect"]
        stage = expect.get("error", {}).get("stage")
        if not ("digest_hex" in expect or stage in ("manifest", "digest")):
            skipped += 1  # loading and pulled trees: the host's business, not this program's
            continue
        with tempfile.TemporaryDirectory() as folder:
            plugin_dir, keys_dir = pathlib.Path(folder, "plugin"), pathlib.Path(folder, "keys")
            lay_out(vector, plugin_dir, keys_dir, release)
            try:
                got = digest(plugin_dir).hex()
            except (ManifestError, DigestError):
                got = None
            differences = []
            if got != expect.get("digest_hex"):
                differences.append(f"digest {got}, expected {expect.get('digest_hex')}")
            strict = expect.get("verify", {}).get("strict")
            if strict:
                wanted = strict.get("key_id")  # absent when the reference refuses
                try:
                    key_id = verify(plugin_dir, keys_dir)
                except (Refused, ManifestError, DigestError):
                    key_id = None
                if key_id != wanted:
                    differences.append(f"verified by {key_id}, expected {wanted}")
        total += 1
        agree += not differences
        for difference in differences:
            print(f"{vector['name']}: {difference}")
    print(f"{agree} of {total} vectors agree ({skipped} are about loading and pulled trees)")
    return agree == total


def lay_out(vector, plugin_dir, keys_dir, release):
    from base64 import b64decode

    plugin_dir.mkdir()
    for name in vector.get("dirs", []):
        (plugin_dir / name).mkdir(parents=True, exist_ok=True)
    contents = {os.fsencode(name): body for name, body in vector["files"].items()}
    for raw in vector.get("files_raw", []):
        contents[bytes.fromhex(raw["path_hex"])] = raw["content"]
    for name, body in contents.items():
        path = plugin_dir / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b64decode(body))
    for name, target in vector.get("symlinks", {}).items():
        path = plugin_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    if "plugin_sig" not in vector:
        made = vector["expect"].get("signature_hex")
        signature = made.encode() if made else None
    else:
        given = vector["plugin_sig"]
        signature = b64decode(given) if given is not None else None
    if signature is not None:
        (plugin_dir / "plugin.sig").write_bytes(signature)
    if "keys_dir" not in vector:
        keys_dir.mkdir()
        (keys_dir / "release.pem").write_bytes(release)
        return
    keys = vector["keys_dir"]
    if keys is None:
        return  # the directory is missing
    keys_dir.mkdir()
    for name, body in keys.items():
        path = keys_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if body is None:
            path.mkdir()
        else:
            path.write_bytes(b64decode(body))


def main(arguments):
    match arguments:
        case ["digest", folder]:
            print(digest(pathlib.Path(folder)).hex())
        case ["canonical", folder]:
            sys.stdout.write(canonical(pathlib.Path(folder)).decode("ascii"))
        case ["keygen", prefix]:
            keygen(prefix)
        case ["sign", folder, key]:
            print(sign(pathlib.Path(folder), pathlib.Path(key)))
        case ["verify", folder, keys]:
            print("verified", verify(pathlib.Path(folder), pathlib.Path(keys)))
        case ["vectors", path]:
            return 0 if replay(pathlib.Path(path)) else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refused as why:
        print("refused", why)
        sys.exit(3)
    except (ManifestError, DigestError, OSError, ValueError) as why:
        print(f"error: {why}", file=sys.stderr)
        sys.exit(1)
