"""The gate: thresholds that are declared before the run. A release that misses one is not published.

A gate on scores of real records discloses something about them, and not a little: see ``docs/promise.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from evaluation.evaluation import Evaluation
from evaluation.score import Score
from shared.errors import ConfigurationError

_AT_LEAST = ("pair_agreement",)
COARSE = 0.05  # share of holdout rows that equal a train row from which on copies are first of all chance


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Defaults of a plain run.

    ``utility_gap``: of each task and of every column from the others, in AUC, of next items in hit rate.
    ``membership_auc``: for the lower limit of each membership attack. ``copies_above_holdout``: share of exact copies
    above the holdout's own rate; of a coarse table, where that rate is 5 % or more, the lower limit of the share is
    judged, since both rates are known to no 0.1 points. ``two_sample_auc`` is judged only if it is set.
    """

    pair_agreement: float = 0.95
    utility_gap: float = 0.02
    membership_auc: float = 0.55
    copies_above_holdout: float = 0.001
    nearest_neighbour_share: float = 0.53
    two_sample_auc: float = 1.0

    @classmethod
    def defaults(cls, *, private: bool) -> Self:
        """The default thresholds; noise costs fidelity and utility, and leakage gets no discount."""
        return cls(pair_agreement=0.90, utility_gap=0.05) if private else cls()

    @classmethod
    def declared(cls, given: Mapping[str, Any], *, private: bool) -> Self:
        """The defaults, changed by what a configuration declares; ``ConfigurationError`` on what is no threshold."""
        known = {field.name for field in fields(cls)}
        for name, value in given.items():
            if name not in known:
                raise ConfigurationError(f"gate.{name} is unknown; there are {', '.join(sorted(known))}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ConfigurationError(f"gate.{name} is {value!r}; it must be a number between 0 and 1")
        return replace(cls.defaults(private=private), **{name: float(value) for name, value in given.items()})

    def loosened(self, *, private: bool) -> dict[str, float]:
        """The thresholds that let pass what the defaults would refuse."""
        usual = type(self).defaults(private=private)
        loose = {}
        for field in fields(self):
            mine, default = getattr(self, field.name), getattr(usual, field.name)
            if mine < default if field.name in _AT_LEAST else mine > default:
                loose[field.name] = mine
        return loose

    def apply(self, score: Score) -> Score:
        """The score with its threshold, if the gate looks at it."""
        if score.name == "pair agreement":
            return replace(score, threshold=self.pair_agreement, better="higher", gate_on="value")
        if score.name.startswith("task: ") or score.name == "every column from the others":
            return replace(score, threshold=self.utility_gap, better="lower", gate_on="value")
        if score.name.startswith("membership"):
            return replace(score, threshold=self.membership_auc, better="lower", gate_on="lower")
        if score.name == "exact copies":
            judged: Literal["lower", "value"] = "lower" if score.baseline >= COARSE else "value"
            return replace(score, threshold=score.baseline + self.copies_above_holdout, better="lower", gate_on=judged)
        if score.name == "nearest-neighbour share":
            return replace(score, threshold=self.nearest_neighbour_share, better="lower", gate_on="value")
        if score.name == "two-sample AUC" and self.two_sample_auc < 1.0:
            return replace(score, threshold=self.two_sample_auc, better="lower", gate_on="value")
        return score


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``reasons`` says of each score that missed its threshold what it is and what was allowed."""

    passes: bool
    reasons: tuple[str, ...]


def judge(evaluation: Evaluation, thresholds: Thresholds) -> tuple[Evaluation, Verdict]:
    """The evaluation with its thresholds, and the verdict; a declared task that was not measured is refused."""
    judged = replace(
        evaluation,
        fidelity=tuple(map(thresholds.apply, evaluation.fidelity)),
        utility=tuple(map(thresholds.apply, evaluation.utility)),
        leakage=tuple(map(thresholds.apply, evaluation.leakage)),
    )
    reasons = evaluation.unmeasured + tuple(_reason(score) for score in judged.scores if score.passes is False)
    return judged, Verdict(passes=not reasons, reasons=reasons)


def _reason(score: Score) -> str:
    number = score.interval[0] if score.gate_on == "lower" else score.value
    what = "lower limit of " if score.gate_on == "lower" else ""
    bound = "at least" if score.better == "higher" else "at most"
    return f"{what}{score.label} is {number:.4f}, {bound} {score.threshold:.4f} is allowed"
