#!/usr/bin/env python3
"""A second, independent maker and checker of the tree digest that `aisoc plugin sign` writes.

Written from docs/signing-format.md, section "The whole tree"; it shares no line with aisoc.

    coverage.py list    DIR                  the list of covered files, as plugin.sig.d/files holds it
    coverage.py check   DIR                  "full", "code", or "differs WHY" (exit 3); no signature is checked
    coverage.py changes DIR KEYS AISOC       for each change that the host does not notice: the host's check
                                             says verified, and aisoc says no
    coverage.py vectors FILE [--write]       the public vectors: made again, and compared or written

Exit codes: 0 yes, 1 the input cannot be read, 3 the tree is not the stated one.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import reference

V1, V2 = "aisoc.tree/v1", "aisoc.tree/v2"
LIST = "plugin.sig.d/files"
MANIFESTS = ("plugin.yaml", "aisoc-plugin.json")


def is_signature_file(name):
    return name in ("plugin.sig", LIST) or re.fullmatch(r"plugin\.sig\.d/[0-9a-f]{64}\.(sig|tsr)", name)


def manifest_name(root):
    return next(name for name in MANIFESTS if (root / name).exists())


def files(root):
    """Every regular file by name; anything else but a directory is an error: no list can hold it."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = pathlib.Path(folder, name)
            if not stat.S_ISREG(path.lstat().st_mode):
                raise ValueError(f"{path} is not a regular file")
            found[path.relative_to(root).as_posix()] = path
    return found


def blank(content, digits):
    """The manifest with zeros for its digits, which must stand in it literally and once."""
    if content.count(digits.encode()) != 1:
        raise ValueError("the digits do not stand in the manifest literally and once")
    return content.replace(digits.encode(), b"0" * 64)


def tree_list(root, scheme, digits):
    """The list that is hashed. Scheme v1 leaves the manifest out; v2 has it without its digits."""
    manifest = manifest_name(root)
    lines = [scheme]
    for name, path in sorted(files(root).items(), key=lambda item: item[0].encode()):
        if is_signature_file(name) or (name == manifest and scheme == V1):
            continue
        content = path.read_bytes()
        if name == manifest:
            content = blank(content, digits)
        mode = "x" if path.stat().st_mode & 0o100 else "-"
        lines.append(f"{hashlib.sha256(content).hexdigest()} {mode} {len(content)} {name}")
    return "".join(line + "\n" for line in lines).encode()


def is_read_there(root, manifest, digits):
    """Whether the digits that stand in the manifest are those that are read: others in their place are read too."""
    others = hashlib.sha256(digits.encode()).hexdigest()
    with tempfile.TemporaryDirectory() as place:
        name = manifest_name(root)
        pathlib.Path(place, name).write_bytes((root / name).read_bytes().replace(digits.encode(), others.encode()))
        again = reference.read_manifest(pathlib.Path(place))
    return again == {**manifest, "integrity": {**manifest["integrity"], "tree_sha256": others}}


def loose_signature_files(root):
    """Signature files in another form than 128 lower-case digits, or executable."""
    for name, path in files(root).items():
        if is_signature_file(name):
            # Whether a timestamp is one is not judged here; where it is none, the plugin is refused.
            is_plain = name == LIST or name.endswith(".tsr") or re.fullmatch(rb"[0-9a-f]{128}", path.read_bytes())
            if not is_plain or path.stat().st_mode & 0o100:
                yield name


def differs(root, manifest, stated):
    """What differs from the tree that the manifest states; an empty text when nothing does."""
    if set(stated) != {"scheme", "tree_sha256"} or stated["scheme"] not in (V1, V2):
        return "the manifest states another scheme"
    if {"trust", "signature"} & set(manifest):
        return "the manifest has a key that no signature covers"
    try:
        listed = tree_list(root, stated["scheme"], stated["tree_sha256"])
    except ValueError as error:
        return str(error)
    if not is_read_there(root, manifest, stated["tree_sha256"]):
        return "the digits of the manifest are not where they are read"
    if hashlib.sha256(listed).hexdigest() != stated["tree_sha256"]:
        return "the files are not those that the manifest states"
    if (root / LIST).exists() and (root / LIST).read_bytes() != listed:
        return f"{LIST} is not the list of the files"
    empty = [folder for folder, folders, names in os.walk(root) if not folders and not names]
    return f"{empty[0]} is an empty directory" if empty else ""


def check(root):
    """"full", "code", or "differs WHY"."""
    manifest = reference.read_manifest(root)
    stated = manifest.get("integrity")
    if stated is None:
        return "code"
    difference = differs(root, manifest, stated)
    if difference:
        return f"differs {difference}"
    return "full" if stated["scheme"] == V2 and not list(loose_signature_files(root)) else "code"


# --- changes after signing --------------------------------------------------------------------------


def put(name, content=b"x"):
    def change(root):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return change


def bytecode(flags):
    """PEP 552: magic number, flags (0 timestamp, 1 unchecked hash, 3 checked hash), freshness."""
    return bytes.fromhex("a70d0d0a") + bytes([flags, 0, 0, 0]) + bytes(8) + b"code"


def link_helper(root):
    outside = root.parent / "outside.py"
    shutil.move(root / "plugin.py", outside)
    (root / "plugin.py").symlink_to(outside)


def edit_manifest(edit):
    def change(root):
        path = root / "plugin.yaml"
        path.write_bytes(edit(path.read_bytes()))

    return change


def add_key(root):
    with (root / "plugin.yaml").open("a") as manifest:
        manifest.write("trust: {level: root}\n")


CHANGES = {
    "unchecked bytecode": put("__pycache__/plugin.cpython-311.pyc", bytecode(1)),
    "bytecode by time": put("__pycache__/plugin.cpython-311.pyc", bytecode(0)),
    "bytecode by hash": put("__pycache__/plugin.cpython-311.pyc", bytecode(3)),
    "native code beside a module": put("helper.cpython-311-x86_64-linux-gnu.so"),
    "a package instead of a module": put("plugin/__init__.pyc", bytecode(1)),
    "another entry point": put("plugin.so"),
    "a module of the standard library": put("colorsys.pyc", bytecode(1)),
    "a start-up module": put("sitecustomize.pyc", bytecode(1)),
    "a start-up path": put("x.pth", b"import os\n"),
    "a changed document": put("README.md", b"other\n"),
    "an added rule": put("rules/allow.yaml", b"allow: all\n"),
    "a second manifest": put("aisoc-plugin.json", b"{}"),
    "Python in another case": put("plugin.PY", b"import os\n"),
    "a comment in the manifest": edit_manifest(lambda content: b"# another one\n" + content),
    "a key before the one that counts": edit_manifest(lambda content: b"id: evil\n" + content),
    "other line ends in the manifest": edit_manifest(lambda content: content.replace(b"\n", b"\r\n")),
    "an executable manifest": lambda root: (root / "plugin.yaml").chmod(0o755),
    "an empty directory": lambda root: (root / "requests").mkdir(),
    "a key that no signature covers": add_key,
    "a module that is a link": link_helper,
    "a set-user-id bit": lambda root: (root / "plugin.py").chmod(0o4644),
}


def changes(root, keys, aisoc):
    """Each change passes the host's check and is refused by aisoc, by the reason for trees."""
    failed = 0
    for name, change in CHANGES.items():
        with tempfile.TemporaryDirectory() as place:
            changed = pathlib.Path(place, "plugin")
            shutil.copytree(root, changed)
            change(changed)
            try:
                reference.verify(changed, keys)
                host = "verified"
            except reference.Refused as refusal:
                host = f"refused {refusal}"
            ours = subprocess.run([aisoc, "plugin", "verify", changed, "--keys", keys],
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            reason = re.search(r"error\[(\w+)\]", ours.stderr)
            good = host == "verified" and ours.returncode == 3 and reason and reason[1] == "coverage_mismatch"
            failed += not good
            print(f"{'ok' if good else 'FAIL':4} {name}: host {host}, aisoc {reason[1] if reason else ours.stdout!r}")
    return failed


# --- the public vectors -----------------------------------------------------------------------------

MANIFEST = 'id: demo\nname: Demo\nversion: "1.0.0"\nplugin_type: enricher\n'
JSON_MANIFEST = '{\n  "id": "demo",\n  "name": "Demo",\n  "version": "1.0.0",\n  "plugin_type": "enricher"\n}\n'

# name: (files, executable names); the manifest is as its author wrote it.
TREES = {
    "manifest alone": ({"plugin.yaml": MANIFEST}, []),
    "code": ({"plugin.yaml": MANIFEST, "plugin.py": "class Plugin: pass\n"}, []),
    "data and an executable file": (
        {"plugin.yaml": MANIFEST, "plugin.py": "x = 1\n", "rules/a.yaml": "a: 1\n", "bin/tool": "#!/bin/sh\n"},
        ["bin/tool"],
    ),
    "byte order and not that of a language": (
        {"plugin.yaml": MANIFEST, "B": "1", "a": "2", "d.b": "3", "d/b": "4", "d0": "4", "é": "5", "名": "6", "Z z": "7"},
        [],
    ),
    "empty files": ({"plugin.yaml": MANIFEST, "__init__.py": "", "py.typed": ""}, []),
    "a manifest in JSON": ({"aisoc-plugin.json": JSON_MANIFEST, "plugin.py": "x = 1\n"}, []),
    "a second manifest is a file like any other": (
        {"plugin.yaml": MANIFEST, "aisoc-plugin.json": JSON_MANIFEST}, []),
    "lines that end in CR LF": ({"plugin.yaml": MANIFEST.replace("\n", "\r\n"), "a": "1"}, []),
    "no newline at the end": ({"plugin.yaml": MANIFEST.rstrip("\n"), "a": "1"}, []),
    "an indented manifest": (
        {"plugin.yaml": "".join(f"  {line}\n" for line in MANIFEST.splitlines()), "a": "1"}, []),
    "a manifest in flow style": (
        {"plugin.yaml": '{id: demo, name: Demo, version: "1.0.0", plugin_type: enricher}\n', "a": "1"}, []),
    "others in the directory of signatures are covered": (
        {"plugin.yaml": MANIFEST, "plugin.sig.d/notes.txt": "n", "sub/plugin.sig": "s"}, []),
}


def stamped(manifest, digest):
    """The manifest with those digits, as docs/signing-format.md says: appended, nothing else changed."""
    if manifest.lstrip().startswith("{"):
        end = manifest.rstrip().rindex("}")
        body = manifest[:end].rstrip()
        margin = re.match(r"\s*\{(\s*)", manifest)[1] or " "
        member = f'"integrity": {{"scheme": "{V2}", "tree_sha256": "{digest}"}}'
        return f"{body},{margin}{member}{manifest[len(body):]}"
    newline = "\r\n" if manifest.endswith("\r\n") else "\n"
    margin = re.match(r" *", manifest)[0]
    lines = [f"{margin}integrity:", f"{margin}  scheme: {V2}", f'{margin}  tree_sha256: "{digest}"']
    return manifest + ("" if manifest.endswith("\n") else newline) + newline.join(lines) + newline


def vector(name, contents, executable, key):
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        for path, text in contents.items():
            put(path, text.encode())(root)
        for path in executable:
            (root / path).chmod(0o755)
        manifest = manifest_name(root)
        written = (root / manifest).read_bytes().decode()
        (root / manifest).write_bytes(stamped(written, "0" * 64).encode())
        listed = tree_list(root, V2, "0" * 64)
        digest = hashlib.sha256(listed).hexdigest()
        signed = stamped(written, digest)
        (root / manifest).write_bytes(signed.encode())
        key_file = root.parent / f"{root.name}.key"
        key_file.write_text(key)
        try:
            canonical = reference.digest(root)
            reference.sign(root, key_file)
        finally:
            key_file.unlink()
        if check(root) != "full":
            raise SystemExit(f"{name}: {check(root)}")
        return {
            "name": name,
            "files": {path: base64.b64encode(text.encode()).decode() for path, text in contents.items()},
            "executable": executable,
            "list": listed.decode(),
            "tree_sha256": digest,
            "signed_manifest": base64.b64encode(signed.encode()).decode(),
            "digest": canonical.hex(),
            "signature": (root / "plugin.sig").read_text().strip(),
        }


def vectors(path):
    keys = json.loads((path.parent / "public.json").read_text())["keys"]
    return {
        "how": "files are what the author has; aisoc.tree/v2 as in docs/signing-format.md; list is what is hashed "
               "and shipped; digest and signature (key A of public.json) are over the signed manifest",
        "vectors": [vector(name, *tree, keys["A"]["private_pem"]) for name, tree in TREES.items()],
    }


def main(arguments):
    match arguments:
        case ["list", root]:
            stated = reference.read_manifest(pathlib.Path(root))["integrity"]
            sys.stdout.buffer.write(tree_list(pathlib.Path(root), stated["scheme"], stated["tree_sha256"]))
        case ["check", root]:
            verdict = check(pathlib.Path(root))
            print(verdict)
            return 3 if verdict.startswith("differs") else 0
        case ["changes", root, keys, aisoc]:
            return 1 if changes(pathlib.Path(root), pathlib.Path(keys), aisoc) else 0
        case ["vectors", path, *options]:
            path = pathlib.Path(path)
            text = json.dumps(vectors(path), indent=1, ensure_ascii=False) + "\n"
            if options == ["--write"]:
                path.write_text(text)
            elif path.read_text() != text:
                print(f"{path} is not what this program makes")
                return 1
            print(f"{len(TREES)} trees")
        case _:
            print(__doc__.strip(), file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
