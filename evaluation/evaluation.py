"""The result of an evaluation: what the report shows and the gate judges."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.score import Score


@dataclass(frozen=True, kw_only=True)
class ConstraintRate:
    """How often a constraint is broken, as shares of rows, in the real and in the synthetic data."""

    name: str
    real: float
    synthetic: float
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores by chapter. All of it is computed on real records: internal.

    ``unmeasured`` says of each declared task that the records cannot measure why not; the gate refuses it.
    """

    fidelity: tuple[Score, ...]
    utility: tuple[Score, ...]
    leakage: tuple[Score, ...]
    constraints: tuple[ConstraintRate, ...] = ()
    unmeasured: tuple[str, ...] = ()

    @property
    def scores(self) -> tuple[Score, ...]:
        """All scores, chapter by chapter."""
        return self.fidelity + self.utility + self.leakage
