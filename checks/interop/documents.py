"""Manifests that nobody wrote, for `differential.py`.

A generator gives the same documents for the same seed, on every machine. Half of them are valid on
purpose, written by a small emitter that uses every style YAML 1.1 has; the others are cut, spliced
and sprinkled with everything that has a meaning, since readers part where nothing is valid any more.
"""

import base64
import json
import pathlib
import random

TABLES = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "vectors" / "tables_public.json"

YAML, JSON = "y", "j"

# Plain scalars of every type, near misses of every type, and words that are keys of manifests.
PLAIN = """
~ null Null NULL nULL yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE y n Y N tRUE
0 1 -1 +1 00 -0 012 0o7 08 09 0b11 0b_ 0B1 0x1F 0xfF 0x_ 0X1F 0xg 1_000 1__0 _1 1_ +0x1F -0b1 9007199254740993
123456789012345678901234567890 1:30 0:30 190:20:30 1:60 -1:30 1:30.5 190:20:30.15 1:2:3.
1.0 1. .5 -.5 +.5 . .. 1.5 -1.5 1e5 1e+5 1.e+3 1.0e5 1.0e+5 1.5e-7 1.0E-5 1.0e+400 5.0e-324 1.0e-400 1_0.5_0 0.1
685.230_15e+03 -0.0 0.0 100000000000000000000.0 1.0e+16 1.0e+15 9999999999999998.0 0.0001 0.00001
.inf -.inf +.Inf .INF .iNF .nan .NaN .NAN -.nan inf nan
2001-01-01 2001-1-1 2001-02-30 0000-01-01 2001-13-01 2001-01-01T1:2:3Z 2001-01-01t01:02:03.123456789
= == << < > - -- --- ... ? : x abc it's a-b a:b http://h:1/x#y x#y @x `x %x
id name version plugin_type enricher trust signature plugin.py demo.one
""".split() + ["2001-01-01 01:02:03.5 +1:30", "a b", "a  b", "a #c", "- x", "k: v", "", "\u00e9", "\U0001f600",
                "a\u00a0b", "\uff11\uff12", "\u0663", "\ufeff", "\ue000", "\ufffd"]

# What can stand anywhere.
YAML_FRAGMENTS = PLAIN + [
    "\n", "\n  ", "\n    ", " ", "  ", "\t", ":", ": ", " :", "- ", "\n- ", "? ", "\n? ", "\n: ", "[", "]", "{", "}",
    ",", ", ", "#", " #c", "&a ", "&b ", "*a", "*b", "*a ", "<<: *a", "\n<<: *a\n", "<<: [*a, *b]", "= : 1", "! ",
    "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!set ", "!!omap ", "!!pairs ", "!!binary ",
    "!!timestamp ", "!!map ", "!!seq ", "!!value ", "!!merge ", "!<tag:yaml.org,2002:int> ", "!e!int ", "!x ", "!<!> ",
    "!%69nt ", "!!python/none ", "|", "|\n  x\n", ">", ">-\n  a\n  b\n\n  c\n", "|2\n", "|+\n", "|-1\n", "|1+ #c\n",
    ">0", "'", "''", '"', "\\", "\\n", "\\x41", "\\ud83d", "\\ude00", "\\U0001F600", "\\U00110000", "\\\n", "\\N",
    "\\/", "\\q", "\\e", "\\_", "\n---\n", "\n--- ", "\n...\n", "%YAML 1.1\n---\n", "%YAML 1.2\n", "%YAML 2.0\n",
    "%TAG !e! tag:yaml.org,2002:\n---\n", "%FOO bar\n---\n", "%", "@", "`", "\ufeff", "\x85", "\u2028", "\u2029",
    "\xa0", "\r", "\r\n", "\x7f", "\0", "\x01", "\x1b", "\ufffe", "\uffff", "{a: 1}", "[a: 1]", "{a}", "{? a : b}",
    "[? a : b]", '{"a":1}', "{a:1}", "\na: b\n", "1: 2", "true: 1\n1.0: 2\n", "\n? [a]\n: b\n", "  - x\n", '"12\\n"',
]
JSON_FRAGMENTS = [
    "{", "}", "[", "]", ":", ",", '"', "\\", "\\u", "\\ud83d", "\\ude00", "\\uDC00", "\\u00e", "\\n", "\\x", "\\/", " ",
    "\n", "\r\n", "\t", "\0", "\x1f", "\x7f", "\xe9", "\U0001f600", "\u2028", "\ufeff", "0", "-", "-0", "-0.0", "01",
    "1.", ".5", "1.5", "1e5", "1E+5", "1e-5", "1e", "1e400", "-1e400", "5e-324", "1e16", "123456789012345678901234567890",
    "NaN", "Infinity", "-Infinity", "null", "true", "false", "nul", "True", '"a"', '"a":1', ',"a":2', "{}", "[]",
    "//c", "/**/", "'a'", "+1", "0x1", "\xa0", "\uff11",
]
# What double quotes can hold, line breaks and their folding included.
QUOTED_PARTS = [
    "a", " ", "\u00e9", "\\t", "\\x41", "\\u00e9", "\\ud83d\\ude00", "\\U0001F600", "\\n", '\\"', "\\\\", "\\/", "\\N", "\\_",
    "\\L", "\\e", "\\0", "\\\n  ", "\n  ", "\n\n  ", ":", " #", "'", "{", "\u2028", "\t",
]
# Keys that are equal, ordered or incomparable in ways of their own.
ODD_KEYS = """
0 1 1.0 true false 0.0 -0.0 -1 2 1.5 1e5 .inf -.inf .nan -.nan 9007199254740993 9007199254740992.0 1.0e+30 0x10 16
123456789012345678901234567890 1:30 90.0 yes -5 3 4 5.5 7 10 100 1_0 010 8
""".split() + ["!!float nan", "!!float -nan", "&n !!float nan"]
MERGE_MEMBERS = [
    "<<: *A", "<<: [*A, *B]", "<<: [*B, *A, *A]", "a: 1", "b: 2", "a: *A", "c: [*B]", "? &e =\n  : 1", "f: *e",
    "? &k <<\n  : *A", "g: *k", "<<: {a: 3, <<: *B}", '"<<": 4', "<<: x", "<<: []", "<<: [x]", "!!merge m: *A",
    "!!value v: 5", "h: !!set {a, <<: *B}", "i: !!omap [{a: *A}]", "j: !!str {=: x}", "l: !!int {=: 12, a: 1}",
    "1: x", "1.0: y",
]
TAGS = ["int", "float", "bool", "null", "str", "binary", "timestamp", "int", "float", "timestamp"]
TAGGED_PARTS = [
    "0", "1", "12", "59", "60", "-", "+", "_", ".", ":", ":30", "0x", "0b", "0o", "0X1F", "ff", "e5", "E+5", "e-7",
    "inf", "Infinity", "nan", ".nan", ".inf", " ", "\\t", "\\n", "\\x1c", "\\u00a0", "\uff11", "\u0663", "\U0001d7d8",
    "yes", "Off", "TRUE", "2001", "-01", "-1", "-02-30", "2001-01-01", "T", "t", "1:2:3", "01:02:03", ".123456789",
    "Z", "+1", "-23:59", "+24:00", "aGk", "=", "==", "\u00e9",
]
MANIFEST = """\
# {c}
id: {id}
name: {s}
version: {v}
plugin_type: enricher
description: >
  {t}
  {t}

  {t}
author: "{q} <a@example.com>"
license: Apache-2.0
homepage: https://example.com/{w}#readme
entry_point: plugin.py
capabilities: [{w}, {w}.read, "{q}"]
tags:
- {s}
- '{w}'
config_schema: &schema
  type: object
  required: [api_key, {w}]
  properties:
    api_key: {{type: string, title: "{q}", secret: {s}}}
    timeout:
      type: integer   # seconds
      default: {s}
      minimum: {v}
    ? {w}
    : *schema2
defaults: &schema2 {{retries: {s}, ratio: {v}, {o}: {s}}}
notes: |-
    {t}
      {t}
    {c}
signature: {{alg: ed25519, value: {w}}}
trust: {s}
"""


class Documents:
    """One stream of documents."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        tables = json.loads(TABLES.read_text(encoding="utf-8"))
        valid = {name: [base64.b64decode(row["d"]) for row in tables[name]["rows"] if "e" not in row]
                 for name in ("yaml_documents", "json_documents")}
        self.yaml, self.json = valid["yaml_documents"], valid["json_documents"]
        # Without those that are no values, which would spoil most documents.
        self.scalars = [row["s"] for row in tables["yaml_scalars"]["rows"] if "j" in row]

    def next(self):
        """A kind and a document."""
        make = self.pick([self.written, self.written, self.written, self.manifest, self.manifest, self.recorded,
                          self.recorded, self.made_up, self.odd_keys, self.merges, self.tagged])
        if self.chance(8):
            return JSON, self.json_document()
        return YAML, make()

    def pick(self, choices):
        return choices[self.random.randrange(len(choices))]

    def chance(self, one_in):
        return self.random.randrange(one_in) == 0

    def joined(self, choices, most):
        return "".join(self.pick(choices) for _ in range(self.random.randint(1, most)))

    # --- what is valid on purpose -------------------------------------------------------------------

    def written(self):
        """A mapping in a mixture of styles."""
        self.anchors = 0
        text = self.pick(["", "", "", "\ufeff", "# c\n", "---\n", "%YAML 1.1\n---\n", "--- # c\n"])
        text += self.block_mapping(0, 0) + self.pick(["", "", "", "...\n", "# end", "\n\n", "...\n# c\n"])
        if self.chance(12):
            text = text.replace("\n", self.pick(["\r\n", "\r", "\x85"]))
        return text.encode("utf-8", "surrogatepass")

    def manifest(self):
        """What a plugin.yaml looks like, with odd values; sometimes mutated."""
        values = {"c": "c", "id": self.pick(["demo.one", "demo", '"x"', "a-b_c"]), "s": self.scalar(True),
                  "v": self.pick(self.scalars), "w": self.pick(["x", "api", "read"]),
                  "t": self.pick(["some words", "it's", "a: b", "# x"]),
                  "q": self.pick(["\u00e9", "a\\tb", "\\u00e9", "x", "\\ud83d\\ude00", "a b"]),
                  "o": "on" if self.chance(20) else "'on'"}
        content = MANIFEST.format(**values)
        if not self.chance(8):
            content = content.replace("    ? ", "    ").replace("\n    : *schema2", ": 1")
        content = content.encode("utf-8", "surrogatepass")
        return self.mutated([content], YAML_FRAGMENTS) if self.chance(2) else content

    def block_mapping(self, indent, depth):
        text = ""
        for number in range(self.random.randint(1, 4)):
            key = self.key(indent, number)
            text += " " * indent + key + self.pick([":", ":", ":", " :"]) + self.block_value(indent, depth)
            if self.chance(10):
                text += self.pick(["\n", " " * indent + "# c\n", "   \n", "#\n"])
        return text

    def key(self, indent, number):
        if self.chance(6):
            odd = ['"k{0}"', "'k{0}'", "!!str k{0}", "k {0}", "k{0} ", "? k{0}\n{1}"]
            odd += ["? - k{0}\n{1}"] if self.chance(9) else []
            return self.pick(odd).format(number, " " * indent)
        if self.chance(30):
            return self.pick(self.scalars) or "k"
        return self.pick(["k", "z", "A", "_", "id", "name", "\u00e9", "\U0001f600", "\ufffd"]) + str(number)

    def properties(self):
        """Sometimes an anchor or a tag."""
        if not self.chance(8):
            return ""
        self.anchors += 1
        return self.pick([f"&a{self.anchors} ", f"&a{self.anchors} ", "!!str ", "! "])

    def block_value(self, indent, depth):
        """What follows the colon, with its line's end."""
        inner = indent + self.random.randint(1, 4)
        choice = self.random.randrange(12)
        if depth < 4 and choice == 0:
            return "\n" + self.block_mapping(inner, depth + 1)
        if depth < 4 and choice <= 2:
            at = self.pick([indent, inner])
            items = range(self.random.randint(1, 3))
            return "\n" + "".join(" " * at + "-" + self.item(at, depth + 1) for _ in items)
        if choice == 3:
            return " " + self.properties() + self.flow(depth) + self.comment() + "\n"
        if choice == 4:
            return " " + self.block_scalar(indent) + "\n"
        if choice == 5 and self.anchors:
            return f" *a{self.random.randint(1, self.anchors)}\n"
        return " " + self.properties() + self.scalar(False) + self.comment() + "\n"

    def item(self, indent, depth):
        if depth < 4 and self.chance(4):
            # A mapping on the dash's own line.
            first, *rest = self.block_mapping(indent + 2, depth + 1).splitlines(keepends=True)
            return " " + first.lstrip(" ") + "".join(rest)
        return self.block_value(indent, depth)

    def comment(self):
        return self.pick(["", "", "", " # c", "  #c: [", " "])

    def flow(self, depth):
        space = self.pick(["", " ", "\n     "])
        if depth > 4 or self.chance(3):
            return self.pick(["[]", "{}", "[ ]", "{ }"])
        count = self.random.randint(1, 4)
        values = [self.flow(depth + 1) if self.chance(4) else self.scalar(True) for _ in range(count)]
        if self.chance(2):
            return "[" + space + f",{space or ' '}".join(values) + self.pick(["", ","]) + space + "]"
        keys = ["a{}: ", '"c{}": ', '"d{}":', "'e{}' : ", "? f{} : "]
        pairs = [self.pick(keys).format(number) + value for number, value in enumerate(values)]
        return "{" + space + f",{space or ' '}".join(pairs) + self.pick(["", ",", ", x"]) + space + "}"

    def scalar(self, in_flow):
        choice = self.random.randrange(10)
        if choice < 5:
            text = self.pick(PLAIN if self.chance(30) else self.scalars)
            return self.single_quoted(text) if in_flow and any(mark in text for mark in ",[]{}?") else text
        if choice == 5:
            return self.single_quoted(self.pick(PLAIN))
        if choice < 8:
            return '"' + self.joined(QUOTED_PARTS, 6) + '"'
        if choice == 8:
            # A plain scalar over several lines.
            return "a b\n     c" if in_flow else "some words\n       go on\n\n       and on"
        return self.pick(["!!str 12", "!!int '12'", "!!float 1", "!!bool 'yes'", "!!null ''", "! 'x'", '! "12"', "plain"])

    def single_quoted(self, text):
        return "'" + text.replace("'", "''") + "'"

    def block_scalar(self, indent):
        header = self.pick("|>") + self.pick(["", "", "-", "+", "-", "2", "2-", "+1"]) + self.pick(["", "", " # c"])
        inner = indent + 2
        lines = [" " * inner + self.pick(["text", "a: b", "# no comment", "  more", "'", "\ttab", "", "\u00e9"])
                 for _ in range(self.random.randint(1, 5))]
        lines = ["" if line.isspace() else line for line in lines]
        return header + "\n" + "\n".join([" " * inner + "x", *lines]) + self.pick(["", "\n", "\n\n"])

    # --- what is mostly not -------------------------------------------------------------------------

    def recorded(self):
        return self.mutated(self.yaml, YAML_FRAGMENTS)

    def made_up(self):
        """Fragments in a row, or a few lines of one or two each."""
        text = self.pick(["", "k: ", "k:\n  ", "a: &a {x: 1}\nb: &b {y: 2}\n",
                          "%TAG !e! tag:yaml.org,2002:\n---\nk: !e!int "])
        if self.chance(2):
            return (text + self.joined(YAML_FRAGMENTS, 9)).encode("utf-8", "surrogatepass")
        for _ in range(self.random.randint(1, 3)):
            text += self.pick(["\nk: ", "\nv:\n- ", "\n? ", "\nf: [", "\nw: !!", "\n", '\nq: "', "\nb: >\n  "])
            text += self.joined(YAML_FRAGMENTS, 2) + self.pick(["", "", "]", '"', " x"])
        return text.encode("utf-8", "surrogatepass")

    def odd_keys(self):
        """One mapping whose keys are mostly numbers, some of them equal and some of them NaN."""
        text = "m:\n"
        for number in range(self.random.randint(1, 9)):
            text += f"  ? {self.pick(ODD_KEYS)}\n  : {number}\n"
        if self.chance(6):
            text += self.pick(["  ? x\n  : y\n", "  ? null\n", "  ? 2001-01-01\n", "  ? [a]\n", "  ? *n\n  : again\n"])
        return text.encode()

    def merges(self):
        """Mappings that merge each other, themselves included, and share nodes."""
        text, names = "", ["p", "q", "r"]
        for defined, name in enumerate(names):
            text += f"{name}: &{name}\n"
            for _ in range(self.random.randint(1, 4)):
                members = [member for member in MERGE_MEMBERS if self.chance(9) or not self.is_dangling(member, text)]
                member = self.pick(members)
                for alias in ("*A", "*B"):
                    member = member.replace(alias, f"*{names[self.random.randint(0, defined)]}")
                text += f"  {member}\n"
        return text.encode()

    def is_dangling(self, member, text):
        """Whether it names an anchor that is not there yet, or sets one that is."""
        return any(f"*{name}" in member and f"&{name} " not in text or f"&{name} " in member and f"&{name} " in text
                   for name in "ek")

    def tagged(self):
        """A scalar with an explicit tag, in quotes."""
        tag = "! " if self.chance(5) else f"!!{self.pick(TAGS)} "
        text = "" if self.chance(6) else self.joined(TAGGED_PARTS, 5)
        return f'v: {tag}"{text}"\n'.encode()

    def json_document(self):
        if self.chance(2):
            return self.mutated(self.json, JSON_FRAGMENTS)
        root = self.json_value(0) if self.chance(10) else {name: self.json_value(1) for name in ("id", "trust", "k")}
        text = json.dumps(root, ensure_ascii=self.chance(2), indent=self.pick([None, 1]))
        return text.encode("utf-8", self.pick(["replace"] * 19 + ["surrogatepass"]))

    def json_value(self, depth):
        choice = self.random.randrange(9 if depth < 4 else 6)
        if choice == 0:
            return self.pick([None, True, False, float("nan"), float("inf"), -0.0])
        if choice == 1:
            return self.random.randrange(-10 ** self.random.randint(0, 30), 10 ** self.random.randint(1, 30))
        if choice == 2:
            return self.random.uniform(-1, 1) * 10.0 ** self.random.randint(-320, 300)
        if choice <= 5:
            return self.joined([*PLAIN, "\n", '"', "\\", "\x7f", "\u2028", "\ud83d", "\U0001f600"], 3)
        if choice == 6:
            return [self.json_value(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.pick(PLAIN): self.json_value(depth + 1) for _ in range(self.random.randrange(5))}

    def mutated(self, recorded, fragments):
        document = bytearray(self.pick(recorded))
        for _ in range(1 + min(self.random.randrange(3), self.random.randrange(3))):
            at = self.random.randint(0, len(document))
            end = min(at + self.random.randrange(12), len(document))
            fragment = self.pick(fragments).encode("utf-8", "surrogatepass")
            match self.random.randrange(8):
                case 0:
                    del document[at:end]
                case 1:
                    part, to = bytes(document[at:end]), self.random.randint(0, len(document))
                    document[to:to] = part
                case 2:
                    other = self.pick(recorded)
                    document[at:] = other[self.random.randint(0, len(other)):]
                case 3 if at < len(document):
                    document[at] = self.random.randrange(256)
                case 4:
                    document[at:end] = fragment
                case _:
                    document[at:at] = fragment
        return bytes(document)
