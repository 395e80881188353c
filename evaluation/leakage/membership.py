"""Membership attacks: can someone tell which units were learned from?

Members are units of train, non-members as many units of the holdout; an attack ranks them. The unit,
with all its rows, is what is attacked.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import PARTS, Comparison, Part
from evaluation.leakage.exact_copies import row_hashes
from evaluation.leakage.space import Space, nearest
from evaluation.score import Score
from evaluation.statistics import (
    Z_OF_TWO,
    auc_influence,
    normal_interval,
    roc_curve,
    true_rate_at_false_rate,
    variance_by_unit,
)
from shared.corpus.units import UnitFrame
from shared.randomness import numpy_generator

Density = Callable[[UnitFrame], NDArray[np.float64]]
FLOOR = 1e-6  # squared distance below which rows count as copies of each other
SURE = 0.1  # false positive rate up to which the second ranking accuses


def membership_by_density(data: Comparison, density: Density, *, seed: int) -> Score:
    """Units to which the generator itself gives a high density are called members.

    ``density`` gives the log density of each unit. A generator that learned its units by heart gives
    them more than it gives to unseen ones (Hilprecht et al. 2019, PoPETs, for generators; the loss
    threshold of Yeom et al. 2018, arXiv:1709.01604).
    """
    random = numpy_generator(seed, "membership density")
    count = _attacked(data)
    members, others = (
        data.part(part).take(np.sort(random.permutation(len(data.part(part)))[:count])) for part in ("train", "holdout")
    )
    scores = np.concatenate([density(members), density(others)])
    return _score("membership (density)", np.arange(2 * count) < count, scores, random)


def membership_by_distance(data: Comparison, *, seed: int) -> Score:
    """Units that lie far nearer to the synthetic rows than to real rows nobody trained on are called members.

    The score of a row is the log ratio of its distances to the nearest reference and to the nearest
    synthetic row, a ratio of densities as in DOMIAS (van Breugel et al. 2023, arXiv:2302.12580); that
    of a unit is the highest of its rows. One half of the holdout is the reference for the other half and
    for half of the members, and the other way round. What is searched are samples, but for exact copies
    all synthetic rows.
    """
    random = numpy_generator(seed, "membership distance")
    count = _attacked(data)
    held, members = (random.permutation(len(data.part(part))) for part in ("holdout", "train"))
    space = Space(data)
    synthetic = space.points(
        "synthetic", data.sample_rows("synthetic", data.effort.references, seed=seed, consumer="membership")
    )
    hashes: dict[Part, NDArray[np.uint64]] = {part: row_hashes(data, part) for part in PARTS}
    scores, member = [], []
    for fold in (0, 1):
        reference = _rows_of(data, "holdout", held[1 - fold :: 2])
        references = space.points("holdout", reference[: data.effort.references])
        attacked: tuple[tuple[Part, NDArray[np.int64]], ...] = (
            ("train", members[:count][fold::2]),
            ("holdout", held[: 2 * (count // 2)][fold::2]),
        )
        for part, units in attacked:
            rows = _rows_of(data, part, units)
            points, own = space.points(part, rows), hashes[part][rows]
            far = np.where(np.isin(own, hashes["holdout"][reference]), 0.0, nearest(points, references))
            near = np.where(np.isin(own, hashes["synthetic"]), 0.0, nearest(points, synthetic))
            scores.append(_highest(np.log(far + FLOOR) - np.log(near + FLOOR), data.part(part).rows_per_unit[units]))
            member.append(np.full(len(units), part == "train"))
    return _score("membership (distance)", np.concatenate(member), np.concatenate(scores), random)


def _attacked(data: Comparison) -> int:
    """How many members are attacked, and as many others: fewer if units have many rows."""
    rows = max(len(part.frame) / len(part) for part in (data.train, data.holdout))
    most = min(data.effort.attacked_units, int(2 * data.effort.attacked_units / rows))
    return max(2, min(most, len(data.train), len(data.holdout)))


def _highest(rows: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """The highest number of each unit's rows, shape ``(units,)``."""
    best = np.full(len(lengths), -np.inf)
    np.maximum.at(best, np.repeat(np.arange(len(lengths)), lengths), rows)
    return best


def _rows_of(data: Comparison, part: Part, units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of all rows of the units, unit by unit in the order given."""
    offsets = data.part(part).offsets
    return np.concatenate([np.arange(offsets[unit], offsets[unit + 1]) for unit in units])


def _score(name: str, member: NDArray[np.bool_], scores: NDArray[np.float64], random: np.random.Generator) -> Score:
    """The better of two rankings: by the scores as they are, and with all ties but the surest.

    The second finds a few units known by heart among many that the model knows nothing of, the
    first a small lean over all of them. The interval pays for the choice: each is taken at 97.5 %.
    """
    # A density may be zero or undefined, and an attack has to rank that too: last.
    scores = np.nan_to_num(scores, nan=-1e300, neginf=-1e300, posinf=1e300)
    cut = np.quantile(scores[~member], 1 - SURE, method="higher")
    rankings = {"all units": scores, f"surest {SURE:.0%}": np.maximum(scores, cut)}
    found = {}
    for ranking, ranked in rankings.items():
        area, influence = auc_influence(member, ranked)
        variance = variance_by_unit(influence, np.arange(len(member)))
        found[ranking] = (normal_interval(area, variance, z=Z_OF_TWO), area)
    best = max(found, key=lambda ranking: found[ranking][0][0])
    false, true = roc_curve(member, scores)
    return Score(
        name=name,
        value=found[best][1],
        interval=found[best][0],
        baseline=0.5,
        better="lower",
        gate_on="lower",
        detail={
            "roc": {"fpr": false.tolist(), "tpr": true.tolist()},
            "tpr_at_1_fpr": list(true_rate_at_false_rate(member, scores, random)),
            "attacked": int(member.sum()),
            "ranking": best,
            "areas": {ranking: area for ranking, (_, area) in found.items()},
        },
    )
