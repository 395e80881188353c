"""Numbers far from all others, and rows that are unlike all others: reported, and off until someone turns them on.

Cut-offs are asked until they hold for what they leave, so cleaning again finds nothing more.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from shared.cleaning.actions import BlankOutside, DropRows
from shared.cleaning.impossible import Finder
from shared.cleaning.plan import Step, proposal
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import NUMERIC, Column, Table
from shared.corpus.values import to_numbers
from shared.randomness import derive

_FEWEST = 50
_CUT = 6.0  # robust standard deviations; of a normal distribution 2 in 10^9 lie outside
_SCALE_OF_MAD = 1.4826
_MOST_ROUNDS = 20
_TREES, _FOREST_ROWS = 100, 256
_MOST_FOREST_ROWS = 100_000
_SCORE_CUT = 7.0  # robust standard deviations of the forest's scores
_LEAST_SCORE = 0.7  # 0.5 is an ordinary row, 1 is isolated at once (Liu et al. 2008, section 2)
_MOST_SHARE = 0.01  # what more rows are is no outlier


def column_outliers(corpus: TextCorpus, table: Table) -> list[Step]:
    """Numbers more than six robust standard deviations from the median, on the line or its logarithm.

    Median and MAD as in Leys et al. 2013 (J. Exp. Soc. Psychol. 49, 764); each side has a scale of its own, for
    columns that lean to one side. Of both lines the one that finds fewer is taken.
    """
    steps = []
    for column in table.columns:
        if column.kind not in NUMERIC or column.name in (table.primary_key, table.unit):
            continue
        numbers = to_numbers(corpus.parsed(table.name, column.name)[0], column)
        found = _cut_offs(numbers[~np.isnan(numbers)])
        if found is None:
            continue
        low, high, centre = found
        steps += proposal(
            corpus, table.name, column.name, BlankOutside(low=low, high=high), rule="outlier", basis="learned",
            reason=f"more than {_CUT:g} robust standard deviations from the median {centre:.4g} "
            f"(below {low:.4g} or above {high:.4g})", confidence=0.5, enabled=False,
        )  # fmt: skip
    return steps


def joint_outliers(seed: int) -> Finder:
    """Rows that an isolation forest isolates at once (Liu, Ting and Zhou 2008)."""

    def joint(corpus: TextCorpus, table: Table) -> list[Step]:
        matrix = _features(corpus, table)
        if matrix.shape[1] < 2 or not _FEWEST <= len(matrix) <= _MOST_FOREST_ROWS:
            return []
        index = corpus.tables[table.name].index.to_numpy()
        kept = np.ones(len(matrix), dtype=bool)
        for _ in range(_MOST_ROUNDS):
            strange = _isolated(matrix[kept], derive(seed, "isolation forest", table.name) % (1 << 32))
            if not strange.any():
                break
            kept[np.flatnonzero(kept)[strange]] = False
        rows = tuple(index[~kept].tolist())
        if len(rows) > _MOST_SHARE * len(matrix):
            return []
        return proposal(
            corpus, table.name, None, DropRows(rows=rows), rule="joint outlier", basis="learned", confidence=0.4,
            reason="an isolation forest sets these rows apart from all others at once", enabled=False,
        )  # fmt: skip

    return joint


def _cut_offs(numbers: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Low and high cut-off and the centre, if a number lies outside."""
    lines: list[tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], Callable[[float], float]]] = [
        (lambda x: x, float)
    ]
    if len(numbers) and numbers.min() > 0:
        lines.append((np.log, lambda x: float(np.exp(np.clip(x, -700, 700)))))
    best: tuple[int, tuple[float, float, float]] | None = None
    for there, back in lines:
        found = _on_line(there(numbers))
        if found is None:
            return None  # this line explains every number
        low, high, centre, outside = found
        if best is None or outside < best[0]:
            best = (outside, (back(low), back(high), back(centre)))
    return None if best is None else best[1]


def _on_line(numbers: NDArray[np.float64]) -> tuple[float, float, float, int] | None:
    kept = numbers
    low, high, centre = -np.inf, np.inf, 0.0
    for _ in range(_MOST_ROUNDS):
        if len(kept) < _FEWEST:
            return None
        centre = float(np.median(kept))
        scales = [
            _SCALE_OF_MAD * float(np.median(side))
            for side in (centre - kept[kept <= centre], kept[kept >= centre] - centre)
        ]
        if min(scales) <= 0:
            return None
        low, high = centre - _CUT * scales[0], centre + _CUT * scales[1]
        inside = (kept >= low) & (kept <= high)
        if inside.all():
            break
        kept = kept[inside]
    outside = len(numbers) - len(kept)
    return (low, high, centre, outside) if 0 < outside <= max(1.0, _MOST_SHARE * len(numbers)) else None


def _isolated(matrix: NDArray[np.float64], seed: int) -> NDArray[np.bool_]:
    forest = IsolationForest(n_estimators=_TREES, max_samples=min(_FOREST_ROWS, len(matrix)), random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = -forest.fit(matrix).score_samples(matrix)
    centre = float(np.median(scores))
    scale = _SCALE_OF_MAD * float(np.median(np.abs(scores - centre)))
    return (scores > max(_LEAST_SCORE, centre + _SCORE_CUT * scale)).astype(bool)


def _features(corpus: TextCorpus, table: Table) -> NDArray[np.float64]:
    """Numbers in robust standard deviations, categories by how rare they are; missing values lie at the centre."""
    keys = {table.primary_key, table.unit, *(key.column for key in table.foreign_keys)}
    columns = [c for c in table.columns if c.kind != "identifier" and c.name not in keys]
    parts = [_feature(corpus.parsed(table.name, column.name)[0], column) for column in columns]
    usable = [part for part in parts if np.ptp(part) > 0]
    return np.column_stack(usable) if usable else np.zeros((len(corpus.tables[table.name]), 0))


def _feature(values: pd.Series, column: Column) -> NDArray[np.float64]:
    if column.kind in NUMERIC:
        numbers = to_numbers(values, column)
        if np.isnan(numbers).all():
            return np.zeros(len(numbers))
        centre = float(np.nanmedian(numbers))
        scale = _SCALE_OF_MAD * float(np.nanmedian(np.abs(numbers - centre))) or float(np.nanstd(numbers)) or 1.0
        return np.nan_to_num((numbers - centre) / scale)
    codes = pd.factorize(values.astype("str"), use_na_sentinel=False)[0]
    shares = np.bincount(codes) / max(1, len(codes))
    return -np.log10(shares[codes])
