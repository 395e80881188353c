"""Exact copies: are real records repeated word for word?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.comparison import Comparison, Part
from evaluation.score import Score
from evaluation.statistics import effective_trials, newcombe


def exact_copies(data: Comparison, *, seed: int) -> Score:
    """Share of synthetic rows that equal a train row in every column.

    Coarse tables repeat themselves by chance, so the baseline is the share of holdout rows that equal a
    train row. The interval is that of the difference between the two (Newcombe 1998), set upon the
    baseline, with rows of one unit counted as dependent. ``detail["units"]``: the same for whole units,
    that is, all rows of a unit in their order.
    """
    del seed
    rows = {part: row_hashes(data, part) for part in ("train", "synthetic", "holdout")}
    train = np.unique(rows["train"])
    copied, held = (np.isin(rows[part], train) for part in ("synthetic", "holdout"))
    rate, baseline = float(copied.mean()), float(held.mean())
    low, high = newcombe(
        rate,
        effective_trials(copied, data.unit_of_row["synthetic"]),
        baseline,
        effective_trials(held, data.unit_of_row["holdout"]),
    )
    units = {part: unit_hashes(data, part) for part in ("train", "synthetic", "holdout")}
    known = np.unique(units["train"])
    return Score(
        name="exact copies",
        value=rate,
        interval=(max(0.0, baseline + low), min(1.0, baseline + high)),
        baseline=baseline,
        better="lower",
        detail={
            "rows": rate,
            "holdout_rows": baseline,
            "units": float(np.isin(units["synthetic"], known).mean()),
            "holdout_units": float(np.isin(units["holdout"], known).mean()),
        },
    )


def row_hashes(data: Comparison, part: Part) -> NDArray[np.uint64]:
    """A 64-bit hash of the compared columns of each row, shape ``(rows,)``; equal rows have equal hashes."""
    frame = data.part(part).frame[list(data.names)]
    return pd.util.hash_pandas_object(frame.astype("str"), index=False).to_numpy()


def unit_hashes(data: Comparison, part: Part) -> NDArray[np.uint64]:
    """A 64-bit hash of all rows of each unit in their order, shape ``(units,)``."""
    units = data.part(part)
    place = np.arange(units.offsets[-1]) - np.repeat(units.offsets[:-1], units.rows_per_unit)
    odd = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        mixed = row_hashes(data, part) * (np.uint64(2) * place.astype(np.uint64) * odd + np.uint64(1))
        sums = np.zeros(len(units), dtype=np.uint64)
        np.add.at(sums, data.unit_of_row[part], mixed)
        return sums * odd + units.rows_per_unit.astype(np.uint64)
