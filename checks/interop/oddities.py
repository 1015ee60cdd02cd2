#!/usr/bin/env python3
"""Plugin directories that are easy to read differently: oddities.py OUT writes one directory each.

Everything here is legal for somebody's YAML or JSON parser. The two programs that read it must
either compute the same digest or both refuse."""

import pathlib
import sys

HEAD = "id: odd\nname: Odd\nversion: '1.0'\nplugin_type: enricher\n"
CODE = b"class Plugin:\n    def run(self, payload, context):\n        return {}\n"


def yaml(body, head=HEAD, **files):
    return {"plugin.yaml": head + body, "plugin.py": CODE} | files


def json_manifest(body, **files):
    return {"aisoc-plugin.json": body, "plugin.py": CODE} | files


PLUGINS = {
    "plain": yaml(""),
    "booleans": yaml("a: [yes, No, on, OFF, True, y, n, oN, ~, null, Null, nULL]\n"),
    "integers": yaml("a: [0, -0, 010, 08, 0o17, 0x1F, 0b101, 1_000, 1:30, 190:20:30, +12, 0_]\n"),
    "floats": yaml("a: [1., 1.5, .5, -.5, 1e5, 1e+5, 1.0e5, 1.0e+5, 1.e+3, 1:30.5, .inf, -.INF, .nan, 1_0.5_0]\n"),
    "float-text": yaml("a: [0.0001, 0.00001, 1.0e+15, 1.0e+16, 123456789012345680.0, -0.0, 5.0e-324, 0.1]\n"),
    "big-integer": yaml("a: 123456789012345678901234567890123456789012345678901234567890\n"),
    "version-unquoted": yaml("", head="id: odd\nname: Odd\nversion: 1.10\nplugin_type: enricher\n"),
    "date": yaml("a: 2026-01-31\n"),
    "date-time": yaml("a: 2026-01-31T10:00:00Z\n"),
    "bad-date": yaml("a: 2026-02-31\n"),
    "unicode": yaml("a: \"caf\u00e9 \U0001f600 \\u2028 \\x7f /\"\n\u00fc: \u4e2d\u6587\n"),
    "surrogates": yaml('a: "\\ud83d\\ude00 \\udc80"\n'),
    "key-order": yaml("\U0001f600: 1\n\uff5e: 2\nz: 3\nZ: 4\n\u00e9: 5\n"),
    "number-keys": yaml("a: {10: x, 9: y, 1.5: z, -1: w}\n"),
    "mixed-keys": yaml("a: {1: x, b: y}\n"),
    "boolean-key": yaml("a: {yes: x}\nb: {~: x}\n"),
    "equal-keys": yaml("a: {1: one, 1.0: float, true: bool}\n"),
    "duplicate-keys": yaml("a: first\na: second\n"),
    "anchors": yaml("a: &x {k: [1, 2]}\nb: *x\nc: [*x, *x]\n"),
    "anchor-twice": yaml("a: &x 1\nb: &x 2\n"),
    "merge": yaml("base: &b {k: 1, l: 2}\nover: &o {k: 9}\nc: {<<: [*o, *b], l: 3}\nd: {'<<': *b}\n"),
    "tags": yaml("a: !!str 12\nb: !!int '12'\nc: ! '12'\nd: !!float 1\ne: !!omap [x: 1, y: 2]\n"),
    "binary": yaml("a: !!binary aGVsbG8=\n"),
    "unknown-tag": yaml("a: !thing 1\n"),
    "block-scalars": yaml("a: |+\n  one\n\n  two\n\nb: >-\n  folded\n  text\n\n    more\n  end\nc: |2\n   x\n"),
    "line-folds": yaml("a: one\n  two\n\n  three\nb: 'x\n\n  y'\nc: \"p \\\n  q\"\n"),
    "tab": yaml("a:\t1\n"),
    "crlf": yaml("a: 1\r\nb: |\r\n  x\r\n  y\r\n"),
    "byte-order-mark": yaml("a: 1\n", head="\ufeff" + HEAD),
    "two-documents": yaml("---\na: 1\n"),
    "directive": yaml("a: 1\n", head="%YAML 1.1\n---\n" + HEAD),
    "flow": yaml("a: {x, 'y':1, z: [k: v, {a:1}, ]}\n"),
    "comment-in-value": yaml("a: x#y # comment\nb: 'z'#no\n"),
    "stripped-keys": yaml("signature: {a: 1}\ntrust: high\nnested: {signature: 1, trust: 2}\n"),
    "sequence-root": {"plugin.yaml": "- a\n- b\n", "plugin.py": CODE},
    "empty": {"plugin.yaml": "", "plugin.py": CODE},
    "not-utf-8": {"plugin.yaml": HEAD.encode() + b"a: \xff\n", "plugin.py": CODE},
    "files": yaml("", **{"pkg/__init__.py": b"", "pkg/.hidden.py": b"1\n", "tests/__pycache__/x.py": b"2\r\n",
                         ".py": b"3", "a b\u00e9.py": b"4", "x.py/y.py": b"5"}),
    # Only the digest is compared: the signature does not cover that file, which a host might load.
    "digest-only-upper-case": yaml("", **{"UPPER.PY": b"6"}),
    "json": json_manifest('{"id": "odd", "name": "Odd", "version": "1.0", "plugin_type": "enricher", "a": [1e5, 1.0, -0, -0.0]}'),
    "json-oddities": json_manifest('{"a": [NaN, Infinity, 1e400, "\\ud83d\\ude00", "\\ud800"], "b": 1, "b": 2, "c": 100000000000000000000000}'),
    "json-comment": json_manifest('{"a": 1, /* no */ "b": 2}'),
    "json-array": json_manifest("[1, 2]"),
    "both-manifests": yaml("", **{"aisoc-plugin.json": "{}"}),
}


def main(out):
    for name, files in PLUGINS.items():
        for file, content in files.items():
            path = pathlib.Path(out, name, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


if __name__ == "__main__":
    main(sys.argv[1])
