#!/usr/bin/env python3
"""Plugin artifacts in the many shapes that exist in the wild, built by hand and pushed over HTTP.

    shapes.py push HOST:PORT KEY.pem    pushes each to HOST:PORT/shapes/NAME:v1 and prints, per shape,
                                        NAME <TAB> what oras does <TAB> what aisoc must do <TAB> note
    shapes.py contents DIR KEY.pem      writes the plugin that most shapes hold
    shapes.py compare oras_shapes.json  every case of that file is built here, with the same outcome

Every shape holds a really signed plugin `demo` (plugin.yaml, plugin.py, sub/__init__.py, plugin.sig),
so that what decides is the shape. What oras does is `pulls` or `refuses`. What aisoc must do:

    install   the plugin is there afterwards, byte for byte
    refuse    an error, and nothing was written
    either    outside what was promised to anybody; the outcome is shown, and must be one of the two

The rule behind the third column: what `oras pull` turns into a plugin installs, and what it refuses
is refused; but no links at all, and the readers of aisoc also take a plain tar, zstd, and an archive
that is alone and left packed.
"""

import gzip
import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse
import urllib.request

import reference

TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
CONTENT_DIGEST = "io.deis.oras.content.digest"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
PLUGIN_LAYER = "application/vnd.aisoc.plugin.v1.tar+gzip"
PLUGIN_TAR = "application/vnd.aisoc.plugin.v1+tar"
FILE = "application/octet-stream"

BASE = {
    "plugin.yaml": b'id: demo\nname: Demo\nversion: "1.0.0"\nplugin_type: enricher\n'
    b"description: A plugin in an unusual wrapping.\nauthor: Interop <interop@example.com>\n",
    "plugin.py": b"class Plugin:\n    def run(self, payload, context):\n        return {}\n",
    "sub/__init__.py": b"ANSWER = 42\n",
}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def signed(files, key):
    """`files` and the plugin.sig that the independent signer makes for them."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        reference.sign(root, key)
        return files | {"plugin.sig": (root / "plugin.sig").read_bytes()}


# --- tar ------------------------------------------------------------------------------------------


def entry(name, data=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    return info.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * (-len(data) % 512)


def directory(name):
    return entry(name, kind=tarfile.DIRTYPE)


def tar_of(files, prefix="demo/", extra=(), root=True, directories=True, padded=False):
    """Entries in order of name, two zero blocks and nothing after (unless `padded`, as tar does)."""
    parts = []
    made = set()
    if root and prefix:
        parts.append(directory(prefix))
    for name in sorted(files):
        parent = name.rpartition("/")[0]
        if directories and parent and parent not in made:
            made.add(parent)
            parts.append(directory(f"{prefix}{parent}/"))
        parts.append(entry(prefix + name, files[name]))
    data = b"".join([*parts, *extra]) + b"\0" * 1024
    return data + b"\0" * (-len(data) % 10240) if padded else data


def packed(tar):
    return gzip.compress(tar, mtime=0)


def layer(data, media_type=LAYER, **notes):
    names = {"title": TITLE, "unpack": UNPACK, "digest": CONTENT_DIGEST}
    return media_type, data, {names[key]: value for key, value in notes.items()}


def archive(tar, media_type=LAYER, title="demo", digest=None):
    """A gzipped tar layer with everything oras writes; `digest` when the note is to be another."""
    return layer(packed(tar), media_type, title=title, unpack="true", digest=digest or sha256(tar))


def undigested(tar, title="demo"):
    return layer(packed(tar), title=title, unpack="true")


def files_as_layers(files, prefix="", order=("plugin.yaml", "plugin.py", "sub/__init__.py", "plugin.sig")):
    return [layer(files[name], FILE, title=prefix + name) for name in order]


# --- the shapes -----------------------------------------------------------------------------------


def shapes(key):
    """(case, oras, aisoc, note, layers, config annotations)"""
    files = signed(BASE, key)
    tar = tar_of(files)
    unsigned = {name: data for name, data in files.items() if name != "plugin.sig"}
    twins = signed(BASE | {"a.py": b"SAME = 1\n", "b.py": b"SAME = 1\n"}, key)
    hollow = signed(BASE | {"__init__.py": b""}, key)
    readme = layer(b"# Demo\n", "text/markdown", title="README.md")
    attestation = layer(b'{"_type":"https://in-toto.io/Statement/v1"}', "application/vnd.in-toto+json")

    def link(name, target):
        return entry(name, kind=tarfile.SYMTYPE, link=target)

    pulls, refuses = "pulls", "refuses"
    install, refuse, either = "install", "refuse", "either"
    rows = [
        ("A", pulls, install, "as `oras push demo/` makes it", [archive(tar)]),
        ("A2", pulls, install, "no digest of the content", [undigested(tar)]),
        ("A3", refuses, refuse, "wrong digest of the content", [archive(tar, digest="sha256:" + "0" * 64)]),
        ("A4", pulls, install, "our media type", [archive(tar, PLUGIN_LAYER)]),
        ("A5", pulls, install, "media type says tar, bytes are gzip", [archive(tar, PLUGIN_TAR)]),
        ("A6", refuses, either, "padded tar, digest of the whole of it",
         [archive(tar_of(files, padded=True))]),
        ("A7", pulls, install, "padded tar, no digest", [undigested(tar_of(files, padded=True))]),
        ("A8", pulls, install, "digest that is no digest", [archive(tar, digest="zzz")]),
        ("B", refuses, install, "plain tar to unpack (our readers take it)",
         [layer(tar, PLUGIN_TAR, title="demo", unpack="true", digest=sha256(tar))]),
        ("C", pulls, install, "one untitled plugin tar (oras leaves the directory empty)",
         [layer(tar, PLUGIN_TAR)]),
        ("C2", pulls, refuse, "a tar file that is not to be unpacked",
         [layer(tar, PLUGIN_TAR, title="plugin.tar")]),
        ("D", refuses, refuse, "names without the title in front", [archive(tar_of(files, "./"))]),
        ("E", pulls, install, "title `.`, names begin with ./", [archive(tar_of(files, "./"), title=".")]),
        ("E2", pulls, install, "title `.`, bare names", [archive(tar_of(files, ""), title=".")]),
        ("F", refuses, install, "no directory entries at all (the recorded oras pulled it)",
         [archive(tar_of(files, root=False, directories=False))]),
        ("F2", pulls, install, "no entry for the root directory", [archive(tar_of(files, root=False))]),
        ("G", pulls, install, "one layer for each file", files_as_layers(files)),
        ("G2", pulls, install, "one layer for each file, below demo/", files_as_layers(files, "demo/")),
        ("G3", pulls, install, "two files of the same content",
         files_as_layers(twins, order=("a.py", "b.py", "plugin.yaml", "plugin.py", "sub/__init__.py", "plugin.sig"))),
        ("G4", pulls, install, "an empty file",
         files_as_layers(hollow, order=("__init__.py", "plugin.yaml", "plugin.py", "sub/__init__.py", "plugin.sig"))),
        ("H", refuses, refuse, "title climbs out", [*files_as_layers(files), layer(b"evil", FILE, title="../evil")]),
        ("H2", refuses, refuse, "absolute title",
         [*files_as_layers(files), layer(b"evil", FILE, title="/tmp/aisoc-interop-evil")]),
        ("I", pulls, refuse, "link inside the tree (we take no links)",
         [archive(tar_of(files, extra=[link("demo/link.py", "plugin.py")]))]),
        ("I2", refuses, refuse, "link out of the tree",
         [archive(tar_of(files, extra=[link("demo/link.py", "/etc/passwd")]))]),
        ("I3", refuses, refuse, "an entry with `..`",
         [archive(tar_of(files, extra=[entry("demo/../evil.py", b"evil\n")]))]),
        ("J", pulls, refuse, "unpack=True is not `true`",
         [layer(packed(tar), title="demo", unpack="True", digest=sha256(tar))]),
        ("K", pulls, install, "an untitled attestation and a titled README beside it",
         [archive(tar), attestation, readme]),
        ("L", refuses, refuse, "one title twice",
         [*files_as_layers(files), layer(b"id: other\n", FILE, title="plugin.yaml")]),
        ("M", pulls, install, "the config has a title too", [archive(tar)], {TITLE: "config.json"}),
        ("N", pulls, refuse, "no layers", []),
        ("O", refuses, either, "a nested file whose directory has no entry",
         [archive(tar_of(files, directories=False))]),
        ("P", pulls, either, "title of two components",
         [undigested(tar_of(files, "plugins/demo/", root=False), title="plugins/demo")]),
        ("Q", pulls, install, "plugin.sig as its own layer beside the tar",
         [undigested(tar_of(unsigned)),
          layer(files["plugin.sig"], "application/vnd.aisoc.plugin.signature.v1", title="demo/plugin.sig")]),
        # Beyond the file of cases: what our own readers promise, and what nobody should accept.
        ("X1", refuses, install, "a zstd layer (our readers take it)", zstd_layers(tar)),
        ("X2", pulls, refuse, "two plugins in one tar",
         [archive(tar_of({f"one/{n}": d for n, d in files.items()} | {f"two/{n}": d for n, d in files.items()}, ""),
                  title=".")]),
        ("X3", refuses, refuse, "hard link",
         [archive(tar_of(files, extra=[entry("demo/hard.py", kind=tarfile.LNKTYPE, link="/etc/passwd")]))]),
        ("X4", pulls, refuse, "device node", [archive(tar_of(files, extra=[entry("demo/null", kind=tarfile.CHRTYPE)]))]),
        ("X5", pulls, refuse, "one name twice in the tar",
         [archive(tar_of(files, extra=[entry("demo/plugin.py", files["plugin.py"])]))]),
        ("Y1", pulls, install, "an archive that nothing says to unpack, the only layer (oras leaves it packed)",
         [layer(packed(tar), title="demo.tgz")]),
        ("Y2", pulls, install, "the same under the type that oras gives to files",
         [layer(packed(tar), "application/vnd.oci.image.layer.v1.tar", title="demo.tgz")]),
        ("Y3", pulls, refuse, "the same beside another file", [layer(packed(tar), title="demo.tgz"), readme]),
        ("X6", refuses, refuse, "the layer ends too early", [layer(packed(tar)[:-20], title="demo", unpack="true")]),
    ]
    for case, oras, aisoc, note, layers, *config in rows:
        if layers is not None:
            yield case, oras, aisoc, note, layers, (config[0] if config else {})


def zstd_layers(tar):
    if shutil.which("zstd") is None:
        return None
    squeezed = subprocess.run(["zstd", "-q", "-c"], input=tar, stdout=subprocess.PIPE, check=True).stdout
    return [layer(squeezed, "application/vnd.aisoc.plugin.v1.tar+zstd", title="demo", unpack="true",
                  digest=sha256(tar))]


# --- a registry over HTTP -------------------------------------------------------------------------


def request(method, url, data=None, media_type=FILE):
    headers = {"Content-Type": media_type} if data is not None else {}
    ask = urllib.request.Request(url, data=data, method=method, headers=headers)
    return urllib.request.urlopen(ask, timeout=30)


def push_blob(base, data):
    start = request("POST", f"{base}/blobs/uploads/", b"").headers["Location"]
    url = urllib.parse.urljoin(base, start)
    request("PUT", f"{url}{'&' if '?' in url else '?'}digest={sha256(data)}", data)
    return {"digest": sha256(data), "size": len(data)}


def push_artifact(host, name, layers, config_notes):
    base = f"http://{host}/v2/shapes/{name.lower()}"
    config = {"mediaType": "application/vnd.oci.empty.v1+json"} | push_blob(base, b"{}")
    if config_notes:
        config["annotations"] = config_notes
    descriptors = []
    for media_type, data, notes in layers:
        descriptor = {"mediaType": media_type} | push_blob(base, data)
        if notes:
            descriptor["annotations"] = notes
        descriptors.append(descriptor)
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "artifactType": "application/vnd.aisoc.plugin.v1",
        "config": config,
        "layers": descriptors,
    }
    request("PUT", f"{base}/manifests/v1", json.dumps(manifest).encode(), manifest_type)


# --- commands -------------------------------------------------------------------------------------


def push(host, key):
    for case, oras, aisoc, note, layers, config_notes in shapes(key):
        push_artifact(host, case, layers, config_notes)
        print(case.lower(), oras, aisoc, note, sep="\t")


def contents(folder, key):
    for name, data in signed(BASE, key).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def compare(cases_path):
    """The cases were recorded with one release of oras; here stands what today's does. Where the two
    differ is shown, and is no error: `checks/interop/run` asks the real oras."""
    with tempfile.TemporaryDirectory() as folder:
        reference.keygen(f"{folder}/k")
        built = {case: row for case, *row in shapes(pathlib.Path(f"{folder}/k.key"))}
    rows = json.loads(cases_path.read_text())["rows"]
    missing = 0
    for row in rows:
        case = row["case"].split()[0]
        recorded = "pulls" if row["exit"] == 0 else "refuses"
        if case not in built:
            missing += 1
            print(f"{row['case']}: not built here")
        elif built[case][0] != recorded:
            print(f"{row['case']}: recorded `{recorded}`, here `{built[case][0]}`")
    print(f"{len(rows) - missing} of {len(rows)} recorded shapes are built")
    return missing == 0


def main(arguments):
    match arguments:
        case ["push", host, key]:
            push(host, pathlib.Path(key))
        case ["contents", folder, key]:
            contents(pathlib.Path(folder), pathlib.Path(key))
        case ["compare", cases]:
            return 0 if compare(pathlib.Path(cases)) else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
