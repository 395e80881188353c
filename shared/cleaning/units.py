"""Columns whose numbers are in more than one physical unit.

A unit that stands beside the number is believed. Bare numbers are judged by where they lie: if a group lies apart from
the bulk, and falls into the bulk, with its spread, when it is converted from a unit that people mix up with the
declared one, then it is in that unit. A long tail does not do that: it thins out, where a second unit leaves a gap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.cleaning.actions import WRITTEN, Convert, Scale, Unwrap, numbers_of
from shared.cleaning.conversions import Conversion, PhysicalUnits
from shared.cleaning.impossible import Finder
from shared.cleaning.plan import Step, proposal
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import Column, Table

_FEWEST = 5  # numbers in another unit that are evidence
_FEWEST_NUMBERS = 30
_APART = 2.0  # Ashman's D from which two groups can be told apart (Ashman et al. 1994, AJ 108, 2348)
_NEAR, _SPREAD = 1.0, 2.0  # of the converted group: centre in scales of the bulk, ratio of the scales
_DIP = 3.0  # how much denser the group must be than the way to it
_REACH = 4.0  # how far a group reaches, in scales
_TAIL, _FLANK = 2.5, -1.5  # where the way from the bulk to the group begins and ends, in the scales of each
_SCALE_OF_MAD = 1.4826  # of a normal distribution


@dataclass(frozen=True)
class _Bulk:
    """Where most numbers lie: centre and scale, of logarithms if ``logs``."""

    centre: float
    scale: float
    logs: bool

    def place(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of numbers from the centre, in scales."""
        if not self.logs:
            return (numbers - self.centre) / self.scale
        with np.errstate(divide="ignore", invalid="ignore"):
            return (np.where(numbers > 0, np.log(np.maximum(numbers, 1e-300)), -np.inf) - self.centre) / self.scale

    def number(self, place: float) -> float:
        """The number at a place."""
        value = self.centre + self.scale * place
        return math.exp(value) if self.logs else value


def written_units(units: PhysicalUnits) -> Finder:
    """Cells such as ``72 kg`` or ``158 lb`` in columns with a declared unit."""

    def written(corpus: TextCorpus, table: Table) -> list[Step]:
        steps = []
        for column in table.columns:
            if column.kind not in ("integer", "real") or column.physical_unit is None:
                continue
            bad = corpus.parsed(table.name, column.name)[1]
            words = corpus.tables[table.name][column.name][bad].str.extract(WRITTEN)["unit"].dropna().unique()
            known = {word: units.written(word, column) for word in sorted(words.tolist())}
            scales = {word: _scale(found, column) for word, found in known.items() if found is not None}
            if scales:
                reason = f"written with the unit; {column.physical_unit} is declared"
                steps += proposal(
                    corpus, table.name, column.name, Unwrap(units=scales), rule="unit beside the number",
                    basis="declared", reason=reason, confidence=0.98, enabled=True,
                )  # fmt: skip
        return steps

    return written


def mixed_units(units: PhysicalUnits) -> Finder:
    """Bare numbers that lie where numbers in another unit would."""

    def mixed(corpus: TextCorpus, table: Table) -> list[Step]:
        steps = []
        for column in table.columns:
            if column.kind not in ("integer", "real") or column.physical_unit is None:
                continue
            numbers = numbers_of(corpus.tables[table.name][column.name], column).to_numpy()
            numbers = numbers[~np.isnan(numbers)]
            found = _best(numbers, units.confused(column)) if len(numbers) >= _FEWEST_NUMBERS else None
            if found is not None:
                steps += _mixed_step(corpus, table, column, found)
        return steps

    return mixed


@dataclass(frozen=True)
class _Group:
    conversion: Conversion
    low: float
    high: float
    count: int
    confidence: float
    evidence: str


def _mixed_step(corpus: TextCorpus, table: Table, column: Column, found: _Group) -> list[Step]:
    action = Convert(low=found.low, high=found.high, scale=_scale(found.conversion, column))
    reason = f"in {found.conversion.unit} and not in {column.physical_unit}: {found.evidence}"
    return proposal(
        corpus, table.name, column.name, action, rule="mixed units", basis="learned", reason=reason,
        confidence=found.confidence, enabled=found.confidence >= 0.7,
    )  # fmt: skip


def _best(numbers: NDArray[np.float64], conversions: list[Conversion]) -> _Group | None:
    groups = [group for conversion in conversions if (group := _group(numbers, conversion)) is not None]
    return max(groups, key=lambda group: (group.confidence, group.count), default=None)


def _group(numbers: NDArray[np.float64], conversion: Conversion) -> _Group | None:
    """The numbers that are in another unit, if that is what their places say."""
    bulk = _bulk(numbers, logs=conversion.offset == 0)
    if bulk is None:
        return None
    own, other = bulk.place(numbers), bulk.place(conversion.factor * numbers + conversion.offset)
    centre = (bulk.number(0.0) - conversion.offset) / conversion.factor
    shift = float(bulk.place(np.array([centre]))[0])
    # Scale of the group before it is converted, on the line on which the bulk has scale one.
    width = 1.0 if bulk.logs else 1.0 / abs(conversion.factor)
    if abs(shift) * math.sqrt(2) / math.sqrt(1 + width**2) < _APART:
        return None
    away = np.sign(shift) * own  # how far from the bulk, towards the group
    toward = np.sign(shift) * (other if bulk.logs or conversion.factor > 0 else -other)  # below 0: on the bulk's side
    side = away > _valley(away, away[(toward < _FLANK) & (away > _TAIL)], abs(shift), width)
    inside = side & (np.abs(other) <= _REACH)
    count, beside = int(inside.sum()), int((side & ~inside).sum())
    if not _FEWEST <= count <= 0.5 * len(numbers) or count < 2 * beside:
        return None
    dense = int((np.abs(other) <= 1).sum())
    # A tail is denser on the way to the group than inside it; a second unit leaves the way nearly empty.
    begins = max(-_REACH, (_REACH - abs(shift)) / width)
    way = int(((toward > begins) & (toward < _FLANK)).sum())
    length = _FLANK - begins
    if dense < 0.4 * count or (length > 0.5 and dense / 2 < _DIP * way / length):
        return None
    converted = other[inside]
    middle = float(np.median(converted))
    scale = _SCALE_OF_MAD * float(np.median(np.abs(converted - middle)))
    if abs(middle) > _NEAR or not 1 / _SPREAD <= max(scale, 1e-9) <= _SPREAD:
        return None
    # The median of few numbers scatters: only what goes beyond two standard errors speaks against the unit.
    off = max(0.0, abs(middle) - 2 * 1.2533 / math.sqrt(count))
    confidence = (1 - off) * dense / (dense + way) * count / (count + beside + 1)
    evidence = (
        f"{count} numbers around {np.median(numbers[inside]):.4g}, apart from the bulk around {bulk.number(0.0):.4g}; "
        f"converted they lie around {np.median(conversion.factor * numbers[inside] + conversion.offset):.4g}"
    )
    low, high = float(numbers[inside].min()), float(numbers[inside].max())
    return _Group(conversion, low, high, count, confidence, evidence)


def _valley(away: NDArray[np.float64], between: NDArray[np.float64], shift: float, width: float) -> float:
    """Where the group begins: the middle of the widest gap between bulk and group."""
    first, last = _TAIL, shift + _FLANK * width
    if last <= first:
        return shift / (1 + width)  # as far from the bulk as from the group, each in its own scale
    after = away[away >= last]
    ends = np.sort(np.concatenate([[first], between[between < last], [after.min() if len(after) else last]]))
    widest = int(np.diff(ends).argmax())
    return float(ends[widest] + ends[widest + 1]) / 2


def _bulk(numbers: NDArray[np.float64], *, logs: bool) -> _Bulk | None:
    if logs:
        numbers = np.log(numbers[numbers > 0])
    if len(numbers) < _FEWEST_NUMBERS:
        return None
    centre = float(np.median(numbers))
    # A second group pulls the median and swells the scale: it is left out, and both are asked again.
    for _ in range(5):
        scale = _SCALE_OF_MAD * float(np.median(np.abs(numbers - centre)))
        if scale <= 0:
            return None
        kept = numbers[np.abs(numbers - centre) <= 3 * scale]
        if len(kept) == len(numbers):
            break
        numbers, centre = kept, float(np.median(kept))
    return _Bulk(centre, scale, logs)


def _scale(conversion: Conversion, column: Column) -> Scale:
    step = 1.0 if column.kind == "integer" else column.step
    if conversion.factor == 1.0 and conversion.offset == 0.0 and step is None:
        return Scale(factor=1.0)
    decimals = None if step is None else max(0, -math.floor(math.log10(step) + 1e-9))
    return Scale(factor=conversion.factor, offset=conversion.offset, decimals=decimals)
