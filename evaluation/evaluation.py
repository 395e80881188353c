"""The result of an evaluation: what the report shows and the gate judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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


def together(by_table: Mapping[str, Evaluation]) -> Evaluation:
    """The evaluations of several tables as one, each score with the name of its table; that of one as it is."""
    if len(by_table) == 1:
        return next(iter(by_table.values()))

    def scores(chapter: str) -> tuple[Score, ...]:
        return tuple(
            replace(score, table=table) for table, found in by_table.items() for score in getattr(found, chapter)
        )

    return Evaluation(
        fidelity=scores("fidelity"),
        utility=scores("utility"),
        leakage=scores("leakage"),
        constraints=tuple(
            replace(rate, name=f"{table}: {rate.name}")
            for table, found in by_table.items()
            for rate in found.constraints
        ),
        unmeasured=tuple(f"{table}: {line}" for table, found in by_table.items() for line in found.unmeasured),
    )
