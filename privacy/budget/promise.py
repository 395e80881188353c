"""What a release promises, how it spends its budget, and the mechanisms that follow.

Everything here is declared or follows from what is declared (privacy rule 1): no field depends on
the records.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from shared.errors import ConfigurationError

RELATION: Literal["add-or-remove-one-unit"] = "add-or-remove-one-unit"


@dataclass(frozen=True, kw_only=True)
class Promise:
    """(ε, δ)-differential privacy by unit, under add/remove of one unit with all its rows.

    ``units_about`` is the declared (or noisy) number of units that are trained on, ``rows`` the cap
    on rows of a unit, ``categories`` the cap on distinct values of a unit in one column whose
    categories are not declared (``None``: the cap on rows). ``delta`` of ``None`` becomes
    10^-ceil(log10(10 units_about)).
    """

    epsilon: float
    units_about: int
    rows: int
    delta: float | None = None
    categories: int | None = None

    def __post_init__(self) -> None:
        if not (self.epsilon > 0 and math.isfinite(self.epsilon)):
            raise ConfigurationError(f"epsilon is {self.epsilon}; it must be a positive number, such as 3")
        if self.delta is not None and not 0 < self.delta < 1:
            raise ConfigurationError(f"delta is {self.delta}; it must lie between 0 and 1, such as 1e-6")
        if self.units_about < 1:
            raise ConfigurationError(f"units_about is {self.units_about}; declare about how many units there are")
        if self.rows < 1 or (self.categories is not None and self.categories < 1):
            raise ConfigurationError("caps on contributions must be at least 1")

    @property
    def declared_delta(self) -> float:
        """δ, as set or as it follows from the declared number of units."""
        if self.delta is not None:
            return self.delta
        return 10.0 ** -math.ceil(math.log10(10 * self.units_about) - 1e-12)

    @property
    def categories_cap(self) -> int:
        """At most so many distinct values a unit in one column."""
        return self.rows if self.categories is None else min(self.categories, self.rows)


@dataclass(frozen=True, kw_only=True)
class Spending:
    """How a promise is spent: shares for what codecs learn, the rest for training steps.

    A share is a part of the squared privacy loss (ε² of a Laplace mechanism, 1/z² of a Gaussian one),
    which is what adds up when mechanisms compose.
    """

    categories_share: float = 0.06
    statistics_share: float = 0.12
    batch_units: int = 2048
    steps: int = 800
    clipping_norm: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What will be asked of the records; follows from the schema and the configuration alone."""

    unknown_categories: int  # columns whose categories must be found
    unit_columns: int  # columns of a unit in the histograms, each counted once a unit
    row_columns: int  # columns of rows in the histograms, each counted at most `rows` times a unit
    row_counts: bool  # whether the number of rows a unit is asked
    training: bool = True
    rounds: int = 0  # marginals of codes that are selected and measured in place of training, beside single columns


@dataclass(frozen=True, kw_only=True)
class MarginalNoise:
    """The mechanisms of an engine that learns marginals.

    ``singles_multiplier``: noise of those of all single columns together over their joint L2 sensitivity.
    ``selection_epsilon``: ε of each selection, an exponential mechanism. ``measure_multiplier``: noise of each further
    marginal over its L2 sensitivity.
    """

    singles_multiplier: float
    selection_epsilon: float
    measure_multiplier: float


@dataclass(frozen=True, kw_only=True)
class Mechanisms:
    """The calibrated mechanisms of a release.

    ``category_scale``, ``category_threshold``: Laplace scale and threshold of each stable histogram,
    which has δ ``category_delta``. ``statistics_multiplier``: noise of the histograms over their
    joint L2 sensitivity. ``training_multiplier``: noise of a step over the clipping norm. A
    multiplier of 0 stands for a mechanism that is not used. ``marginals`` are the mechanisms of an engine that
    takes no steps. ``epsilon`` is what all of them compose to at ``delta``.
    """

    promise: Promise
    workload: Workload
    category_scale: float
    category_threshold: float
    category_delta: float
    statistics_multiplier: float
    training_multiplier: float
    batch_units: int
    steps: int
    clipping_norm: float
    epsilon: float
    delta: float
    marginals: MarginalNoise | None = None

    @property
    def sampling_rate(self) -> float:
        """q = B / Ñ."""
        return min(1.0, self.batch_units / self.promise.units_about)

    @property
    def statistics_sensitivity(self) -> float:
        """L2 sensitivity of all histograms together: the root of the sum of squares over their columns."""
        work = self.workload
        return math.sqrt(work.unit_columns + work.row_columns * self.promise.rows**2 + (1 if work.row_counts else 0))
