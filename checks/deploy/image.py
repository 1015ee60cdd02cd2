"""The Containerfile: by a linter that parses it as builders do, by what is asked of its image, and built."""

import json
import pathlib
import re
import shutil

from common import Broken, Skip, must, run

PYTHON = pathlib.Path("/usr/bin/python3")


def linted(deploy, python):
    if python is None:
        raise Skip("the linter cannot be had")
    done = run(python.with_name("hadolint"), "--format", "json", "--failure-threshold", "info", deploy / "Containerfile")
    try:
        found = json.loads(done.stdout or "[]")
    except ValueError as error:
        raise Broken(f"it cannot be parsed: {(done.stdout + done.stderr).strip()[-400:]}") from error
    if found or done.returncode:
        raise Broken("; ".join(f"line {one['line']}: {one['code']} {one['message']}" for one in found) or done.stderr.strip())
    text = (deploy / "Containerfile").read_text()
    user = re.findall(r"^USER (\d+):(\d+)$", text, re.MULTILINE)
    if not user or "0" in user[-1]:
        raise Broken("it ends as root, or as somebody whom only the image knows by number")
    bases = re.findall(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
    if len(bases) != 1 or not re.search(r"(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$", bases[0]):
        raise Broken(f"its base has no version: {bases}")
    if re.search(r"^RUN ", text, re.MULTILINE):
        raise Broken("something is run to build it")
    return f"hadolint has nothing to say against it; it runs as {user[-1][0]}"


def libraries(programs):
    """What those are linked with, by the loader's word."""
    found = set()
    for program in programs:
        for line in run("ldd", program).stdout.splitlines():
            place = line.partition("=>")[2].strip() or line.strip()
            if place.startswith("/"):
                found.add(pathlib.Path(place.split(" ")[0]))
    return found


def lay_base(place, aisoc):
    """An image that has Python, in the place of the one that the Containerfile names: this machine's, without anything else."""
    whole = PYTHON.resolve()
    said = must(PYTHON, "-I", "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))").strip()
    modules = pathlib.Path(said)
    for name in ("etc", "tmp", "proc", "sys", "dev", "var", "usr/bin", "usr/lib", "usr/lib64", "usr/local/bin"):
        (place / name).mkdir(parents=True)
    (place / "lib").symlink_to("usr/lib")
    (place / "lib64").symlink_to("usr/lib64")
    ignored = shutil.ignore_patterns("__pycache__", "test", "dist-packages", "ensurepip", "idlelib")
    shutil.copytree(modules, place / str(modules).lstrip("/"), symlinks=False, ignore=ignored, ignore_dangling_symlinks=True)
    shutil.copy2(whole, place / "usr/bin/python3")
    for library in libraries([whole, aisoc, *(modules / "lib-dynload").glob("*.so")]):
        target = place / str(library).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library.resolve(), target)


class Builder:
    """buildah, with a store of its own."""

    def __init__(self, place):
        if not shutil.which("buildah"):
            raise Skip("no builder: `apt-get install buildah` brings one")
        self.words = ["buildah", "--root", place / "store", "--runroot", place / "run", "--storage-driver", "vfs"]
        self.place = place

    def must(self, *words):
        return must(*self.words, *words, timeout=300).strip()

    def build(self, deploy, aisoc):
        """The image by its configuration, and where its files are."""
        base = self.place / "base"
        base.mkdir()
        lay_base(base, aisoc)
        empty = self.must("from", "scratch")
        self.must("copy", "-q", empty, base, "/")
        self.must("commit", "-q", empty, "localhost/base:1")
        context = self.place / "context"
        context.mkdir()
        shutil.copy2(aisoc, context / "aisoc")
        self.must("bud", "-q", "--isolation", "chroot", "--pull-never", "--build-arg", "BASE=localhost/base:1",
                  "-f", deploy / "Containerfile", "-t", "localhost/aisoc:1", context)
        described = json.loads(self.must("inspect", "--type", "image", "localhost/aisoc:1"))
        self.container = self.must("from", "localhost/aisoc:1")
        return described["OCIv1"]["config"], pathlib.Path(self.must("mount", self.container))

    def end(self):
        run(*self.words, "umount", "--all")
        run(*self.words, "rm", "--all")
        run(*self.words, "rmi", "--all", "--force")
