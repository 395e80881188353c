"""Singling out: do the synthetic rows say what is true of one real person alone?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison, Part
from evaluation.leakage.risk import Attack, Hits, Targets, draw_targets, risk_score
from evaluation.records import Keys, Records, spread
from evaluation.score import Score
from shared.randomness import numpy_generator

CANDIDATES = 24
CHOSEN = 6
LUCK = 0.01
WINDOWS = 100  # of a number, each as wide as one percent of the synthetic rows
Order = Sequence[NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Choice:
    """Columns of a predicate. ``start`` says where the windows of numbers begin, ``None`` that numbers are exact."""

    columns: NDArray[np.int64]
    start: float | None


def singling_out(data: Comparison, *, seed: int) -> Score:
    """Units about whom a predicate, true of one synthetic unit alone, is true and of nobody else in their sample.

    *One column*: a value that one synthetic unit alone has, and what lies at or beyond the lowest or the
    highest number. *Several columns*: values that one synthetic unit alone has together, numbers exactly or
    within a window of one percent. Which columns to take, the attacker learns from the synthetic rows: of
    ``CANDIDATES`` choices those whose predicates, found in one half of the synthetic units, single out a unit of
    the other half with a chance of at most ``LUCK`` (or else the best). A unit is singled out if one of its rows is.
    The naive attacker draws values of the one column from all that occur, and has each column of several shuffled.
    """
    targets = draw_targets(data, data.effort.attacked_units, seed=seed, consumer="singling out")
    random = numpy_generator(seed, "singling out")
    attacks = [_one_column(data, targets, random)]
    if len(data.names) > 1:
        attacks.append(_several_columns(data, targets, random))
    return risk_score("singling out", attacks)


def _one_column(data: Comparison, targets: dict[Part, Targets], random: np.random.Generator) -> Attack:
    records, own = data.records, data.unit_of_row["synthetic"]
    found: dict[str, list[Hits]] = {"train": [], "holdout": [], "naive": []}
    for column in range(len(data.names)):
        values = {part: records.values[part][column].astype(np.uint64) for part in records.values}
        known = lone(values["synthetic"], own)[0]
        occurring = np.unique(np.concatenate(list(values.values())))
        drawn = random.permutation(occurring)[: len(known)]
        for part, units in targets.items():
            mine = values[part][units.rows]
            found[part].append(_singled(known, mine, units))
            if records.numeric[column]:
                found[part] += _beyond(records, part, column, units)
            if part == "holdout":
                found["naive"].append(_singled(drawn, mine, units))
    return _attack("one column", found)


def _beyond(records: Records, part: Part, column: int, targets: Targets) -> list[Hits]:
    """The unit that alone lies at or beyond the lowest synthetic number, and at or beyond the highest."""
    ranks, among = records.ranks[part][column, targets.rows], records.ranks["synthetic"][column]
    known = among[among <= 1.0]
    hits = []
    for beyond in (ranks <= known.min(initial=1.0), (ranks >= known.max(initial=0.0)) & (ranks <= 1.0)):
        units = np.unique(targets.unit[beyond])
        hits.append(np.bincount(units[: len(units) == 1], minlength=targets.units).astype(np.float64))
    return hits


def _several_columns(data: Comparison, targets: dict[Part, Targets], random: np.random.Generator) -> Attack:
    records, own = data.records, data.unit_of_row["synthetic"]
    used, luck = _promising(data, random)
    shuffled = [random.permutation(len(own)) for _ in data.names]
    found: dict[str, list[Hits]] = {"train": [], "holdout": [], "naive": []}
    for choice in used:
        known = lone(_keys(records, "synthetic", choice), own)[0]
        torn = lone(_keys(records, "synthetic", choice, shuffled), own)[0]
        for part, units in targets.items():
            mine = _keys(records, part, choice)[units.rows]
            found[part].append(_singled(known, mine, units))
            if part == "holdout":
                found["naive"].append(_singled(torn, mine, units))
    predicates = [
        {
            "columns": [data.names[column] for column in choice.columns],
            "numbers": "exact" if choice.start is None else f"within {1 / WINDOWS:.0%} of the rows",
            "luck": chance,
        }
        for choice, chance in zip(used, luck, strict=True)
    ]
    return _attack("several columns", found, predicates=predicates)


def _attack(name: str, found: dict[str, list[Hits]], **detail: Any) -> Attack:
    """A unit counts as singled out if one of the predicates singles it out."""
    train, control, naive = (np.max(found[who], axis=0) for who in ("train", "holdout", "naive"))
    return Attack(name, train, control, naive, detail)


def _promising(data: Comparison, random: np.random.Generator) -> tuple[list[Choice], list[float]]:
    """The choices of columns whose predicates least often hit by luck, and that luck, as the synthetic halves tell."""
    rows = data.sample_rows("synthetic", data.effort.references, seed=int(random.integers(1 << 31)), consumer="luck")
    unit = data.unit_of_row["synthetic"][rows]
    half = (random.random(len(data.synthetic)) < 0.5)[unit]
    rated = []
    for place, choice in enumerate(_candidates(len(data.names), random)):
        keys = _keys(data.records, "synthetic", choice)[rows]
        first, second = (lone(keys[side], unit[side])[0] for side in (half, ~half))
        rated.append(((np.isin(first, second).sum() + 1) / (len(first) + 1), place, choice))
    rated.sort(key=lambda rating: rating[:2])
    kept = [rating for rating in rated[:CHOSEN] if rating[0] <= LUCK] or rated[:1]
    return [choice for _, _, choice in kept], [float(luck) for luck, _, _ in kept]


def _candidates(columns: int, random: np.random.Generator) -> Iterable[Choice]:
    """All columns, then random ones, with exact numbers and with windows in turn."""
    for place in range(CANDIDATES):
        size = columns if place < 2 else int(random.integers(2, columns + 1))
        start = float(random.random())
        yield Choice(np.sort(random.permutation(columns)[:size]), start if place % 2 else None)


def _keys(records: Records, part: str, choice: Choice, order: Order | None = None) -> Keys:
    """A 64-bit key of what each row of a part has in the chosen columns; ``order`` gives each column its own."""
    keys = np.zeros(records.values[part].shape[1], dtype=np.uint64)
    for column in choice.columns:
        codes = records.values[part][column]
        if choice.start is not None and records.numeric[column]:
            codes = np.floor(records.ranks[part][column] * WINDOWS + choice.start).astype(np.int64)
        keys += spread(codes if order is None else codes[order[column]], int(column))
    return keys


def _singled(known: Keys, keys: Keys, targets: Targets) -> Hits:
    """1 for each unit that alone has a key of ``known``, shape ``(units,)``."""
    mine, unit = lone(keys, targets.unit)
    found = np.zeros(targets.units)
    found[unit[np.isin(mine, known)]] = 1.0
    return found


def lone(keys: Keys, unit: NDArray[np.int64]) -> tuple[Keys, NDArray[np.int64]]:
    """The keys that one unit alone has, in any number of its rows, and that unit."""
    order = np.lexsort((unit, keys))
    keys, unit = keys[order], unit[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    ends = np.concatenate([starts[1:], [len(keys)]])[: len(starts)] - 1
    alone = unit[starts] == unit[ends]
    return keys[starts][alone], unit[starts][alone]
