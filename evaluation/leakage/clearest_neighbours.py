"""Clearest neighbours share: where one side is far nearer than the other, is it the one that was learned from?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison, Part
from evaluation.leakage.space import SAME, Space, nearest_unit
from evaluation.score import Score
from evaluation.statistics import clustered_both_ways, normal_interval
from shared.randomness import numpy_generator

CLEAREST = 0.05


def clearest_neighbours_share(data: Comparison, *, seed: int) -> Score:
    """Of the 5 % of synthetic rows with the clearest neighbours, the share whose nearest is of train.

    A row's neighbours are clear if its distance to the nearest unit of the one side is small against that of the
    other side; the ratio of the two knows no sides. So where train has no pull of its own, either side is
    the nearer one with the same chance, whatever the ratio, and the share is 0.5. A copy has ratio 0, hence a few
    copies are most of the clearest rows, while in the share of all rows they drown (5 % of copies move that one by
    0.025). Rows that are level, such as common rows that both sides hold word for word, have ratio 1 and count half.

    Train and holdout are samples of the same number of units. The interval clusters by synthetic unit and by the
    nearest real unit, as that of :func:`nearest_neighbour_share` does.
    """
    space = Space(data)
    queries = data.sample_rows("synthetic", data.effort.queries, seed=seed, consumer="neighbours")
    points = space.points("synthetic", queries)
    rows = _rows_of_equal_units(data, seed)
    (train, train_unit), (holdout, holdout_unit) = (
        nearest_unit(points, space.points(part, rows[part]), data.unit_of_row[part][rows[part]])
        for part in ("train", "holdout")
    )
    train, holdout = (np.where(squared < SAME, 0.0, squared) for squared in (train, holdout))
    least, most = np.minimum(train, holdout), np.maximum(train, holdout)
    ratio = np.where(most > 0, least / np.where(most > 0, most, 1.0), 1.0)
    clear = np.argsort(ratio, kind="stable")[: max(1, round(CLEAREST * len(ratio)))]
    nearer = np.where(np.abs(train - holdout) < SAME, 0.5, train < holdout)[clear]
    share = float(nearer.mean())
    # Units of the two sides are told apart by their sign.
    cell = np.where(train <= holdout, train_unit, -1 - holdout_unit)[clear]
    unit = data.unit_of_row["synthetic"][queries][clear]
    return Score(
        name="clearest neighbours share",
        value=share,
        interval=normal_interval(share, clustered_both_ways((nearer - share) / len(clear), unit, cell)),
        baseline=0.5,
        better="lower",
        detail={"rows": len(clear), "ratio": float(np.sqrt(ratio[clear].max()))},
    )


def _rows_of_equal_units(data: Comparison, seed: int) -> dict[Part, NDArray[np.int64]]:
    """Rows of train and of holdout, of as many units on either side."""
    parts: tuple[Part, Part] = ("train", "holdout")
    rows = {part: data.sample_rows(part, data.effort.references, seed=seed, consumer="neighbours") for part in parts}
    units = {part: np.unique(data.unit_of_row[part][rows[part]]) for part in parts}
    size = min(map(len, units.values()))
    for part in parts:
        kept = numpy_generator(seed, "equal units", part).permutation(units[part])[:size]
        rows[part] = rows[part][np.isin(data.unit_of_row[part][rows[part]], kept)]
    return rows
