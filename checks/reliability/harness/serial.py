"""What one command after the other would do: the promise that a crowd is held to.

However many commands run at once, what they answer and what they leave must be what they would have
answered and left in some order, one after the other. The commands are modelled here in a few lines, and
the order is searched for. A guard that is asked before the lock shows at once: no order lets two spellings
of one id in, or puts less in the place of more.
"""

from dataclasses import dataclass
from typing import NamedTuple

KEEP = 2
COVERAGES = ("none", "code", "full")
DONE = "done"
# Whoever could not get at the directory has done nothing. A wait for the lock is long enough for any crowd,
# but a command that works on what others keep moving may give up.
GAVE_UP = ("locked",)


@dataclass(frozen=True)
class Artifact:
    """What can be installed, and how it is known again."""

    name: str
    id: str
    version: str
    coverage: str
    digest: str
    tree: str


class State(NamedTuple):
    """A plugins directory, as far as one plugin goes, whatever its spelling."""

    place: Artifact | None = None
    kept: tuple = ()  # what can be rolled back to, the most recently replaced first
    floor: str = "none"

    def has(self, plugin):
        return self.place is not None and self.place.id == plugin

    def put(self, artifact):
        """With another artifact in place; what it replaces is kept, no artifact twice."""
        before = (self.place,) if self.place else ()
        kept = dict.fromkeys(version for version in before + self.kept if version != artifact)
        return State(artifact, tuple(kept)[:KEEP], max(self.floor, artifact.coverage, key=COVERAGES.index))

    def words(self):
        """The state, to be read."""
        kept = ", ".join(version.name for version in self.kept)
        return f"{self.place.name if self.place else 'nothing'} in place, kept [{kept}]"


def done(artifact, before):
    """The answer of a command that succeeded: what is in place now, and the version that was there."""
    return DONE, artifact.digest, before.version if before else None


def below_floor(artifact, state):
    return COVERAGES.index(artifact.coverage) < COVERAGES.index(state.floor)


@dataclass(frozen=True)
class Install:
    """`plugin install`: `means` is what its reference may stand for while it is moved."""

    name: str
    command: str
    means: tuple
    required: Artifact | None = None
    may_give_up = False

    def outcomes(self, state):
        """Every (answer, state after it) that is right in `state`."""
        for artifact in self.means:
            if self.required not in (None, artifact):
                yield ("digest_mismatch",), state
            else:
                yield from self._outcomes_of(artifact, state)

    @staticmethod
    def _outcomes_of(artifact, state):
        is_second_spelling = state.place is not None and not state.has(artifact.id)
        if is_second_spelling:
            yield ("already_exists",), state
        if below_floor(artifact, state):
            yield ("coverage_downgrade",), state
        elif state.place == artifact:
            # Found in place before it was fetched, or exchanged for the same.
            yield done(artifact, None), state
            yield done(artifact, artifact), state
        elif not is_second_spelling:
            yield done(artifact, state.place), state.put(artifact)


@dataclass(frozen=True)
class Uninstall:
    """`plugin uninstall`. The floor stays."""

    name: str
    command: str
    id: str
    may_give_up = True

    def outcomes(self, state):
        if state.has(self.id):
            yield (DONE, None, None), State(floor=state.floor)
        else:
            yield ("plugin_not_found",), state


@dataclass(frozen=True)
class Rollback:
    """`plugin rollback`, to the version `to`, or else to what was replaced last. What was in place is kept instead."""

    name: str
    command: str
    id: str
    to: str | None = None
    may_give_up = True

    def outcomes(self, state):
        wanted = [version for version in state.kept if self.to in (None, version.version)]
        if not state.has(self.id):
            yield ("plugin_not_found",), state
            yield ("version_not_found",), state
        elif state.place.version == self.to:
            yield done(state.place, None), state
        elif not wanted:
            yield ("version_not_found",), state
        elif below_floor(wanted[0], state):
            yield ("coverage_downgrade",), state
        else:
            others = [version for version in state.kept if version != wanted[0]]
            yield done(wanted[0], state.place), state._replace(place=wanted[0], kept=(state.place, *others))


def endings(start, answered):
    """Every state in which some order of the commands with those answers ends; `answered` counts (operation,
    answer). It is empty when no order gives them."""
    kinds = [kind for kind in answered if not (kind[0].may_give_up and kind[1] == GAVE_UP)]
    begin = start, tuple(answered[kind] for kind in kinds)
    seen, left, ends = {begin}, [begin], set()
    while left:
        state, counts = left.pop()
        if not any(counts):
            ends.add(state)
        for number, (operation, answer) in enumerate(kinds):
            if not counts[number]:
                continue
            rest = counts[:number] + (counts[number] - 1,) + counts[number + 1:]
            following = {(after, rest) for given, after in operation.outcomes(state) if given == answer}
            left += following - seen
            seen |= following
    return ends
