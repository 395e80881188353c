"""Diversity of texts: distinct-n and self-BLEU."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from evaluation.score import Score
from evaluation.statistics import normal_interval
from evaluation.text.words import runs, words
from shared.errors import DataError
from shared.randomness import numpy_generator

_HALVES = 20


def distinct(texts: Sequence[str], n: int) -> float:
    """Distinct runs of ``n`` words as a share of all of them (Li et al. 2016, arXiv:1510.03055).

    It falls with the number of texts: compare equally many.
    """
    found = [run for text in texts for run in runs(words(text), n)]
    return len(set(found)) / len(found) if found else 0.0


def self_bleu(texts: Sequence[str], n: int = 4) -> float:
    """Mean BLEU of each text against all others (Zhu et al. 2018, arXiv:1802.01886); high for texts that repeat.

    Runs of 1 to ``n`` words weigh alike (Papineni et al. 2002), with the brevity penalty against the reference
    whose length is nearest. A precision of zero counts as half a match, and a text shorter than ``n`` words is judged
    by the runs that it has. Raises ``DataError`` for fewer than two texts.
    """
    if len(texts) < 2:
        raise DataError(f"self-BLEU compares texts with one another, and there are {len(texts)}; give two or more")
    tokens = [words(text) for text in texts]
    logs = np.zeros(len(texts))
    orders = np.zeros(len(texts))
    for order in range(1, n + 1):
        counts = [Counter(runs(part, order)) for part in tokens]
        most = _two_most(counts)
        for i, own in enumerate(counts):
            total = sum(own.values())
            if total:
                matched = sum(min(count, _other_most(most[run], i)) for run, count in own.items())
                logs[i] += math.log((matched or 0.5) / total)
                orders[i] += 1
    lengths = np.array([len(part) for part in tokens])
    scores = np.exp(logs / np.maximum(orders, 1)) * _brevity(lengths)
    return float(np.where(orders > 0, scores, 0.0).mean())


def _two_most(counts: Sequence[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """For each run how often it stands in the text with most of it, which that is, and in the second."""
    most: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for i, own in enumerate(counts):
        for run, count in own.items():
            first, where, second = most.get(run, (0, -1, 0))
            most[run] = (count, i, first) if count > first else (first, where, max(second, count))
    return most


def _other_most(most: tuple[int, int, int], text: int) -> int:
    first, where, second = most
    return second if where == text else first


def _brevity(lengths: np.ndarray) -> np.ndarray:
    """exp(1 − r / c) for texts shorter than the nearest length r of another."""
    order = np.argsort(lengths, kind="stable")
    ordered = lengths[order]
    penalties = np.ones(len(lengths))
    for place in range(len(ordered)):
        own = ordered[place]
        near = [int(ordered[p]) for p in (place - 1, place + 1) if 0 <= p < len(ordered)]
        reference = min(near, key=lambda length: (abs(length - own), length))
        penalties[order[place]] = 1.0 if own >= reference else math.exp(1 - reference / max(1, own))
    return penalties


def diversity_scores(synthetic: Sequence[str], real: Sequence[str], *, seed: int) -> list[Score]:
    """Distinct-1, distinct-2 and self-BLEU of synthetic texts; the baseline is that of as many real ones.

    Both are cut to the smaller number. Intervals are delete-half jackknives (Shao and Tu 1995, section 2.3).
    """
    size = min(len(synthetic), len(real))
    random = numpy_generator(seed, "diversity")
    ours, theirs = ([texts[i] for i in np.sort(random.permutation(len(texts))[:size])] for texts in (synthetic, real))

    def score(name: str, measure: Callable[[Sequence[str]], float]) -> Score:
        halves = [measure([ours[i] for i in random.permutation(size)[: max(2, size // 2)]]) for _ in range(_HALVES)]
        value = measure(ours)
        return Score(
            name=name,
            value=value,
            interval=normal_interval(value, float(np.var(halves, ddof=1))),
            baseline=measure(theirs),
            better="lower" if name == "self-BLEU" else "higher",
        )

    return [
        score("distinct-1", lambda texts: distinct(texts, 1)),
        score("distinct-2", lambda texts: distinct(texts, 2)),
        score("self-BLEU", self_bleu),
    ]
