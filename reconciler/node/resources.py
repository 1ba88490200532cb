"""How near its end the machine is: the shares of its processors and of its memory that are in use, in permille."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Resources:
    """Reads the kernel's own counts. The processors' are compared with those of the last call."""

    proc: Path = Path("/proc")
    _before: tuple[int, int] | None = None

    def cpu_permille(self) -> int | None:
        """The share of all processors' time since the last call that was not idle; None at the first call."""
        try:
            words = (self.proc / "stat").read_text().partition("\n")[0].split()
            ticks = [int(word) for word in words[1:9]]
            idle, everything = ticks[3] + ticks[4], sum(ticks)
        except (OSError, ValueError, IndexError):
            return None
        before, self._before = self._before, (idle, everything)
        if before is None or everything <= before[1]:
            return None
        return _share(everything - before[1] - (idle - before[0]), everything - before[1])

    def memory_permille(self) -> int | None:
        """The share of the memory that no program could get."""
        try:
            lines = (line.split() for line in (self.proc / "meminfo").read_text().splitlines())
            sizes = {words[0]: int(words[1]) for words in lines if len(words) > 1}
            return _share(sizes["MemTotal:"] - sizes["MemAvailable:"], sizes["MemTotal:"])
        except (OSError, ValueError, KeyError):
            return None


def _share(part: int, whole: int) -> int | None:
    return max(0, min(1000, part * 1000 // whole)) if whole > 0 else None
