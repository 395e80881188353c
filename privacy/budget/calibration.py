"""From a promise to mechanisms: how much noise each stage needs so that all together keep it.

Everything follows from declared quantities (privacy rule 1), so the same declaration gives the same
mechanisms on any data.

How the budget is shared
    A share is a part of the squared privacy loss, the quantity that adds up in compositions of many
    small losses (ε² of a Laplace mechanism, 1/z² of a Gaussian one). Its total is that of the one
    Gaussian mechanism that keeps the promise. Training gets what the shares leave; the shares of
    stages that are not used go to the others. The last stage that is used is then calibrated by
    root-finding with the accountant, so the promise is met exactly and never passed. Of δ, the stable
    histograms together get :data:`CATEGORY_DELTA_SHARE`: few, because over the releases of a source
    these δ add up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from scipy.special import log_ndtr, ndtr

from privacy.budget.accountant import LEAST_DELTA, Accountant
from privacy.budget.events import joint_events
from privacy.budget.promise import MarginalNoise, Mechanisms, Promise, Spending, Workload
from shared.errors import ConfigurationError

CATEGORY_DELTA_SHARE = 0.05
# Of the squared loss of learning by marginals: single columns, selections; measuring takes the rest.
SINGLES_SHARE, SELECTIONS_SHARE = 0.1, 0.2
LEAST_MULTIPLIER, MOST_MULTIPLIER = 0.2, 10_000.0
_COARSE_CELLS = 1_000
_STEP = 1e-4  # multipliers are calibrated to this relative precision


def calibrate(promise: Promise, spending: Spending, workload: Workload) -> Mechanisms:
    """Mechanisms that compose to at most ``promise.epsilon`` at ``promise.declared_delta``.

    Deterministic. A few CPU-seconds. Raises :class:`ConfigurationError` for a batch larger than the
    declared number of units, for shares that leave nothing to training, and for a promise that would
    need noise beyond 10,000 times the sensitivity.
    """
    return calibrate_together([promise], spending, [workload])[0]


def calibrate_together(
    promises: Sequence[Promise], spending: Spending, workloads: Sequence[Workload]
) -> tuple[Mechanisms, ...]:
    """Mechanisms for several tables of the same units that together keep one promise; see :func:`calibrate`.

    ``promises`` are one promise with each table's own caps. The squared privacy loss is shared among the tables in
    proportion to the columns that are learned. All mechanisms are mechanisms on the same units, so their
    events compose; each result's ``epsilon`` is that of all of them.
    """
    promise = promises[0]
    if any(
        (other.epsilon, other.delta, other.units_about) != (promise.epsilon, promise.delta, promise.units_about)
        for other in promises
    ):
        raise ConfigurationError("the tables of one release keep one promise: the same ε, δ and units_about")
    for own, workload in zip(promises, workloads, strict=True):
        _check(own, spending, workload)
    sizes = [workload.unit_columns + workload.row_columns + workload.row_counts for workload in workloads]
    shares = [max(1, size) / sum(max(1, size) for size in sizes) for size in sizes]
    unknown = sum(workload.unknown_categories for workload in workloads)
    drafts = [
        _draft(own, spending, workload, share, unknown)
        for own, workload, share in zip(promises, workloads, shares, strict=True)
    ]
    vary = _last_stage(drafts, shares, unknown)
    if vary is None:
        return tuple(drafts)
    coarse, fine = Accountant(cells=_COARSE_CELLS), Accountant()
    rough = _rough(lambda noise: _epsilon(coarse, vary(noise)), promise)
    chosen = vary(_refined(lambda noise: _epsilon(fine, vary(noise)), promise, rough))
    epsilon = _epsilon(fine, chosen)
    return tuple(replace(mechanisms, epsilon=epsilon) for mechanisms in chosen)


def gaussian_multiplier(epsilon: float, delta: float) -> float:
    """The least noise multiplier of one Gaussian mechanism that is (ε, δ)-differentially private.

    Balle and Wang (2018), theorem 8; by bisection to a relative 1e-9, from above.
    """

    def delta_of(multiplier: float) -> float:
        low, high = 0.5 / multiplier - epsilon * multiplier, -0.5 / multiplier - epsilon * multiplier
        return float(ndtr(low)) - math.exp(min(0.0, epsilon + float(log_ndtr(high))))

    low, high = 1e-6, 1e12
    while high > low * (1 + 1e-9):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if delta_of(middle) <= delta else (middle, high)
    return high


def category_threshold(scale: float, cap: int, delta: float) -> float:
    """The least noisy count of units that a stable histogram publishes: 1 + scale ln(k / (2δ)) (privacy rule 4).

    A count of one unit passes with probability e^(-(threshold - 1) / scale) / 2 = δ / k, and a unit has
    at most k values of its own, so one of them is published with probability at most δ.
    """
    return 1 + scale * max(0.0, math.log(cap / (2 * delta)))


@dataclass(frozen=True)
class _Stages:
    """Parts of the squared privacy loss; they add up to 1 over the stages that are used."""

    categories: float
    statistics: float
    training: float


def _check(promise: Promise, spending: Spending, workload: Workload) -> None:
    if promise.declared_delta < LEAST_DELTA:
        raise ConfigurationError(f"delta is {promise.declared_delta:g}; declare one of at least {LEAST_DELTA:g}")
    if workload.training and workload.rounds:
        raise ConfigurationError("a table is learned by training or by marginals; a workload has one of them")
    if min(workload.unknown_categories, workload.unit_columns, workload.row_columns, workload.rounds) < 0:
        raise ConfigurationError("a workload has numbers of columns from 0 up")
    for name in ("categories_share", "statistics_share"):
        share = getattr(spending, name)
        if not 0 < share < 1:
            raise ConfigurationError(f"{name} is {share}; it must lie between 0 and 1, such as 0.1")
    if spending.categories_share + spending.statistics_share >= 1:
        raise ConfigurationError(
            f"categories_share and statistics_share are {spending.categories_share} and {spending.statistics_share}; "
            "together they must stay below 1, the rest is for training"
        )
    if not workload.training:
        return
    if spending.steps < 1 or spending.batch_units < 1 or not spending.clipping_norm > 0:
        raise ConfigurationError("steps, batch_units and clipping_norm must be positive")
    if spending.batch_units > promise.units_about:
        raise ConfigurationError(
            f"batch_units is {spending.batch_units} but units_about declares {promise.units_about}; "
            "declare a batch of at most as many units"
        )


def _stages(spending: Spending, workload: Workload) -> _Stages:
    parts = (
        spending.categories_share if workload.unknown_categories else 0.0,
        spending.statistics_share if _asks_statistics(workload) else 0.0,
        1 - spending.categories_share - spending.statistics_share if _learns(workload) else 0.0,
    )
    total = sum(parts) or 1.0
    return _Stages(*(part / total for part in parts))


def _draft(promise: Promise, spending: Spending, workload: Workload, share: float, unknown: int) -> Mechanisms:
    """Mechanisms by shares alone: right for the Gaussian limit, training still without noise.

    ``share`` is the table's part of the squared privacy loss; ``unknown`` categories are those of all tables.
    """
    stages = _stages(spending, workload)
    precision = share * gaussian_multiplier(promise.epsilon, promise.declared_delta) ** -2
    draft = Mechanisms(
        promise=promise,
        workload=workload,
        category_scale=0.0,
        category_threshold=0.0,
        category_delta=0.0,
        statistics_multiplier=1 / math.sqrt(stages.statistics * precision) if stages.statistics else 0.0,
        training_multiplier=0.0,
        batch_units=spending.batch_units,
        steps=spending.steps,
        clipping_norm=spending.clipping_norm,
        epsilon=0.0,
        delta=promise.declared_delta,
    )
    if not workload.unknown_categories:
        return draft
    return _with_categories(draft, math.sqrt(workload.unknown_categories / (stages.categories * precision)), unknown)


def _with_categories(mechanisms: Mechanisms, parameter: float, unknown: int) -> Mechanisms:
    """With stable histograms of Laplace parameter (scale over sensitivity) ``parameter``, of ``unknown`` in all."""
    cap = mechanisms.promise.categories_cap
    delta = CATEGORY_DELTA_SHARE * mechanisms.delta / unknown
    scale = cap * parameter
    return replace(
        mechanisms,
        category_scale=scale,
        category_threshold=category_threshold(scale, cap, delta),
        category_delta=delta,
    )


def _last_stage(
    drafts: Sequence[Mechanisms], shares: Sequence[float], unknown: int
) -> Callable[[float], list[Mechanisms]] | None:
    """How the last stage that is used varies with its noise, which is that of a table with all of the loss."""

    def training(draft: Mechanisms, noise: float) -> Mechanisms:
        draft = replace(draft, training_multiplier=noise) if draft.workload.training else draft
        return _with_marginals(draft, noise) if draft.workload.rounds else draft

    def statistics(draft: Mechanisms, noise: float) -> Mechanisms:
        return replace(draft, statistics_multiplier=noise) if _asks_statistics(draft.workload) else draft

    def categories(draft: Mechanisms, noise: float) -> Mechanisms:
        return _with_categories(draft, noise, unknown) if draft.workload.unknown_categories else draft

    works = [draft.workload for draft in drafts]
    if any(map(_learns, works)):
        change = training
    elif any(map(_asks_statistics, works)):
        change = statistics
    elif unknown:
        change = categories
    else:
        return None
    return lambda noise: [change(draft, noise / math.sqrt(share)) for draft, share in zip(drafts, shares, strict=True)]


def _with_marginals(mechanisms: Mechanisms, noise: float) -> Mechanisms:
    """With marginals that together lose as much as one Gaussian mechanism of the multiplier ``noise`` does, about."""
    rounds = mechanisms.workload.rounds
    return replace(
        mechanisms,
        marginals=MarginalNoise(
            singles_multiplier=noise / math.sqrt(SINGLES_SHARE),
            selection_epsilon=math.sqrt(SELECTIONS_SHARE / rounds) / noise,
            measure_multiplier=noise * math.sqrt(rounds / (1 - SINGLES_SHARE - SELECTIONS_SHARE)),
        ),
    )


def _learns(work: Workload) -> bool:
    return bool(work.training or work.rounds)


def _asks_statistics(work: Workload) -> bool:
    return bool(work.unit_columns or work.row_columns or work.row_counts)


def _epsilon(accountant: Accountant, mechanisms: Sequence[Mechanisms]) -> float:
    return accountant.epsilon(joint_events(mechanisms), mechanisms[0].delta)


def _rough(epsilon_of: Callable[[float], float], promise: Promise) -> float:
    """The noise, to 1 %, that keeps the promise on the coarse grid."""
    target = promise.epsilon
    if epsilon_of(MOST_MULTIPLIER) > target:
        raise ConfigurationError(
            f"epsilon {target:g} at delta {promise.declared_delta:g} needs noise beyond {MOST_MULTIPLIER:g} "
            "times the sensitivity; declare a larger epsilon, fewer steps or a smaller batch"
        )
    kept = _Point(1.0, epsilon_of(1.0))
    missed = kept
    while kept.epsilon > target:
        wider = min(2 * kept.noise, MOST_MULTIPLIER)
        missed, kept = kept, _Point(wider, epsilon_of(wider))
    while missed.epsilon <= target and missed.noise > LEAST_MULTIPLIER:
        kept = missed
        narrower = max(missed.noise / 2, LEAST_MULTIPLIER)
        missed = _Point(narrower, epsilon_of(narrower))
    return missed.noise if missed.epsilon <= target else _least(epsilon_of, target, missed, kept, 0.01)


def _refined(epsilon_of: Callable[[float], float], promise: Promise, rough: float) -> float:
    """The least noise, to 0.01 %, that keeps the promise on the fine grid, near ``rough``."""
    target = promise.epsilon
    kept = _Point(rough, epsilon_of(rough))
    while kept.epsilon > target:
        wider = kept.noise * max(1.002, kept.epsilon / target)
        kept = _Point(wider, epsilon_of(wider))
    if kept.noise <= LEAST_MULTIPLIER:
        return kept.noise
    # The loss falls about as the noise grows: a little below what that says, the promise is missed.
    missed, guess = kept, kept.noise * (kept.epsilon / target) ** 1.2 * (1 - 20 * _STEP)
    while missed.epsilon <= target and missed.noise > LEAST_MULTIPLIER:
        kept, guess = missed, max(guess, LEAST_MULTIPLIER)
        missed, guess = _Point(guess, epsilon_of(guess)), guess * 0.99
    return missed.noise if missed.epsilon <= target else _least(epsilon_of, target, missed, kept, _STEP)


class _Point(NamedTuple):
    """Noise, and the ε that it proves."""

    noise: float
    epsilon: float


def _least(
    epsilon_of: Callable[[float], float], target: float, missed: _Point, kept: _Point, precision: float
) -> float:
    """The least noise between two, to a relative ``precision``, whose ε is at most ``target``.

    By the false position on a doubly logarithmic scale, where ε is nearly straight; each guess is moved a little
    towards the end that is further from it, so that both ends close in. Bisection where ε is not finite.
    """
    while kept.noise > missed.noise * (1 + precision):
        span = math.log(kept.noise / missed.noise)
        share = 0.5
        if math.isfinite(missed.epsilon) and kept.epsilon > 0:
            share = math.log(missed.epsilon / target) / math.log(missed.epsilon / kept.epsilon)
        margin = 0.4 * math.log1p(precision) / span
        share = share + margin if share < 0.5 else share - margin
        noise = missed.noise * math.exp(span * min(max(share, min(0.02, margin)), 1 - min(0.02, margin)))
        point = _Point(noise, epsilon_of(noise))
        missed, kept = (missed, point) if point.epsilon <= target else (point, kept)
    return kept.noise
