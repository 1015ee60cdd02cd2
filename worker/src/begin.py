# What a Python begins with whose script was compiled before, by a Python of the same version: descriptor 0 has that, and behind
# it the script itself, for another one. Before anything of a plugin, and out of what aisoc has written alone.
def begin(compiled, script, made_by):
    import marshal
    import posix
    import sys
    from _frozen_importlib_external import MAGIC_NUMBER

    def read(size):
        parts = b""
        while len(parts) < size:
            part = posix.read(0, size - len(parts))
            if not part:
                posix._exit(0)
            parts += part
        return parts

    compiled, script = read(compiled), read(script)
    if (sys.version.encode() + MAGIC_NUMBER).hex() == made_by:
        return marshal.loads(compiled)
    return compile(script, "<string>", "exec", dont_inherit=True)


