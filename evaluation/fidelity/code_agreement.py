"""Do codes come as often as in reality, alone, together in a row, and one row after the other?

Coefficients of determination of the shares of codes, of pairs in a row and of pairs in consecutive rows (the scores of
HALO: Theodorou, Xiao and Sun, "Synthesize high-dimensional longitudinal electronic health records via hierarchical
autoregressive language model", Nature Communications 14, 2023). Frequent pairs decide such a coefficient, so that the
pairs that make up the rarer half of all occurrences are judged by themselves as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison
from evaluation.fidelity.codes import CodeColumns, CodeSets, Floats, code_sets
from evaluation.score import Score
from evaluation.statistics import jackknife_interval

GROUPS = 8
HEAD = 0.5  # share of all occurrences that the head makes up
Shares = Callable[[CodeSets, CodeSets], tuple[Floats, Floats]]


def determination(real: Floats, made: Floats) -> float:
    """1 − Σ (real − made)² / Σ (real − mean of real)²; at most 1, and 0 where only the mean is right."""
    total = float(np.square(real - real.mean()).sum()) if len(real) else 0.0
    lost = float(np.square(real - made).sum())
    return 1.0 - lost / total if total > 0 else float(lost == 0)


def head_of(real: Floats) -> NDArray[np.bool_]:
    """The most frequent that together make up half of all occurrences in reality, shape of ``real``."""
    order = np.argsort(-real, kind="stable")
    before = np.cumsum(real[order]) - real[order]
    head = np.zeros(len(real), dtype=np.bool_)
    head[order] = before < HEAD * real.sum()
    return head


def code_agreement(data: Comparison, columns: CodeColumns, *, seed: int) -> list[Score]:
    """Five scores: prevalence by unit, then pairs within and across rows, head and tail apart.

    Synthetic units against the holdout; the baseline is what train scores against it. Pairs that never occur in
    either count nothing. Intervals leave out a group of units on either side.
    """
    del seed
    parts = code_sets(columns, {"train": data.train, "holdout": data.holdout, "synthetic": data.synthetic})
    shares: Mapping[str, Shares] = {
        "code prevalence": lambda real, made: (real.prevalence(), made.prevalence()),
        "code pairs in a row": lambda real, made: real.within_rows().beside(made.within_rows()),
        "code pairs across rows": lambda real, made: real.across_rows().beside(made.across_rows()),
    }
    scores = []
    for name, share in shares.items():
        value = _values(share, parts["holdout"], parts["synthetic"])
        ceiling = _values(share, parts["holdout"], parts["train"])
        without = [
            _values(share, _without(parts["holdout"], group), _without(parts["synthetic"], group))
            for group in range(GROUPS)
        ]
        for place, of in enumerate(_NAMES[name]):
            interval = jackknife_interval(value[place], [values[place] for values in without], (-np.inf, 1.0))
            scores.append(Score(name=f"{name}{of} R²", value=value[place], interval=interval, baseline=ceiling[place]))
    return scores


_NAMES = {
    "code prevalence": ("",),
    "code pairs in a row": (", frequent", ", rare"),
    "code pairs across rows": (", frequent", ", rare"),
}


def _values(shares: Shares, real: CodeSets, made: CodeSets) -> tuple[float, ...]:
    """Of single codes one number, of pairs those of head and tail."""
    one, other = shares(real, made)
    if len(one) == real.has.shape[1]:
        return (determination(one, other),)
    head = head_of(one)
    return determination(one[head], other[head]), determination(one[~head], other[~head])


def _without(sets: CodeSets, group: int) -> CodeSets:
    """All units but those of one group."""
    lengths = np.diff(sets.offsets)
    kept = np.arange(len(lengths)) % GROUPS != group
    rows = np.repeat(kept, lengths)
    return CodeSets(sets.has[np.flatnonzero(rows)], np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64))
