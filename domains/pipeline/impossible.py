"""Which part of what is given is impossible: the smallest set of conditions that a model cannot fulfil together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domains.base.constraints import Constraint, Exclusion
from domains.pipeline.conditions import Conditions, Told
from shared.codecs.table import TableCodec
from shared.engines.encoded import Allowed, CodeExclusion, Given
from shared.engines.sequence.engine import SequenceEngine
from shared.errors import ConditionError

PARTICLES = 1_024
LARGEST = 3  # conditions that are looked at together, beside all of them
# Below it a combination counts as impossible: its chance over that of columns that know nothing of each other.
NEXT_TO_NEVER = 1e-7


def check_constraints(conditions: Conditions, constraints: Sequence[Constraint], codec: TableCodec) -> None:
    """Raise ``ConditionError`` for a unit of which exactly what a constraint excludes is given."""
    for constraint in constraints:
        if not isinstance(constraint, Exclusion) or not set(constraint.parts) <= set(conditions.told):
            continue
        if constraint.last_row is False:
            continue  # a unit whose only row is its last keeps to it
        for exclusion in codec.compile_exclusions(constraint.parts, constraint.last_row):
            place = _all_inside(conditions.given.columns, exclusion)
            if place is not None:
                raise ConditionError(
                    f"{conditions.named(place)}: {conditions.in_words(list(constraint.parts), place)} cannot occur "
                    f"together, the constraint {constraint.name!r} excludes it; change or leave out one of them",
                    place,
                )


def _all_inside(given: Mapping[str, Allowed], exclusion: CodeExclusion) -> int | None:
    """The first unit, or given row, that can hold nothing but what the exclusion excludes."""
    inside: Any = np.ones(1, dtype=np.bool_)  # numpy's types lose the shape of what is broadcast
    for name, codes in exclusion.parts:
        allowed = given[name]
        open_codes = ~np.isin(np.arange(allowed.shares.shape[1]), list(codes))
        part: Any = ~(allowed.shares[:, open_codes] > 0).any(axis=1)
        part = part if allowed.which is None else part[allowed.which]
        if len({len(inside), len(part)} - {1}) > 1:
            return None  # some go by unit and some by row: the draws find out
        inside = inside & part
    places = np.flatnonzero(inside)
    return int(places[0]) if len(places) else None


def explained(
    engine: SequenceEngine, conditions: Conditions, unit: int, exclusions: Sequence[CodeExclusion]
) -> ConditionError | None:
    """The smallest part of what is given of a unit that is at fault; ``None`` if none is found."""
    told = {name: _of_unit(part, conditions, unit) for name, part in conditions.told.items()}
    names = tuple(told)
    singles: list[tuple[str, ...]] = [(name,) for name in names]
    first = _chances(engine, told, [*singles, names], exclusions)
    alone = dict(zip(names, first.tolist(), strict=False))

    def never(subset: tuple[str, ...], chance: float) -> bool:
        return chance - (sum(alone[name] for name in subset) if len(subset) > 1 else 0.0) < math.log(NEXT_TO_NEVER)

    for subset, chance in zip(singles, first.tolist(), strict=False):
        if never(subset, chance):
            return _error(conditions, subset, unit, chance)
    if not never(names, float(first[-1])):
        return None
    for size in range(2, min(LARGEST, len(names) - 1) + 1):
        subsets = list(combinations(names, size))
        for subset, chance in zip(subsets, _chances(engine, told, subsets, exclusions).tolist(), strict=True):
            if never(subset, chance):
                return _error(conditions, subset, unit, chance)
    return _error(conditions, names, unit, float(first[-1]))


def too_improbable(
    engine: SequenceEngine, conditions: Conditions, unit: int, exclusions: Sequence[CodeExclusion]
) -> ConditionError:
    """What to tell where all of it together is more than particles can find: the pair that is rarest for its parts."""
    told = {name: _of_unit(part, conditions, unit) for name, part in conditions.told.items()}
    place = conditions.place_of(unit)
    words = conditions.in_words(list(told), place)
    rarest = ""
    if len(told) > 2:
        pairs: list[tuple[str, ...]] = [*((name,) for name in told), *combinations(told, 2)]
        chances = dict(zip(pairs, _chances(engine, told, pairs, exclusions).tolist(), strict=True))
        pair = min(pairs[len(told) :], key=lambda pair: chances[pair] - sum(chances[(name,)] for name in pair))
        rarest = f", {conditions.in_words(pair, place)} above all (chance {math.exp(chances[pair]):.0e})"
    return ConditionError(
        f"{conditions.named(place)}: {words} are too improbable together to be drawn{rarest}; give fewer of them", unit
    )


def _chances(
    engine: SequenceEngine,
    told: Mapping[str, Told],
    subsets: Sequence[tuple[str, ...]],
    exclusions: Sequence[CodeExclusion],
) -> NDArray[np.float64]:
    """Natural log of the chance of each subset of conditions; each subset is a unit of which no more is given."""
    columns = {}
    for name, part in told.items():
        which = np.array([name not in subset for subset in subsets], dtype=np.int64)
        for code_name, allowed in part.columns.items():
            both = np.concatenate([allowed.shares, np.ones_like(allowed.shares)])
            columns[code_name] = Allowed(both, which)
    given = Given(columns, never=tuple(exclusion for part in told.values() for exclusion in part.never))
    return engine.assess(len(subsets), given, seed=0, exclusions=exclusions, particles=PARTICLES).log_chances


def _of_unit(part: Told, conditions: Conditions, unit: int) -> Told:
    """What is told of one unit as if of all; of a column that goes by row, of the unit's first."""
    columns = {}
    for name, allowed in part.columns.items():
        place = conditions.place_of(unit) if allowed.by_row else unit
        shares = allowed.shares[:1] if allowed.which is None else allowed.shares[[allowed.which[place]]]
        columns[name] = Allowed(shares)
    return replace(part, columns=columns)


def _error(conditions: Conditions, subset: tuple[str, ...], unit: int, log_chance: float) -> ConditionError:
    place = conditions.place_of(unit)
    words = conditions.in_words(subset, place)
    what = "does not occur" if len(subset) == 1 else "do not occur together"
    chance = f" (the model's chance of it: {math.exp(log_chance):.0e})" if math.isfinite(log_chance) else ""
    remedy = "change it or leave it out" if len(subset) == 1 else "change or leave out one of them"
    return ConditionError(f"{conditions.named(place)}: {words} {what}{chance}; {remedy}", unit)
