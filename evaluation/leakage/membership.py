"""Membership attacks: can someone tell which units were learned from?

Members are units of train, non-members as many units of the holdout; an attack ranks them. The unit,
with all its rows, is what is attacked.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison, Part
from evaluation.leakage.space import Space, nearest
from evaluation.score import Score
from evaluation.statistics import auc_influence, normal_interval, roc_curve, true_rate_at_false_rate, variance_by_unit
from shared.corpus.units import UnitFrame
from shared.randomness import numpy_generator

Density = Callable[[UnitFrame], NDArray[np.float64]]
SURE = 0.1  # share of units that the distance attack dares to accuse


def membership_by_density(data: Comparison, density: Density, *, seed: int) -> Score:
    """Units to which the generator itself gives a high density are called members.

    ``density`` gives the log density of each unit. A generator that learned its units by heart gives
    them more than it gives to unseen ones (Hilprecht et al. 2019, PoPETs, for generators; the loss
    threshold of Yeom et al. 2018, arXiv:1709.01604).
    """
    random = numpy_generator(seed, "membership density")
    count = min(data.effort.attacked_units, len(data.train), len(data.holdout))
    members, others = (
        data.part(part).take(np.sort(random.permutation(len(data.part(part)))[:count])) for part in ("train", "holdout")
    )
    scores = np.concatenate([density(members), density(others)])
    return _score("membership (density)", np.arange(2 * count) < count, scores, random)


def membership_by_distance(data: Comparison, *, seed: int) -> Score:
    """Units that lie far nearer to the synthetic rows than to real rows nobody trained on are called members.

    The score of a row is the log ratio of its distances to the nearest reference and to the nearest
    synthetic row, a ratio of densities as in DOMIAS (van Breugel et al. 2023, arXiv:2302.12580); that
    of a unit is the highest of its rows. The reference is one half of the holdout, the other half are
    the non-members. The attack accuses only the tenth it is surest of: all others tie.
    """
    random = numpy_generator(seed, "membership distance")
    held = random.permutation(len(data.holdout))
    count = min(data.effort.attacked_units, len(data.train), len(held) // 2)
    chosen: dict[Part, NDArray[np.int64]] = {
        "train": random.permutation(len(data.train))[:count],
        "holdout": held[:count],
    }
    space = Space(data)
    reference = _rows_of(data, "holdout", held[len(held) // 2 :])[: data.effort.references]
    references = space.points("holdout", reference)
    synthetic_rows = data.sample_rows(
        "synthetic", max(data.effort.references, 2 * len(reference)), seed=seed, consumer="membership"
    )
    synthetic = space.points("synthetic", synthetic_rows)
    scores = np.concatenate(
        [_ratios(data, part, units, space, references, synthetic) for part, units in chosen.items()]
    )
    scores = np.where(scores < np.quantile(scores, 1 - SURE), -np.inf, scores)
    ranked = np.where(np.isinf(scores) & (scores < 0), np.min(scores[np.isfinite(scores)], initial=0.0) - 1, scores)
    return _score("membership (distance)", np.arange(2 * count) < count, ranked, random)


def _ratios(
    data: Comparison,
    part: Part,
    units: NDArray[np.int64],
    space: Space,
    references: NDArray[np.float32],
    synthetic: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Highest log ratio of each unit's rows, shape ``(units,)``."""
    rows = _rows_of(data, part, units)
    points = space.points(part, rows)
    floor = 1e-6
    ratio = np.log(nearest(points, references) + floor) - np.log(nearest(points, synthetic) + floor)
    place = np.repeat(np.arange(len(units)), data.part(part).rows_per_unit[units])
    best = np.full(len(units), -np.inf)
    np.maximum.at(best, place, ratio)
    return best


def _rows_of(data: Comparison, part: Part, units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of all rows of the units, unit by unit in the order given."""
    offsets = data.part(part).offsets
    return np.concatenate([np.arange(offsets[unit], offsets[unit + 1]) for unit in units])


def _score(name: str, member: NDArray[np.bool_], scores: NDArray[np.float64], random: np.random.Generator) -> Score:
    area, influence = auc_influence(member, scores)
    false, true = roc_curve(member, scores)
    return Score(
        name=name,
        value=area,
        interval=normal_interval(area, variance_by_unit(influence, np.arange(len(member)))),
        baseline=0.5,
        better="lower",
        gate_on="lower",
        detail={
            "roc": {"fpr": false.tolist(), "tpr": true.tolist()},
            "tpr_at_1_fpr": list(true_rate_at_false_rate(member, scores, random)),
            "attacked": int(member.sum()),
        },
    )
