"""Labels by declared rules: conditions on columns, all of which must hold; nothing is evaluated as code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition on one column; exactly one of the tests is given. A missing value fulfils only ``missing: true``.

    ``contains`` holds words of which one must occur in the text, whatever their case. Bounds are of numbers.
    """

    column: str
    one_of: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    contains: tuple[str, ...] | None = None
    missing: bool | None = None

    def __post_init__(self) -> None:
        tests = (self.one_of, self.at_least, self.at_most, self.contains, self.missing)
        if sum(test is not None for test in tests) != 1:
            raise ConfigurationError(
                f"condition on {self.column!r}: give exactly one of one_of, at_least, at_most, contains, missing"
            )

    def holds(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Shape ``(rows,)``."""
        values = frame[self.column]
        if self.missing is not None:
            return (values.isna() == self.missing).to_numpy(dtype=bool)
        if self.one_of is not None:
            return values.astype("str").isin(list(self.one_of)).to_numpy(dtype=bool)
        if self.contains is not None:
            text = values.astype("str").str.casefold()
            found = [text.str.contains(w.casefold(), regex=False).fillna(False).to_numpy(bool) for w in self.contains]
            return np.logical_or.reduce(found)
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        low, high = (-np.inf if self.at_least is None else self.at_least), self.at_most
        return (numbers >= low) & (numbers <= (np.inf if high is None else high))


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """Rows that fulfil all of ``when`` get ``label`` with ``confidence``."""

    name: str
    when: tuple[Condition, ...]
    label: str
    confidence: float = 1.0


def label_by_rules(frame: pd.DataFrame, rules: Sequence[LabelRule]) -> pd.DataFrame:
    """Columns ``label``, ``confidence`` and ``by`` for each row; the surest rule wins.

    Rules of equal confidence that disagree about a row leave it without a label.
    """
    labels = np.full(len(frame), None, dtype=object)
    by, sure = labels.copy(), np.zeros(len(frame))
    for rule in rules:
        if not rule.when or not 0 < rule.confidence <= 1:
            raise ConfigurationError(f"rule {rule.name!r}: give conditions under 'when', and a confidence in (0, 1]")
        holds = np.logical_and.reduce([condition.holds(frame) for condition in rule.when])
        tied = holds & (sure == rule.confidence) & (labels != rule.label)
        wins = holds & (rule.confidence > sure)
        labels[wins], by[wins], sure[wins] = rule.label, f"rule {rule.name}", rule.confidence
        labels[tied], by[tied] = None, None
    sure = np.where(labels == None, np.nan, sure)  # noqa: E711
    return pd.DataFrame({"label": labels, "confidence": sure, "by": by}, index=frame.index)
