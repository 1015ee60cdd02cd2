#!/usr/bin/env python3
"""Seeds for the fuzz targets: what tests already know, cut to what each target reads.

    seeds.py [CORPUS]        CORPUS: the directory to fill, default corpus/ beside this script

Reads the test vectors beside the repository (../shared) when they are there, else the public copies
in testdata/. The same vectors give the same files; files that are there already stay.
"""

import base64
import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
VECTORS = SHARED / "vectors"
PUBLIC = HERE.parent / "testdata" / "vectors"
# Of thousands of similar documents so many are enough: a fuzzer makes the others.
MOST_DOCUMENTS = 300

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
PLUGIN_TYPE = "application/vnd.aisoc.plugin.v1"
TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
DIGEST = "sha256:" + hashlib.sha256(b"").hexdigest()


def vectors(name):
    """A file of vectors, or nothing where there is none."""
    for folder in (VECTORS, PUBLIC):
        if (folder / name).is_file():
            return json.loads((folder / name).read_text(encoding="utf-8"))
    return None


def thinned(rows):
    return rows[:: max(1, len(rows) // MOST_DOCUMENTS)]


def manifests(public, tables):
    for vector in public["vectors"]:
        for name, body in vector["files"].items():
            if name in ("plugin.yaml", "aisoc-plugin.json"):
                yield base64.b64decode(body)
    for row in thinned(tables["yaml_documents"]["rows"]) + thinned(tables["json_documents"]["rows"]):
        yield base64.b64decode(row["d"])
    scalars = [row["s"] for row in tables["yaml_scalars"]["rows"]]
    for start in range(0, len(scalars), 8):
        yield "".join(f"k{n}: {text}\n" for n, text in enumerate(scalars[start:start + 8])).encode()


def json_documents(public, tables):
    for vector in public["vectors"]:
        if "aisoc-plugin.json" in vector["files"]:
            yield base64.b64decode(vector["files"]["aisoc-plugin.json"])
    for row in thinned(tables["json_documents"]["rows"]):
        yield base64.b64decode(row["d"])
    floats = [row["j"] for row in tables["floats"]["rows"]]
    for start in range(0, len(floats), 16):
        yield f"[{','.join(floats[start:start + 16])}]".encode()


def signatures(public):
    for vector in public["vectors"]:
        if vector.get("plugin_sig") is not None:
            yield base64.b64decode(vector["plugin_sig"])
        if made := vector["expect"].get("signature_hex"):
            yield made.encode()
    yield bytes(range(64))


def pem_files(public):
    for key in public["keys"].values():
        yield key["private_pem"].encode()
        yield key["public_pem"].encode()
        yield bytes.fromhex(key["seed_hex"])
    for vector in public["vectors"]:
        for body in (vector.get("keys_dir") or {}).values():
            if body is not None:
                yield base64.b64decode(body)
    # RFC 8410 around points that are none, or of small order, or not reduced.
    for y in (0, 1, 2, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255):
        raw = y.to_bytes(32, "little")
        body = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + raw).decode()
        yield f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode()


def trees(public):
    """Names and contents of small plugin directories."""
    for vector in public["vectors"]:
        if vector["name"].split("/")[0] in ("basic", "files", "pulled-tree"):
            yield {name: base64.b64decode(body)[:600] for name, body in vector["files"].items()}
    yield {"plugin.yaml": b"id: demo\n", "d" * 90 + "/" + "n" * 120: b"long", "caf\u00e9/x.py": b""}
    yield {"plugin.py": bytes(range(256)) * 5, "plugin.sig": b"0" * 128, "bin/run": b"#!/bin/sh\n"}


def archive(tree, title, form, mode=0o644):
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=form) as writer:
        folders = set()
        for name, body in tree.items():
            name = f"{title}/{name}" if title else name
            parts = name.split("/")
            for folder in ("/".join(parts[:depth]) for depth in range(1, len(parts))):
                if folder not in folders:
                    folders.add(folder)
                    entry = tarfile.TarInfo(folder)
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    writer.addfile(entry)
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body), mode
            writer.addfile(entry, io.BytesIO(body))
    whole = output.getvalue()
    # Two blocks of zeros, as we write it, without the padding to 10,240 bytes.
    return whole.rstrip(b"\0").ljust(-(-len(whole.rstrip(b"\0")) // 512) * 512, b"\0") + bytes(1024)


def archives(public):
    forms = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    for tree in trees(public):
        for title in (None, "demo"):
            for form in forms:
                try:
                    yield archive(tree, title, form)
                except (ValueError, UnicodeError):
                    pass  # a name that this format cannot hold
    yield archive({"plugin.py": b"x", "run": b"y"}, "demo", tarfile.USTAR_FORMAT, mode=0o755)
    tree = archive({"plugin.yaml": b"id: demo\n"}, None, tarfile.USTAR_FORMAT)
    # What `git archive` puts in front.
    comment = io.BytesIO()
    tarfile.open(fileobj=comment, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "c" * 40}).close()
    yield comment.getvalue()[:1024] + tree
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        entry = tarfile.TarInfo("demo/link")
        entry.type, entry.linkname = kind, "../canary"
        yield entry.tobuf() + tree
    yield tarfile.TarInfo("../canary").tobuf() + tree
    yield tarfile.TarInfo("plugin.yaml").tobuf() + tree  # a name twice
    for path in sorted(SHARED.glob("vendor/tar/*.tar")):
        if path.stat().st_size <= 64 << 10:
            yield path.read_bytes()


def layers(public):
    for body in archives(public):
        yield gzip.compress(body, mtime=0)
    body = archive({"plugin.yaml": b"id: demo\n"}, "demo", tarfile.USTAR_FORMAT)
    yield gzip.compress(body, compresslevel=0, mtime=0)
    yield gzip.compress(body, mtime=0) + gzip.compress(b"more", mtime=0)  # two members
    yield gzip.compress(body[:512], mtime=0) + gzip.compress(body[512:], mtime=0)
    yield gzip.compress(body, mtime=0) + b"rubbish"
    yield gzip.compress(bytes(2 << 20), mtime=0)  # a bomb
    yield gzip.compress(body, mtime=0)[:-4]


def oci_manifests():
    def document(layers, **more):
        config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": DIGEST, "size": 0}
        members = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers, **more}
        return json.dumps(members, separators=(",", ":")).encode()

    def layer(kind=f"{PLUGIN_TYPE}.tar+gzip", **annotations):
        return {"mediaType": kind, "digest": DIGEST, "size": 0, "annotations": annotations}

    yield document([layer()], artifactType=PLUGIN_TYPE)
    yield document([layer(**{TITLE: "demo", UNPACK: "true", "io.deis.oras.content.digest": DIGEST})])
    yield document([layer("text/plain", **{TITLE: name}) for name in ("plugin.yaml", "plugin.py", "a/b.py")])
    yield document([layer(**{TITLE: ".", UNPACK: "true"}), layer("application/json")])
    yield document([layer(**{TITLE: "../x"})])
    yield document([layer(**{TITLE: "x"}), layer(**{TITLE: "x"})])
    yield document([layer()], subject=layer(), annotations={"k": "v"})
    yield document([], manifests=[])
    yield b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    for row in (vectors("oras_shapes.json") or {"rows": []})["rows"]:
        yield document([{"digest": DIGEST, "size": 0, "mediaType": "x/y", **given} for given in row["layers"]])


def references(tables):
    for row in tables["oci_refs"]:
        if row["in"] is not None:
            yield row["in"].encode("utf-8", "surrogatepass")
    for text in ("oci:dir:v1", "oci-archive:a/b.tar:v1", f"oci:dir@{DIGEST}", f"ghcr.io/o/p:v1@{DIGEST}",
                 "[::1]:5000/x", "127.0.0.1:5000/team/plugin:1.2.3", "169.254.169.254/x", "oci:a:b/c:d"):
        yield text.encode()


def install_records():
    first = {"schema_version": 1, "id": "demo", "version": "1.0.0", "reference": "ghcr.io/o/p:v1", "digest": DIGEST,
             "tree_digest": DIGEST}
    last = {"installed_at": "2026-01-01T00:00:00Z"}
    record = {**first, "signature_status": "unsigned", **last}
    more = {"canonical_digest": DIGEST, "signature_status": "verified", "signing_key_id": "release", "coverage": "full"}
    for content in (record, {**first, **more, **last}):
        yield json.dumps(content).encode()
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        checksum = "sha256:" + hashlib.sha256(canonical).hexdigest()
        yield (json.dumps({**content, "checksum": checksum}, indent=2) + "\n").encode()
    yield json.dumps({**record, "schema_version": 2}).encode()
    yield json.dumps({**record, "unknown": None}).encode()


def lockfiles():
    members = ['id = "capa.one" # who', 'package = \'pack\'', 'version = "1.0"', 'entry_point = "pack:One"',
               'distribution_hash = "sha256:11"']
    two = ['source = "oci"', 'signed_by = ["SHA256:' + "b" * 64 + '"]', 'version_floor = "1.0"']
    table = "version = 1\n\n# first\n[[plugins]]\n" + "\n".join(members) + "\n"
    inline = "plugins = [\n  # one\n  { " + ", ".join(member.split(" #")[0] for member in members) + " }, # end\n]\n"
    for text in (table, table.replace("\n", "\r\n"), inline, inline.replace("}, # end", "}"), "version = 3\n",
                 table.replace("= 1\n", "= 2\n") + "\n".join(two), "<<<<<<< HEAD\n" + table):
        yield text.encode()


def statements(public):
    """What is said of keys: endorsements, sets, and envelopes of both."""
    pems = [key["public_pem"] for key in public["keys"].values()]
    raw = [base64.b64decode("".join(pem.split("\n")[1:-2]))[-32:] for pem in pems]
    keys = sorted((("SHA256:" + hashlib.sha256(key).hexdigest(), pem) for key, pem in zip(raw, pems)))
    keys = [key for at, key in enumerate(keys) if key[0] not in (before for before, _ in keys[:at])]
    (new, new_pem), old = keys[0], [name for name, _ in keys[1:]]
    begin, end = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
    notes = [None, {"schema_version": 2, "owner": "Ada", "not_after": end}, {"schema_version": 2, "may_sign": ["keyset"]},
             {"schema_version": 2, "scope": {"plugins": ["acme-*"]}, "coverage": "full"}]

    def endorsement(endorsers, required, **more):
        successor = {"fingerprint": new, "public_key_pem": new_pem}
        return {"schema_version": 1, "successor": successor, "endorsers": endorsers, "required": required,
                "issued_at": begin, "not_before": begin, "until": end, **more}

    def member(at, place, note):
        return {"id": f"key-{at}", "place": place, "fingerprint": keys[at][0], "pem": keys[at][1], "note": note}

    def keyset(members):
        return {"schema_version": 1, "name": "fleet", "version": 7, "issued_at": begin, "expires_at": end, "keys": members}

    def compact(document):
        return json.dumps(document, separators=(",", ":")).encode()

    def envelope(kind, payload, names):
        signature = base64.b64encode(bytes(64)).decode()
        return {"payload": base64.b64encode(payload).decode(), "payloadType": f"application/vnd.aisoc.{kind}.v1+json",
                "signatures": [{"keyid": name, "sig": signature} for name in names]}

    endorsements = [compact(endorsement(old[:1], 1)), compact(endorsement(old[:2], 1, comment="yearly"))]
    places = [member(0, "trusted", note) for note in notes]
    sets = [compact(keyset(members)) for members in ([], *([one] for one in places),
                                                     [member(0, "trusted", None), member(1, "revoked", notes[1])])]
    envelopes = [compact(envelope(kind, payload, names)) for kind, payload in
                 (("key-succession", endorsements[0]), ("keyset", sets[1])) for names in (old[:1], old[:2], [])]
    return endorsements, sets, envelopes


def locksets():
    """Locks as signed sets."""
    for lock in lockfiles():
        document = {"schema_version": 1, "name": "fleet", "version": 7, "issued_at": "2026-01-01T00:00:00Z",
                    "expires_at": "2027-01-01T00:00:00Z", "lock": lock.decode(errors="replace")}
        yield json.dumps(document, separators=(",", ":")).encode()


def journals():
    line = "2026-05-24T14:32:00.123456+02:00\tkey-revoke\tacme-2024\t-\tSHA256:" + "a1" * 32 + "\tstolen\\n\\u{7}\n"
    by_hand = "2026-05-24T14:32:00+02:00\trevoke\tcapa.contrib.my_procedure\t-\t-\trevoked: see ticket OPS-1290\n"
    context = b"aisoc-journal-chain/1\n"

    def digest(data):
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def chain_line(before, number, lines):
        fields = [before, str(number), digest(lines), digest(b""), "uid 0 (root)", "bench", "-"]
        hashed = b"".join(len(field).to_bytes(8, "big") + field.encode() for field in fields)
        link = digest(context + hashed)
        return link, f"{number}\t{link}\tuid 0 (root)\tbench\t-\n"

    first, one = chain_line(digest(context), 1, line.encode())
    second, two = chain_line(first, 3, (by_hand + line).encode())
    journal, chain = line + by_hand + line, one + two
    separator = "===\n"
    for text in (line, by_hand, journal, separator.join([journal, chain, f"3\t{second}\n"]),
                 separator.join([journal, chain, f"1\t{first}\n"]), separator.join([journal + "2026", chain + "4\tsha"]),
                 separator.join([line, one]), separator.join([line, one + "4\tsha\ttorn\n"])):
        yield text.encode()


def distributions():
    points = "[console_scripts]\nlab = lab:main\n\n[capa.procedures]\nlab.flux = lab.heat : Flux [fast]\n# x\n"
    metadata = "Metadata-Version: 2.1\nName: lab-heatflux\nVersion: 1.4.2\nSummary: a\n b\n\nText\n"
    record = "lab/__init__.py,sha256=abc,10\nlab-1.dist-info/RECORD,,\n"
    for texts in ([points, metadata, record], [points, metadata], [points], [points.replace(":", "")],
                  ["[stigmem.plugins]\u2028a=m:C\u0085[aisoc.plugins]\x1cb=m:C", metadata.replace("\n", "\r\n")],
                  [points, "\ufeff" + metadata], [points, metadata.replace("\n\n", "\nVersion: 2\n\n")]):
        yield "\0".join(texts).encode()


def registry_settings():
    own = 'client_certificate = "ci.pem"\nclient_key = "/etc/ci.key"\n'
    tables = [
        '[registry."r.example"]\nca = "corp.pem"\n' + own,
        '[registry."R.example:443"]\nplain_http = true\ncredentials = "none"\n',
        '[registry."docker.io"]\nmirrors = ["m.corp:5000", { registry = "c.corp/hub", resolve = true }]\nmirrors_only = true\n',
        '[registry."localhost:5000"]\nplain_http = false\ncredentials = "docker"\n',
        '[registry."m.corp:5000"]\nplain_http = true\nmirrors = ["docker.io/m"]\n',
    ]
    for text in (*tables, "".join(tables), 'certs_d = "/etc/docker/certs.d"\n' + tables[0],
                 '[registry]\n"ghcr.io" = { mirrors = ["[::1]:5000/a"] }\n', '[registry."u:p@r.example"]\nca = "~/x"\n',
                 '[registry."r.example"]\nmirrors = ["https://a.b", "r.example"]\n'):
        yield text.encode()


def proofs():
    """Bundles and trusted roots of others where they are there, else the members of a bundle."""
    yield from (file.read_bytes() for file in sorted((SHARED / "vendor" / "sigstore").glob("*/*.json")))
    material = {"publicKey": {"hint": ""}, "tlogEntries": [], "timestampVerificationData": {"rfc3161Timestamps": []}}
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}],
                 "predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    for version in ("+json;version=0.1", ".v0.3+json"):
        bundle = {"mediaType": "application/vnd.dev.sigstore.bundle" + version, "verificationMaterial": material}
        envelope = {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "AAAA"}]}
        yield json.dumps({**bundle, "dsseEnvelope": envelope}).encode()
        yield json.dumps({**bundle, "messageSignature": {"signature": "AAAA"}}).encode()


def timestamps():
    """A token of each kind of authority, and the file that names it."""
    yield from (file.read_bytes() for file in sorted((HERE.parent / "testdata" / "timestamps").glob("*.[pt]*")))


def main(corpus):
    public, tables = vectors("public.json"), vectors("tables_public.json")
    endorsements, sets, envelopes = statements(public)
    seeds = {
        "manifest": manifests(public, tables),
        "canonical_json": json_documents(public, tables),
        "signature": signatures(public),
        "pem": pem_files(public),
        "tar_walk": archives(public),
        "gzip": layers(public),
        "zstd": archives(public),  # the target packs them itself
        "oci_manifest": oci_manifests(),
        "reference": references(tables),
        "install_record": install_records(),
        "journal": journals(),
        "lockfile": lockfiles(),
        "distribution": distributions(),
        "envelope": envelopes,
        "endorsement": endorsements,
        "keyset": sets,
        "lockset": locksets(),
        "registry_settings": registry_settings(),
        "proof": proofs(),
        "timestamp": timestamps(),
    }
    for target, contents in seeds.items():
        folder = corpus / target
        folder.mkdir(parents=True, exist_ok=True)
        named = {hashlib.sha1(content).hexdigest(): content for content in contents}
        for name, content in named.items():
            (folder / name).write_bytes(content)
        print(f"{target}: {len(named)} seeds")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus")
