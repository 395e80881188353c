"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from evaluation.evaluation import Evaluation
from shared.training.curves import Curve


class Verdict(Protocol):
    """What the report needs of the gate's verdict: whether it passes, and if not, why, a line a reason."""

    @property
    def passes(self) -> bool: ...

    @property
    def reasons(self) -> Sequence[str]: ...


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How large a corpus is: rows of all its tables, and units."""

    rows: int
    units: int


@dataclass(frozen=True, kw_only=True)
class PromiseLines:
    """The promise of a private release.

    ``spent`` is the ε that the source has spent, this release included, ``cap`` what it may spend; ``left`` the
    largest ε that one more release may have. Releases compose to less than their sum, so ``left`` is what the
    ledger says and not a difference. ``None`` where the ledger has no such number. ``mechanisms`` are lines in words.
    """

    epsilon: float
    delta: float
    unit: str
    relation: str
    spent: float | None = None
    cap: float | None = None
    left: float | None = None
    mechanisms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """Everything that the report shows.

    ``promise`` of ``None`` says outright that there is none; ``verdict`` of ``None``, that no gate was asked: data
    from elsewhere were evaluated, and whether they carry a promise is not known. ``training`` has the curves of each
    table by name, as pairs of step and value. ``loosened`` has lines about thresholds that were made weaker than the
    defaults.
    """

    title: str
    created: datetime
    evaluation: Evaluation
    verdict: Verdict | None
    promise: PromiseLines | None
    train: Counts
    holdout: Counts
    synthetic: Counts
    unit: str = "unit"
    training: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    loosened: tuple[str, ...] = ()
