"""Searching text for an expression in time that is linear in the text, whatever the expression.

All the ways an expression could go on are followed at once, as one set of states; sets that were met before are
remembered with where each character leads from them. There is nothing to backtrack to. Work is counted, and a
`Budget` ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.config.rules.regex_syntax import At, Either, One, Row, Test, Times, Tree, is_word, parse

MAX_STATES = 5_000
MAX_REMEMBERED = 5_000
"""Sets of states and steps that one expression may keep; beyond it they are forgotten and found again."""

_START, _END, _LINE, _WORD, _OTHER = range(5)


class TooLarge(ValueError):
    """The expression needs more states than it may have."""


class OutOfBudget(Exception):
    """More work was done than all rules together may do."""


@dataclass(slots=True)
class Budget:
    """Steps that are left. A step is a character looked up, or a state visited."""

    left: int

    def spend(self, steps: int) -> None:
        """Raises OutOfBudget when there are not so many left."""
        self.left -= steps
        if self.left < 0:
            raise OutOfBudget


@dataclass(slots=True)
class _State:
    """With a test it leads to `after` by a character; without, to all of `free` by none, where `place` holds."""

    test: Test | None = None
    after: int = -1
    free: list[int] = field(default_factory=list)
    place: str = ""


class Expression:
    """An expression ready to be searched for. Raises TooLarge when it needs too many states."""

    def __init__(self, pattern: str) -> None:
        self._states: list[_State] = []
        self._goal = self._state()
        self._first = self._build(parse(pattern), self._goal)
        self._closed: dict[tuple[frozenset[int], int, int], tuple[frozenset[int], bool]] = {}
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def found_in(self, text: str, budget: Budget) -> bool:
        """Whether the expression matches anywhere in the text. Raises OutOfBudget."""
        budget.spend(len(text) + 1)
        core: frozenset[int] = frozenset((self._first,))
        before = _START
        for at in range(len(text) + 1):
            behind = _kind(text[at]) if at < len(text) else _END
            states, reached = self._close(core, before, behind, budget)
            if reached:
                return True
            if at < len(text):
                core = self._step(states, text[at], budget)
                before = behind
        return False

    def _close(
        self, core: frozenset[int], before: int, behind: int, budget: Budget
    ) -> tuple[frozenset[int], bool]:
        """The states reachable without a character, those with a test alone; and whether the goal is one of them."""
        key = (core, before, behind)
        known = self._closed.get(key)
        if known is not None:
            return known
        seen = set(core)
        stack = list(core)
        while stack:
            state = self._states[stack.pop()]
            if state.place and not _holds(state.place, before, behind):
                continue
            for number in state.free:
                if number not in seen:
                    seen.add(number)
                    stack.append(number)
        budget.spend(len(seen))
        result = frozenset(n for n in seen if self._states[n].test is not None), self._goal in seen
        if len(self._closed) >= MAX_REMEMBERED:
            self._closed.clear()
        self._closed[key] = result
        return result

    def _step(self, states: frozenset[int], character: str, budget: Budget) -> frozenset[int]:
        key = (states, character)
        known = self._steps.get(key)
        if known is not None:
            return known
        budget.spend(len(states))
        result = {self._first}
        for number in states:
            state = self._states[number]
            if state.test is not None and state.test(character):
                result.add(state.after)
        if len(self._steps) >= MAX_REMEMBERED:
            self._steps.clear()
        self._steps[key] = frozenset(result)
        return self._steps[key]

    def _state(self, test: Test | None = None, after: int = -1, place: str = "") -> int:
        if len(self._states) >= MAX_STATES:
            raise TooLarge
        self._states.append(_State(test, after, place=place))
        return len(self._states) - 1

    def _build(self, tree: Tree, after: int) -> int:
        """The state from which the tree leads to `after`."""
        match tree:
            case One(test):
                return self._state(test, after)
            case At(place):
                number = self._state(place=place)
                self._states[number].free.append(after)
                return number
            case Row(parts):
                for part in reversed(parts):
                    after = self._build(part, after)
                return after
            case Either(ways):
                number = self._state()
                self._states[number].free.extend([self._build(way, after) for way in ways])
                return number
            case Times(part, least, most):
                return self._times(part, least, most, after)

    def _times(self, part: Tree, least: int, most: int | None, after: int) -> int:
        if most is None:
            loop = self._state()
            self._states[loop].free.extend([self._build(part, loop), after])
            after = loop
        else:
            end = after
            for _ in range(most - least):
                choice = self._state()
                self._states[choice].free.extend([self._build(part, after), end])
                after = choice
        for _ in range(least):
            after = self._build(part, after)
        return after


def _kind(character: str) -> int:
    if character == "\n":
        return _LINE
    return _WORD if is_word(character) else _OTHER


def _holds(place: str, before: int, behind: int) -> bool:
    if place == "start":
        return before == _START
    if place == "end":
        return behind == _END
    if place == "line-start":
        return before in (_START, _LINE)
    if place == "line-end":
        return behind in (_END, _LINE)
    edge = (before == _WORD) != (behind == _WORD)
    return edge if place == "edge" else not edge
