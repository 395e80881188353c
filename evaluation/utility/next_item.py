"""Next items: does a recommender that learned from synthetic histories hit as often as one that learned from real ones?

The recommender is plain on purpose: it counts which item follows which, and where an item was seldom seen it falls back
on what is popular. So it learns what histories say of the order of items, and nothing that a network might make up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.comparison import PARTS, Comparison, Part
from evaluation.score import Score
from evaluation.statistics import effective_trials, normal_interval, variance_by_unit, wilson
from evaluation.utility.task import NotMeasurable, TaskLike
from evaluation.utility.transfer import equal_rows
from shared.corpus.values import to_text
from shared.errors import ConfigurationError

BACK_OFF = 5.0  # what is popular weighs as much as so many transitions
NONE = -1


@dataclass(frozen=True, eq=False)
class Steps:
    """The items of a part in their order: each array has shape ``(items that occur,)``.

    ``row`` is where the item stands, ``before`` the item of the same unit before it, ``NONE`` for the first.
    """

    row: NDArray[np.int64]
    item: NDArray[np.int64]
    before: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.item)

    def take(self, chosen: NDArray[np.bool_]) -> Steps:
        """The chosen steps, by a mask of shape ``(steps,)``."""
        return Steps(self.row[chosen], self.item[chosen], self.before[chosen])

    def among(self, rows: NDArray[np.int64]) -> Steps:
        """Those that stand in the given rows."""
        return self.take(np.isin(self.row, rows))


@dataclass(frozen=True, eq=False)
class Recommender:
    """First-order transitions with back-off: an item scores its count behind the item before, plus ``BACK_OFF`` times
    its share of all items (a Dirichlet prior; MacKay and Peto, Natural Language Engineering 1, 1995).

    ``follows`` has for each item those that came behind it and how often, ``shares`` has shape ``(items,)``.
    """

    shares: NDArray[np.float64]
    follows: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]

    @classmethod
    def learned(cls, steps: Steps, items: int) -> Recommender:
        """From the steps of a part; ``items`` is how many there are in all."""
        shares = np.bincount(steps.item, minlength=items) / max(1, len(steps))
        known = steps.before != NONE
        pairs, counts = np.unique(steps.before[known] * items + steps.item[known], return_counts=True)
        before, after = np.divmod(pairs, items)
        starts = np.flatnonzero(np.diff(before, prepend=NONE))
        ends = np.append(starts, len(before))[1:]
        follows = {int(before[s]): (after[s:e], counts[s:e]) for s, e in zip(starts, ends, strict=True)}
        return cls(shares, follows)

    def popular(self, at: int) -> NDArray[np.int64]:
        """The most popular items, shape ``(at or fewer,)``; what was never seen is not recommended."""
        order = np.argsort(-self.shares, kind="stable")[:at]
        return order[self.shares[order] > 0]

    def behind(self, before: int, at: int) -> NDArray[np.int64]:
        """What is recommended behind an item, the best first, shape ``(at or fewer,)``."""
        popular = self.popular(at)
        if before not in self.follows:
            return popular
        after, counts = self.follows[before]
        # What never came behind the item is ranked by its share alone: the most popular suffice.
        candidates = np.union1d(after, popular)
        scores = BACK_OFF * self.shares[candidates]
        scores[np.searchsorted(candidates, after)] += counts
        return candidates[np.argsort(-scores, kind="stable")[:at]]

    def hits(self, steps: Steps, at: int) -> NDArray[np.bool_]:
        """Which of the steps lead to one of the ``at`` items that are recommended behind the item before."""
        return self._hits(steps, lambda before: self.behind(before, at))

    def popular_hits(self, steps: Steps, at: int) -> NDArray[np.bool_]:
        """The same, had it recommended what is popular to everybody."""
        popular = self.popular(at)
        return self._hits(steps, lambda _: popular)

    @staticmethod
    def _hits(steps: Steps, recommended: Callable[[int], NDArray[np.int64]]) -> NDArray[np.bool_]:
        found = np.zeros(len(steps), dtype=bool)
        for before in np.unique(steps.before):
            mine = steps.before == before
            found[mine] = np.isin(steps.item[mine], recommended(int(before)))
        return found


def next_item_score(data: Comparison, task: TaskLike, *, seed: int) -> Score:
    """Hit rate lost by learning from synthetic in place of real histories, tested on unseen real ones.

    Of each unit of the holdout every item but the first is to be told from the one before; a hit is an item among the
    ``task.at`` that are recommended. 0 means that nothing is lost; it may be negative. ``detail["hit_rates"]`` has
    both recommenders and, for what histories are worth at all, one that learned popularity from real records. The
    interval is that of the test steps, by unit; the luck of training is not in it. Raises ``NotMeasurable`` where
    there is nothing to tell.
    """
    steps, items = _steps(data, task)
    consumer = f"task {task.name}"
    tested = data.sample_rows("holdout", data.effort.test_rows, seed=seed, consumer=consumer)
    test = steps["holdout"].among(tested)
    test = test.take(test.before != NONE)
    # Equally many rows, not items: histories that lost their items are to lose.
    most = equal_rows(data, max(data.effort.training_rows, data.effort.task_rows))
    learned: dict[Part, Recommender] = {}
    for part in ("train", "synthetic"):
        chosen = data.sample_rows(part, most, seed=seed, consumer=consumer)
        learned[part] = Recommender.learned(steps[part].among(chosen), items)
    _require_items(task, learned["train"], test)
    real, made = (learned[part].hits(test, task.at) for part in ("train", "synthetic"))
    popular = learned["train"].popular_hits(test, task.at)
    unit = data.unit_of_row["holdout"][test.row]
    difference = real.astype(np.float64) - made
    gap = float(difference.mean())
    variance = variance_by_unit((difference - gap) / len(test), unit)
    shown = {"real-trained": real, "synthetic-trained": made, "popularity alone, of real records": popular}
    return Score(
        name=f"task: {task.name}",
        value=gap,
        interval=normal_interval(gap, variance, (-1.0, 1.0)),
        baseline=0.0,
        better="lower",
        detail={
            "at": task.at,
            "hit_rates": {
                name: {
                    "value": float(hits.mean()),
                    "interval": list(wilson(hits.mean(), effective_trials(hits, unit))),
                }
                for name, hits in shown.items()
            },
            "items": int((learned["train"].shares > 0).sum()),
            "steps": len(test),
            "training_rows": most,
        },
    )


def _steps(data: Comparison, task: TaskLike) -> tuple[dict[Part, Steps], int]:
    """The steps of each part, with the items numbered alike, and how many items there are."""
    if task.target not in data.names:
        raise ConfigurationError(f"task {task.name!r}: target {task.target!r} is not one of {', '.join(data.names)}")
    rows, words = {}, []
    for part in PARTS:
        values = data.part(part).frame[task.target]
        rows[part] = np.flatnonzero(values.notna().to_numpy(dtype=bool))
        words.append(to_text(values.iloc[rows[part]]))
    numbers, names = pd.factorize(pd.concat(words, ignore_index=True), sort=True)
    found: dict[Part, Steps] = {}
    for part, item in zip(PARTS, np.split(numbers, np.cumsum([len(word) for word in words])[:-1]), strict=True):
        unit = data.unit_of_row[part][rows[part]]
        before = np.full(len(item), NONE, dtype=np.int64)
        before[1:] = np.where(unit[1:] == unit[:-1], item[:-1], NONE)
        found[part] = Steps(rows[part], item.astype(np.int64), before)
    return found, len(names)


def _require_items(task: TaskLike, real: Recommender, test: Steps) -> None:
    """Raises ``NotMeasurable`` where no recommender could miss, or none could be tested."""
    known = int((real.shares > 0).sum())
    if known <= task.at:
        raise NotMeasurable(
            f"task {task.name!r}: {task.target!r} has {known} values in the train part, and {task.at} are recommended, "
            f"which always hits; give a smaller 'at'"
        )
    if not real.follows or not len(test):
        part = "holdout" if real.follows else "train"
        raise NotMeasurable(
            f"task {task.name!r}: no unit of the {part} part has two values of {task.target!r}; next items need "
            "histories"
        )
