"""Collects findings, without end in sight for the reader but with one for the memory."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.compile.native import limits
from reconciler.compile.native.nodes import Node
from reconciler.config.findings import Finding, Severity
from reconciler.config.suggest import did_you_mean


class Report:
    """The findings of one configuration. A code that begins with E refuses it, one that begins with W does not."""

    __slots__ = ("_searches", "findings", "left_out", "refused")

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.left_out = 0
        self.refused = False
        self._searches = 0

    def add(
        self,
        code: str,
        node: Node,
        message: str,
        *,
        at: int | None = None,
        expected: str = "",
        hint: str = "",
    ) -> None:
        """Note something at the node's name, or at the offset `at` of the same text.

        Refusals are always kept, so that what is left out never decides.
        """
        error = code.startswith("E")
        self.refused = self.refused or error
        if len(self.findings) >= limits.FINDINGS and (not error or len(self.findings) >= 2 * limits.FINDINGS):
            self.left_out += 1
            return
        place = node.text.place(node.at if at is None else at)
        severity = Severity.error if error else Severity.warning
        self.findings.append(Finding(code, severity, place, message, expected, hint))

    def meant(self, name: str, candidates: Collection[str], otherwise: str = "") -> str:
        """The hint for a name that is not among the candidates. Searches are dear, and their number has a bound."""
        self._searches += 1
        near = did_you_mean(name, candidates) if self._searches <= limits.SEARCHES else ""
        return near or otherwise
