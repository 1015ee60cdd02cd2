

# Says what has to be there for this Python to start, in one JSON line, and what it makes of a script.
import marshal
import struct


def loader_of(program):
    """What the system starts a program with, as the program itself says it; nothing for one that stands alone."""
    with open(program, "rb") as file:
        head = file.read(64)
        if head[:4] != b"\x7fELF":
            return None
        is_64, order = head[4] == 2, "<" if head[5] == 1 else ">"
        start, = struct.unpack_from(order + ("Q" if is_64 else "I"), head, 32 if is_64 else 28)
        size, count = struct.unpack_from(order + "HH", head, 54 if is_64 else 42)
        for number in range(count):
            file.seek(start + number * size)
            entry = file.read(size)
            if struct.unpack_from(order + "I", entry)[0] == 3:  # PT_INTERP
                place, = struct.unpack_from(order + ("Q" if is_64 else "I"), entry, 8 if is_64 else 4)
                length, = struct.unpack_from(order + ("Q" if is_64 else "I"), entry, 32 if is_64 else 16)
                file.seek(place)
                return file.read(length).rstrip(b"\0").decode()
    return None


def main():
    request, channel = leave()
    # Without `site`, which runs the code of others, and would have said of a virtual environment that it is one.
    environment = os.path.dirname(os.path.dirname(sys.executable))
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    if os.path.exists(os.path.join(environment, "pyvenv.cfg")):
        prefixes.add(environment)
    readable = [os.path.dirname(os.__file__), *sys.path]
    for prefix in sorted(prefixes):
        readable += [os.path.join(prefix, name) for name in ("lib", "lib64", "pyvenv.cfg")]
    reply(channel, {
        "executable": sys.executable,
        "loader": loader_of(sys.executable),
        "readable": [path for path in readable if os.path.isabs(path) and os.path.exists(path)],
        "compiled": marshal.dumps(compile(request["script"], "<string>", "exec", dont_inherit=True)).hex(),
        "made_by": (sys.version.encode() + importlib.util.MAGIC_NUMBER).hex(),
    })


main()
