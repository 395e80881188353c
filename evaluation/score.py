"""What every metric and every attack gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number that judges a synthetic corpus.

    ``interval`` is a 95 % confidence interval. ``baseline`` is what the score would be if nothing
    were wrong (or, for an attack, if it knew nothing). ``threshold`` is the gate's, if it looks at
    this score; ``better`` says which side of it passes, and ``gate_on`` which number is compared.
    ``detail`` holds what a plot or a table needs. ``table`` names the table of a corpus that has several. All of it is
    computed on real records: internal.
    """

    name: str
    value: float
    interval: tuple[float, float]
    baseline: float
    threshold: float | None = None
    better: Literal["higher", "lower"] = "higher"
    gate_on: Literal["value", "lower", "upper"] = "value"
    detail: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    table: str = ""

    @property
    def label(self) -> str:
        """The name, with its table where there are several."""
        return f"{self.table}: {self.name}" if self.table else self.name

    @property
    def passes(self) -> bool | None:
        """Whether the threshold is kept; ``None`` without one."""
        if self.threshold is None:
            return None
        judged = {"value": self.value, "lower": self.interval[0], "upper": self.interval[1]}[self.gate_on]
        return judged >= self.threshold if self.better == "higher" else judged <= self.threshold
