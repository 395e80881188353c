"""Linkability: do the synthetic rows tie together what two data sets know of one person?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison, Part
from evaluation.leakage.risk import Attack, Hits, Targets, draw_targets, references_for, risk_score
from evaluation.records import Records, chunks
from evaluation.score import Score
from shared.randomness import numpy_generator

NEIGHBOURS = (1, 10)
ROWS_OF_UNIT = 4
Split = tuple[list[int], list[int]]


def linkability(data: Comparison, *, seed: int) -> Score:
    """Units whose two halves, known from two sources, are tied together by a synthetic row near to both.

    The columns are dealt into two halves that tell about as much. A unit is linked if a synthetic row is among the
    k nearest of one of its rows in the one half of the columns and in the other; where more rows than k are as near,
    none of them counts. Two attacks, k = 1 and 10. The naive attacker takes the other half of another unit.
    """
    split = halves(data.records)
    targets = draw_targets(data, data.effort.linked_units, seed=seed, consumer="linkability", rows_of_unit=ROWS_OF_UNIT)
    references = references_for(data, targets, seed=seed, consumer="linkability")
    random = numpy_generator(seed, "linkability")
    controls = targets["holdout"].rows
    train = _linked(data.records, "train", targets["train"], targets["train"].rows, references, split)
    control = _linked(data.records, "holdout", targets["holdout"], controls, references, split)
    naive = _linked(data.records, "holdout", targets["holdout"], random.permutation(controls), references, split)
    attacks = [
        Attack("nearest row" if k == 1 else f"{k} nearest rows", train[k], control[k], naive[k]) for k in NEIGHBOURS
    ]
    return risk_score("linkability", attacks, halves=[[data.names[column] for column in half] for half in split])


def halves(records: Records) -> Split:
    """Columns dealt in turns, those first that tell most rows apart (by the entropy of the synthetic values)."""
    entropy = []
    for codes in records.values["synthetic"]:
        shares = np.unique(codes, return_counts=True)[1] / max(1, len(codes))
        entropy.append(float(-(shares * np.log(shares)).sum()))
    order = np.argsort(np.negative(entropy), kind="stable")
    dealt = np.arange(len(order)) % 4 % 3 == 0  # first, fourth, fifth, eighth, …
    return order[dealt].tolist(), order[~dealt].tolist()


def _linked(
    records: Records,
    part: Part,
    targets: Targets,
    others: NDArray[np.int64],
    references: NDArray[np.int64],
    split: Split,
) -> dict[int, Hits]:
    """For each k, 1 for each unit that is linked; ``others`` says of which row each row gets its second half."""
    hits = {k: np.zeros(len(targets.rows), dtype=bool) for k in NEIGHBOURS}
    most = min(max(NEIGHBOURS), len(references) - 1)
    for some in chunks(len(targets.rows), len(references)):
        both = []
        for half, mine in zip(split, (targets.rows, others), strict=True):
            apart = np.zeros((len(mine[some]), len(references)), dtype=np.float32)
            for column in half:
                apart += records.distances(part, mine[some], references, column)
            both.append((apart, np.sort(np.partition(apart, most, axis=1)[:, : most + 1], axis=1)))
        for k in NEIGHBOURS:
            place = min(k, most)
            near = [apart < nearest[:, place, None] for apart, nearest in both]
            hits[k][some] = (near[0] & near[1]).any(axis=1)
    return {k: targets.of_units(hit) for k, hit in hits.items()}
