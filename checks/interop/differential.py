#!/usr/bin/env python3
"""aisoc's reader of manifests against the reference's, on documents that nobody wrote.

    differential.py [--manifests N] [--doubles N] [--seed SEED] [--reader PROGRAM] [--processes N]

MANIFESTS are generated (`documents.py`), read by `reference.py` (PyYAML's pure-Python SafeLoader and
the json module) and by aisoc; the two must accept the same ones, with the same bytes under the
signature, and refuse the others at the same stage. DOUBLES are random bit patterns and the
neighbourhoods of short decimal numbers, in every spelling; each is read as a YAML float and as a JSON
number, and must be written as `json.dumps` writes it.

PROGRAM is the example `read_documents` of aisoc-manifests; without it cargo builds it. The same seed
gives the same documents. Exits 1 when anything differs, after printing some of what does.
"""

import argparse
import collections
import decimal
import json
import math
import multiprocessing
import os
import pathlib
import random
import struct
import subprocess
import sys

import documents
import reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCH = 500  # documents per process of the reader
DOUBLES_PER_DOCUMENT = 500
SHOWN = 5  # documents of a kind that are printed
PREFIX, SUFFIX = '{"files":{},"manifest":', "}"


def built_reader():
    command = ["cargo", "build", "--quiet", "--release", "-p", "aisoc-manifests", "--example", "read_documents",
               "--message-format=json"]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    messages = [json.loads(line) for line in output.splitlines()]
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "read_documents")


def ask(reader, batch):
    """aisoc's answer to each of those documents."""
    stream = b"".join(kind.encode() + struct.pack(">I", len(document)) + document for kind, document in batch)
    answers = subprocess.run([reader], input=stream, stdout=subprocess.PIPE, check=True).stdout.decode("ascii")
    lines = answers.split("\n")[:-1]
    if len(lines) != len(batch):
        raise SystemExit(f"differential: {len(batch)} documents, {len(lines)} answers")
    return lines


# --- manifests ------------------------------------------------------------------------------------


def by_reference(kind, document):
    """The payload, or `!STAGE WHY`."""
    try:
        parse = reference.parse_yaml if kind == documents.YAML else reference.parse_json
        manifest = parse(document)
    except reference.ManifestError as error:
        return f"!manifest {type(error.__cause__).__name__}: {error}"
    try:
        return reference.payload(manifest, {}).decode("ascii")
    except reference.DigestError as error:
        return f"!digest {type(error.__cause__).__name__}: {error}"


def verdict(expected, found):
    if expected[0] != "!" and found[0] != "!":
        return "accepted, same bytes" if expected == found else "ACCEPTED, OTHER BYTES"
    if expected[0] == "!" and found[0] == "!":
        same = expected.split(" ")[0] == found.split(" ")[0]
        return f"refused, stage {found[1:].split(' ')[0]}" if same else "REFUSED AT ANOTHER STAGE"
    return "ONLY THE REFERENCE ACCEPTS" if found[0] == "!" else "ONLY AISOC ACCEPTS"


def compare_manifests(work):
    """The verdicts on one batch, counted, and what differs."""
    reader, seed, number, count = work
    stream = documents.Documents(f"{seed}/{number}")
    batch = [stream.next() for _ in range(count)]
    counts, differing = collections.Counter(), []
    for (kind, document), found in zip(batch, ask(reader, batch)):
        expected = by_reference(kind, document)
        word = verdict(expected, found)
        counts[kind, word] += 1
        if word[:2].isupper():
            differing.append((word, kind, document, expected, found))
    return counts, differing


# --- doubles --------------------------------------------------------------------------------------


def random_double(source):
    choice = source.randrange(4)
    if choice == 0:
        # Near a short decimal number, where the shortest text is decided.
        value = float(f"{source.randrange(1, 10 ** source.randint(1, 17))}e{source.randint(-330, 300)}")
    elif choice == 1:
        # Near a power of two or ten, where neighbours are unequally far, and near the change of notation.
        value = source.choice([2.0 ** source.randint(-1074, 1023), float(f"1e{source.randint(-5, 23)}")])
    else:
        value = struct.unpack(">d", source.randbytes(8))[0]
    for _ in range(source.choice([0, 0, 1, 1, 2, 3]) if choice < 2 else 0):
        value = math.nextafter(value, source.choice([math.inf, -math.inf]))
    return value if math.isfinite(value) else source.random()


def spelled(source, value):
    """A decimal text that both YAML 1.1 and JSON take for a float: with a point, and a signed exponent."""
    choice = source.randrange(8)
    if choice == 0:
        text = f"{value:.16e}"
    elif choice == 1:
        text = f"{value:.{source.randint(17, 40)}e}"
    elif choice == 2:
        # Exactly between it and the next: the even one is nearest.
        after = math.nextafter(value, math.inf)
        with decimal.localcontext(prec=1100):
            between = (decimal.Decimal(value) + decimal.Decimal(after if math.isfinite(after) else value)) / 2
            text = f"{between:e}"
    else:
        text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    if exponent and exponent[0] not in "+-":
        exponent = "+" + exponent
    return mantissa + mark + exponent


def compare_doubles(work):
    """How many texts were compared, and those that differ: spelling, ours, Python's."""
    reader, seed, number, count = work
    source = random.Random(f"doubles {seed}/{number}")
    texts = [spelled(source, random_double(source)) for _ in range(count)]
    parts = [texts[at:at + DOUBLES_PER_DOCUMENT] for at in range(0, count, DOUBLES_PER_DOCUMENT)]
    batch = [(documents.YAML, "v:\n{}\n".format("\n".join(f"- {text}" for text in part)).encode()) for part in parts]
    batch += [(documents.JSON, '{{"v":[{}]}}'.format(",".join(part)).encode()) for part in parts]
    differing = []
    for part, (kind, _), answer in zip(parts + parts, batch, ask(reader, batch)):
        expected = [json.dumps(float(text)) for text in part]
        found = answer.removeprefix(PREFIX + '{"v":[').removesuffix("]}" + SUFFIX).split(",")
        if len(found) != len(expected):
            raise SystemExit(f"differential: a document of doubles is refused: {answer[:300]}")
        differing += [(kind, *row) for row in zip(part, found, expected) if row[1] != row[2]]
    return 2 * count, differing


# --- the whole ------------------------------------------------------------------------------------


def batches(reader, seed, total, size):
    return [(reader, seed, number, min(size, total - at)) for number, at in enumerate(range(0, total, size))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--manifests", type=int, default=3_000)
    parser.add_argument("--doubles", type=int, default=50_000)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(10 ** 9)))
    parser.add_argument("--reader")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    reader = arguments.reader or built_reader()
    print(f"differential: --seed {arguments.seed}")

    counts, differing = collections.Counter(), []
    with multiprocessing.Pool(arguments.processes) as pool:
        for part, found in pool.imap(compare_manifests, batches(reader, arguments.seed, arguments.manifests, BATCH)):
            counts += part
            differing += found
        doubles, wrong = 0, []
        work = batches(reader, arguments.seed, arguments.doubles, 20 * DOUBLES_PER_DOCUMENT)
        for compared, found in pool.imap(compare_doubles, work):
            doubles += compared
            wrong += found

    names = {documents.YAML: "plugin.yaml", documents.JSON: "aisoc-plugin.json"}
    for (kind, word), count in sorted(counts.items()):
        print(f"{names[kind]:17}  {count:7}  {word}")
    shown = collections.Counter()
    for word, kind, document, expected, found in differing:
        shown[word] += 1
        if shown[word] <= SHOWN:
            print(f"{word}: {names[kind]} {document!r}\n    reference: {expected[:300]}\n    aisoc:     {found[:300]}")
    print(f"manifests: {counts.total()} read by both, {len(differing)} differ")
    for kind, text, found, expected in wrong[:SHOWN]:
        print(f"{names[kind]}: {text} became {found}, not {expected}")
    print(f"doubles: {doubles} texts compared, {len(wrong)} differ")
    return 1 if differing or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
