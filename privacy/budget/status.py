"""What the ledger says about a source, as plain values for the command line and the report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from privacy.budget.accountant import LEAST_DELTA
from privacy.budget.events import Event
from shared.errors import ConfigurationError

State = Literal["reserved", "spent", "failed"]


@dataclass(frozen=True, kw_only=True)
class Cap:
    """At most so much ε, at a δ that stays fixed."""

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not (self.epsilon > 0 and math.isfinite(self.epsilon)):
            raise ConfigurationError(f"epsilon of a cap is {self.epsilon}; it must be a positive number, such as 10")
        if not LEAST_DELTA <= self.delta < 1:
            raise ConfigurationError(
                f"delta of a cap is {self.delta}; it must lie in [{LEAST_DELTA:g}, 1), such as 1e-6"
            )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One charge to a source. ``failed`` and ``reserved`` count as much as ``spent``.

    ``epsilon`` and ``delta`` are those of the release alone; ``reason`` says why it failed.
    """

    number: int
    source: str
    release: str
    fingerprint: str
    events: tuple[Event, ...]
    epsilon: float
    delta: float
    state: State
    reserved: datetime
    ended: datetime | None
    reason: str | None
    hash: str


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """Where the budget of a source stands.

    ``spent`` is the ε of all releases of its family (the source, what it is a subset of, and the
    subsets of that) at the cap's δ. ``left`` is the ε that one more release may have at that δ, about:
    releases compose to less than their sum. Without a cap both are ``None``. ``releases`` are the
    entries of the source itself, ``family_releases`` those of its family.
    """

    id: str
    parent: str | None
    cap: Cap | None
    spent: float | None
    left: float | None
    releases: int
    family_releases: int
