"""Runs operations in sandboxes, several at once, and prints what came of it."""

import argparse
import collections
import multiprocessing
import os
import pathlib
import shutil
import sys
import time

from . import operations, tracer
from .world import Broken, World, copy, scratch

SKIPPED = 77  # what a step answers that could not run here, after it said why


class Bench:
    """A world, the starting state of each operation, and a place for each worker's sandbox."""

    def __init__(self, base, only=None):
        self.base = pathlib.Path(base)
        (self.base / "world").mkdir()
        self.world = World(self.base / "world")
        self.operations, self.lacking = operations.available(self.world, only)
        self.templates = [operation.prepare(self.world, self.base / f"start-{number}")
                          for number, operation in enumerate(self.operations)]

    def sandbox(self, number):
        """A fresh copy of the starting state of operation `number`."""
        target = self.base / f"run-{os.getpid()}"
        shutil.rmtree(target, ignore_errors=True)
        return copy(self.templates[number], target)

    def traced(self, number, on_entry=None, on_exit=None, root=None):
        """(sandbox, how it finished) of one run in a fresh sandbox, its calls below `root` being traced."""
        sandbox = self.sandbox(number)
        command = self.world.fill(self.operations[number].command)
        return sandbox, tracer.run(command, sandbox, self.world.environment(sandbox), root or sandbox, on_entry, on_exit)

    def changes(self, number):
        """The changing calls of an undisturbed run, which must do its work."""
        sandbox, done = self.traced(number)
        operation = self.operations[number]
        outcome, problems = operation.subject.look(self.world, sandbox)
        if done.code or outcome != operation.done() or problems:
            raise Broken(f"{operation.name}, undisturbed: exit {done.code}, {outcome}, {problems}: {done.stderr}")
        return [call for call in done.calls if call.changes]

    def judge(self, number, sandbox):
        """(outcome, problems) at once, and after the same command ran again."""
        operation = self.operations[number]
        outcome, problems = operation.subject.look(self.world, sandbox)
        again = self.world.run(sandbox, operation.command)
        if not operation.second_is_fine(again, outcome):
            problems = [*problems, f"run again: exit {again.returncode}: {last_line(again.stderr)}"]
        problems = problems + [text for text in operation.subject.settled(self.world, sandbox) if text not in problems]
        return outcome, problems


def last_line(text):
    lines = [line for line in text.splitlines() if line.startswith("error")] or text.splitlines() or [""]
    return lines[-1][:160]


_bench = None


def in_parallel(bench, work, tasks, jobs):
    """Yields `work(bench, task)` of every task as it becomes known; the workers are forks of this process."""
    global _bench
    _bench = bench, work
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(_work, tasks, chunksize=4)


def _work(task):
    return _bench[1](_bench[0], task)


class Tally:
    """Outcomes of one operation's runs: what stood there, and how many were wrong in which way."""

    HEADINGS = ("runs", "old", "new", "absent", "half", "between", "record", "again", "left")

    def __init__(self):
        self.counts = collections.Counter()

    def add(self, outcome, problems):
        kinds = {{"record": "record", "run again": "again", "left behind": "left"}.get(text.partition(":")[0], "between")
                 for text in problems}
        self.counts.update({"runs", outcome, *kinds} - {"corrupted"})

    def row(self, name):
        return (name, *(self.counts[heading] for heading in self.HEADINGS))

    @staticmethod
    def print(first, tallies):
        """A table of `tallies`, by name, and their sum."""
        total = Tally()
        for tally in tallies.values():
            total.counts.update(tally.counts)
        table((first, *Tally.HEADINGS), [*(tally.row(name) for name, tally in tallies.items()), total.row("all")])


class Problems:
    """What went wrong, counted by its words, with one example of where."""

    def __init__(self):
        self.counts, self.examples = collections.Counter(), {}

    def add(self, operation, problem, where):
        key = (operation, problem)
        self.counts[key] += 1
        self.examples.setdefault(key, where)

    def show(self):
        if self.counts:
            print("\nproblems (count, operation, what; where it was first seen):")
        for (operation, problem), count in sorted(self.counts.items()):
            print(f"  {count:5}  {operation}: {problem}; {self.examples[operation, problem]}")
        return 1 if self.counts else 0


def table(headings, rows):
    """Prints rows under their headings, numbers to the right."""
    text = [[str(cell) for cell in row] for row in [headings, *rows]]
    widths = [max(len(row[column]) for row in text) for column in range(len(headings))]
    for number, row in enumerate(text):
        print("  ".join(cell.ljust(width) if column == 0 or not _numeric(rows, column) else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(row, widths))).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def _numeric(rows, column):
    return all(isinstance(row[column], (int, float)) for row in rows)


def arguments(description, **extra):
    """The command line that all scripts share, and what is theirs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", action="append", metavar="WORD", help="only operations with this word in their name")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="runs at once")
    parser.add_argument("--seed", type=int, default=1, help="of what is random")
    for name, options in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **options)
    return parser.parse_args()


def main(body, options, traces=True):
    """Runs a script's body in a scratch directory: its exit code, or 77 when this machine cannot."""
    start = time.monotonic()
    try:
        if traces:
            tracer.check_available()
        with scratch() as base:
            code = body(base, options)
    except tracer.Unavailable as why:
        print(f"skipped: {why}")
        code = SKIPPED
    except Broken as why:
        print(f"cannot run: {why}", file=sys.stderr)
        code = 2
    print(f"\n{time.monotonic() - start:.0f} s")
    sys.exit(code)
