"""What every ability prints: figures, what they are aimed at, and whether that is met."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """One figure: ours and the one to beat (means over seeds), in words."""

    name: str
    ours: Sequence[float]
    other: Sequence[float]
    other_name: str
    met: bool

    def show(self) -> None:
        """Print it."""
        ours, other = (
            f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})" for values in (self.ours, self.other)
        )
        say(f"{self.name}: {ours}; {self.other_name}: {other}: {'met' if self.met else 'MISSED'}")


def _range(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
