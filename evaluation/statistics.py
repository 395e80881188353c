"""Intervals and curves that metrics and attacks share. All intervals are at 95 %."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm, rankdata, t

Z = float(norm.ppf(0.975))
Z_OF_TWO = float(norm.ppf(1 - 0.025 / 2))  # for the better of two estimates (Bonferroni)
Interval = tuple[float, float]
_MOST_EXCESS = 1.0 - 1e-9


def clip(low: float, high: float, bounds: Interval = (0.0, 1.0)) -> Interval:
    """An interval inside ``bounds``."""
    return float(np.clip(low, *bounds)), float(np.clip(high, *bounds))


def normal_interval(value: float, variance: float, bounds: Interval = (0.0, 1.0), *, z: float = Z) -> Interval:
    """``value`` ± ``z`` (1.96) standard errors, inside ``bounds``."""
    half = z * float(np.sqrt(variance))
    return clip(value - half, value + half, bounds)


def wilson(share: float, trials: float) -> Interval:
    """Wilson's score interval of a binomial share (JASA 22, 1927); ``trials`` may be effective ones."""
    if trials <= 0:
        return 0.0, 1.0
    centre = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = Z / (1 + Z**2 / trials) * float(np.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2)))
    return clip(centre - half, centre + half)


def newcombe(share: float, trials: float, other: float, other_trials: float) -> Interval:
    """Interval of ``share - other``, two independent binomial shares (Newcombe, Stat. Med. 17, 1998, method 10)."""
    low, high = wilson(share, trials)
    other_low, other_high = wilson(other, other_trials)
    difference = share - other
    return (
        difference - float(np.hypot(share - low, other_high - other)),
        difference + float(np.hypot(high - share, other - other_low)),
    )


def relative_excess(rate: float, control: float, trials: float, *, z: float = Z) -> tuple[float, Interval]:
    """``(rate - control) / (1 - control)`` of two shares of equally many trials, and its interval.

    One less the ratio of the failures; the interval inverts the score test of that ratio (Koopman, Biometrics 40,
    1984; Miettinen and Nurminen, Stat. Med. 4, 1985). Trials that are shares themselves count as coins,
    which vary more: the interval is then too wide. Both ends lie in [-1, 1].
    """
    if control >= 1.0:
        return 0.0, (-1.0, 1.0)
    failed, spared = 1.0 - rate, 1.0 - control

    def surprise(excess: float) -> float:
        """How many standard errors the failures lie above what ``excess`` lets expect; rises with it."""
        ratio = 1.0 - excess
        # The likeliest share of failures among controls under that ratio is the smaller root of a quadratic.
        linear = ratio * (1 + spared) + failed + 1
        other = 2 * (failed + spared) / (linear + np.sqrt(max(0.0, linear**2 - 8 * ratio * (failed + spared))))
        one = min(1.0, ratio * other)
        variance = (one * (1 - one) + ratio**2 * other * (1 - other)) / trials
        gap = failed - ratio * spared
        return float(gap / np.sqrt(max(variance, 1e-300))) if gap else 0.0

    def end(target: float, low: float, high: float) -> float:
        if surprise(low) >= target:
            return low
        return high if surprise(high) <= target else float(brentq(lambda excess: surprise(excess) - target, low, high))

    value = float(np.clip(1.0 - failed / spared, -1.0, 1.0))
    inside = min(value, _MOST_EXCESS)
    low, high = end(-z, -1.0, inside), end(z, inside, _MOST_EXCESS)
    return value, (low, 1.0 if high >= _MOST_EXCESS else high)


def effective_trials(hits: NDArray[np.bool_], unit: NDArray[np.int64]) -> float:
    """Number of independent rows that carry as much as these rows of units (Kish's design effect, at least 1)."""
    rows, share = len(hits), float(np.mean(hits))
    binomial = share * (1 - share) / rows
    if binomial == 0:
        return float(len(np.unique(unit)))
    clustered = float(np.sum(np.bincount(unit, weights=hits - share) ** 2)) / rows**2
    return float(rows / max(1.0, clustered / binomial))


def auc_influence(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Area under the ROC curve and what each row contributes to its error, shape ``(rows,)``.

    The contributions are DeLong's placement values (Biometrics 44, 1988), centred and divided by the size of
    their class. Their squares, summed first inside a unit, give the variance of the area (Obuchowski,
    Biometrics 53, 1997); differences of areas on the same rows have the differences of the contributions.
    """
    count = int(positive.sum())
    others = len(scores) - count
    if count == 0 or others == 0:
        return 0.5, np.zeros(len(scores))
    ranks = rankdata(scores)
    placement = np.empty(len(scores))
    placement[positive] = (ranks[positive] - rankdata(scores[positive])) / others
    placement[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / count
    area = float(placement[positive].mean())
    return area, (placement - area) / np.where(positive, count, others)


def variance_by_unit(influence: NDArray[np.float64], unit: NDArray[np.int64]) -> float:
    """Variance of an estimate from the contributions of its rows, which are summed inside each unit first."""
    return float(np.sum(np.bincount(unit, weights=influence) ** 2))


def clustered_both_ways(influence: NDArray[np.float64], unit: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Variance of an estimate whose rows stand or fall together by two groupings, each of shape ``(rows,)``.

    Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29, 2011: the one, the other, less what is in both.
    """
    both = np.unique(np.stack([unit, other], axis=1), axis=0, return_inverse=True)[1].ravel()
    one, two, common = (
        variance_by_unit(influence, np.unique(groups, return_inverse=True)[1]) for groups in (unit, other, both)
    )
    return max(one + two - common, one, two)


def roc_curve(
    positive: NDArray[np.bool_], scores: NDArray[np.float64], *, points: int = 200
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates, each of shape ``(at most points,)``; half of the points lie below 5 %."""
    order = np.argsort(-scores, kind="stable")
    last = np.concatenate([np.flatnonzero(np.diff(scores[order])), [len(scores) - 1]])
    hits = np.cumsum(positive[order])[last]
    false = np.concatenate([[0.0], (last + 1 - hits) / max(1, (~positive).sum())])
    true = np.concatenate([[0.0], hits / max(1, positive.sum())])
    if len(false) <= points:
        return false, true
    grid = np.concatenate(
        [np.geomspace(1e-4, 0.05, points // 2 - 1), np.linspace(0.05, 1, points - points // 2 + 1)[1:]]
    )
    grid = np.concatenate([[0.0], grid])
    return grid, rate_at(grid, false, true)


def rate_at(grid: NDArray[np.float64], false: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """True positive rates at the false positive rates of ``grid``; ties are cut at random, hence straight lines."""
    # Of equal false positive rates the last point counts: nothing is paid for the jump.
    keep = np.concatenate([np.diff(false) > 0, [True]])
    return np.interp(grid, false[keep], true[keep])


def true_rate_at_false_rate(
    positive: NDArray[np.bool_], scores: NDArray[np.float64], rng: np.random.Generator, *, rate: float = 0.01
) -> tuple[float, float, float]:
    """True positive rate at a false positive rate, and its interval: ``(value, low, high)``.

    The threshold moves as the order statistic of the negatives does (a beta distribution), the share
    of positives above it as a binomial one: 2,000 draws of both.
    """
    false, true = roc_curve(positive, scores, points=len(scores) + 2)
    count, others = int(positive.sum()), int((~positive).sum())
    value = float(rate_at(np.array([rate]), false, true)[0])
    moved = rng.beta(rate * others + 0.5, (1 - rate) * others + 0.5, size=2_000)
    shares = np.clip(rate_at(moved, false, true), 0, 1)
    drawn = rng.beta(shares * count + 0.5, (1 - shares) * count + 0.5)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return value, float(min(low, value)), float(max(high, value))


def jackknife_variance(without: Sequence[float]) -> float:
    """Variance of an estimate from its values with one group of units left out, shape ``(groups,)``."""
    values = np.asarray(without)
    return float((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2))


def jackknife_interval(value: float, without: Sequence[float], bounds: Interval = (0.0, 1.0)) -> Interval:
    """Interval of an estimate by the delete-a-group jackknife, with as many degrees of freedom as groups less one."""
    z = float(t.ppf(0.975, len(without) - 1))
    return normal_interval(value, jackknife_variance(without), bounds, z=z)
