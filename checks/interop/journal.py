#!/usr/bin/env python3
"""A journal and its chain, checked by the page of the manual and by nothing of aisoc's code.

    journal.py JOURNAL [HEAD]

Prints the newest line's number and hash; ends with 1 and says why when the chain does not hold. Needs Python 3.9
and nothing else.
"""

import hashlib
import pathlib
import struct
import sys

CONTEXT = b"aisoc-journal-chain/1\n"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def link(before, number, lines, torn, said):
    """The hash of a line of the chain: of the one before, and of what the line binds."""
    fields = [before, str(number), sha256(lines), sha256(torn), *said]
    data = b"".join(struct.pack(">Q", len(field.encode())) + field.encode() for field in fields)
    return sha256(CONTEXT + data)


def chained(chain):
    """Number, hash, what else it says, and torn bytes before it of each whole line."""
    torn = b""
    for line in chain.split(b"\n")[:-1]:
        if line.endswith(b"\ttorn"):
            torn += line + b"\n"
            continue
        number, digest, *said = line.decode().split("\t")
        assert len(said) in (3, 4), f"no line of a chain: {line!r}"
        yield int(number), digest, said, torn
        torn = b""


def newest(journal, chain):
    """The last number and hash, once every line of the chain has been computed again."""
    *ended, rest = journal.split(b"\n")
    lines = [line + b"\n" for line in ended] + ([rest] if rest else [])
    last, before = 0, sha256(CONTEXT)
    for number, digest, said, torn in chained(chain):
        assert last < number <= len(lines), f"line {number} of the journal is not there"
        found = link(before, number, b"".join(lines[last:number]), torn, said)
        assert found == digest, f"line {last + 1} to {number}: expected {digest}, found {found}"
        last, before = number, digest
    return last, before


def main():
    journal = pathlib.Path(sys.argv[1])
    chain = journal.with_name(journal.name + ".chain")
    try:
        last, digest = newest(journal.read_bytes(), chain.read_bytes())
        if len(sys.argv) > 2:
            number, head = pathlib.Path(sys.argv[2]).read_text().rstrip("\n").split("\t")
            assert int(number) <= last, f"the head is at line {number}, and the chain ends with line {last}"
            assert int(number) < last or head == digest, f"the head is {head}, and the chain ends with {digest}"
    except (AssertionError, ValueError, OSError) as error:
        sys.exit(f"{journal}: {error}")
    print(f"{last}\t{digest}")


if __name__ == "__main__":
    main()
