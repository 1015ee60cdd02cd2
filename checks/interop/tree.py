#!/usr/bin/env python3
"""Prints what a tree holds, one entry per line: mode, digest, name. Two trees are the same plugin
when these lines are: names, bytes, executable bits, links, directories; owners and times are not
part of a plugin."""

import hashlib
import os
import stat
import sys


def lines(root):
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files + folders):
            path = os.path.join(folder, name)
            shown = os.path.relpath(path, root)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                yield shown, f"link        {os.readlink(path)}"
            elif stat.S_ISDIR(status.st_mode):
                yield shown, "directory   -"
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                kind = "executable" if status.st_mode & 0o100 else "file"
                yield shown, f"{kind:<11} {digest}"
            else:
                yield shown, "special     -"


for name, line in sorted(lines(sys.argv[1])):
    sys.stdout.buffer.write(os.fsencode(f"{line} {name}\n"))
