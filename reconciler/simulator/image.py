"""An older image of a simulated machine, to which it is set back again and again, as a virtual machine may be."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Image:
    """Of the folder `home`. It is taken halfway to the first time that the machine is set back, which it is every
    `every` rounds."""

    home: Path
    every: int
    _rounds: int = 0

    def turn(self) -> bool:
        """Count a round; whether the machine was set back in it."""
        self._rounds += 1
        kept = self.home.with_name(self.home.name + ".image")
        if self._rounds == max(1, self.every // 2):
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self.home, kept, symlinks=True)
        if self._rounds % self.every:
            return False
        shutil.rmtree(self.home)
        shutil.copytree(kept, self.home, symlinks=True)
        return True
