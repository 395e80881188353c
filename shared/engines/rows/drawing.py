"""Units drawn from an engine of rows: numbers of rows first, then rows, anew until all that is asked holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.encoded import CodeExclusion, Given, Histories
from shared.engines.rows.checks import Exclusions, Wanted
from shared.engines.rows.layout import Layout
from shared.errors import ConditionError, DataError
from shared.randomness import numpy_generator, torch_generator

BATCH_UNITS = 16_384
CANDIDATES = 1 << 21  # rows drawn for one batch of units at most; as many again for each
PER_UNIT = 200  # of its units


class RowSource(Protocol):
    """Draws rows from the distribution that an engine learned."""

    @property
    def alike(self) -> bool:
        """Whether one row may be drawn for another."""
        ...

    def draw(self, slots: Tensor, last: Tensor, generator: torch.Generator) -> Tensor:
        """Codes ``(rows, columns)`` for the rows ``slots``; ``last`` says which of them are the last of their units.

        A source may close codes that exclusions forbid; rows that break one all the same are drawn anew.
        """
        ...


@dataclass(frozen=True, eq=False)
class Drawing:
    """Draws units by rejection: rows that break an exclusion, or do not hold what is given, are drawn anew.

    Rows of a unit are independent given their number, so they are judged one by one; only where the number is free
    and something is given, a unit is judged whole, since then its number of rows depends on what is given.
    """

    source: RowSource
    layout: Layout
    exclusions: Sequence[CodeExclusion]
    device: torch.device

    def stream(self, n: int, *, seed: int, given: Given | None = None) -> Iterator[Histories]:
        """A stream of batches with ``n`` units in all; the same seed gives the same units.

        Raises ``ConditionError`` where what is given is next to never drawn, ``DataError`` where rows break
        exclusions again and again.
        """
        given = Given() if given is None else given
        most = len(self.layout.rows_per_unit) - 1
        fixed = given.rows_per_unit
        if fixed is not None and (len(fixed) != n or (len(fixed) and not 0 <= fixed.min() <= fixed.max() <= most)):
            raise DataError(f"numbers of rows of {len(fixed)} units; give {n}, each from 0 to {most}")
        wanted = Wanted.build(given, n, self.layout, self.device)
        whole = fixed is None and not self.layout.single and bool(given.columns or given.never)
        exclusions, never = (
            Exclusions.build(part, self.layout, self.device) for part in (self.exclusions, given.never)
        )
        first_row = 0
        for batch, start in enumerate(range(0, n, BATCH_UNITS)):
            stop = min(start + BATCH_UNITS, n)
            generator = torch_generator(seed, "batch", batch, device=str(self.device))
            lot = _Lot(self, exclusions if whole else exclusions + never, generator, start)
            random = numpy_generator(seed, "rows per unit", batch)
            if fixed is not None:
                counts = fixed[start:stop].astype(np.int64)
                rows = wanted.slice(first_row, first_row + int(counts.sum()))
                first_row += int(counts.sum())
                yield self.layout.histories(lot.rows(counts, rows), counts)
            elif whole:
                yield lot.units(stop - start, wanted.slice(start, stop), never, random)
            else:
                counts = self.numbers(stop - start, random)
                yield self.layout.histories(lot.rows(counts, wanted.slice(start, stop)), counts)

    def lot(self, generator: torch.Generator, counts: NDArray[np.int64]) -> Histories:
        """Units with ``counts`` rows, all at once."""
        exclusions = Exclusions.build(self.exclusions, self.layout, self.device)
        return self.layout.histories(_Lot(self, exclusions, generator, 0).rows(counts, Wanted(())), counts)

    def numbers(self, units: int, random: np.random.Generator) -> NDArray[np.int64]:
        """Numbers of rows of so many units."""
        chances = np.asarray(self.layout.rows_per_unit)
        return random.choice(len(chances), size=units, p=chances / chances.sum()).astype(np.int64)


@dataclass(eq=False)
class _Lot:
    """One batch of units; ``start`` is the place of its first."""

    drawing: Drawing
    exclusions: Exclusions
    generator: torch.Generator
    start: int
    drawn: int = 0

    def rows(self, counts: NDArray[np.int64], wanted: Wanted) -> Tensor:
        """Codes of all rows of units with ``counts`` rows."""
        device, total = self.drawing.device, int(counts.sum())
        last = _last(counts, device)
        codes = torch.zeros(total, len(self.drawing.layout.sizes), dtype=torch.int64, device=device)
        source = self.drawing.source
        exchangeable = source.alike and wanted.alike and (not self.exclusions.by_place or bool(last.all()))
        waiting, first = torch.arange(total, device=device), True
        most = CANDIDATES + PER_UNIT * total
        while len(waiting):
            # In the first round every row is drawn once: mostly nothing is asked.
            repeats = 1 if first else max(1, min(64, BATCH_UNITS // len(waiting)))
            first, slots = False, waiting.repeat(repeats)
            made = source.draw(slots, last[slots], self.generator)
            stands = ~self.exclusions.broken(made, last[slots])
            if wanted.columns:
                luck = torch.rand(len(slots), generator=self.generator, device=device)
                stands &= luck < wanted.chances(made, slots)
            good = torch.nonzero(stands).squeeze(1)
            if exchangeable:
                good = good[: len(waiting)]
                filled = waiting[: len(good)]
            else:
                firsts, places = np.unique(slots[good].cpu().numpy(), return_index=True)
                filled, good = torch.from_numpy(firsts).to(device), good[torch.from_numpy(places).to(device)]
            codes[filled] = made[good]
            open_ = torch.ones(total, dtype=torch.bool, device=device)
            open_[filled] = False
            waiting = waiting[open_[waiting]]
            self.drawn += len(slots)
            if len(waiting) and self.drawn > most:
                unit = int(np.searchsorted(np.cumsum(counts), int(waiting[0]), side="right"))
                self._give_up(unit, bool(wanted.columns))
        return codes

    def units(self, units: int, wanted: Wanted, never: Exclusions, random: np.random.Generator) -> Histories:
        """Units whose numbers of rows are free and all of whose rows hold what is given."""
        layout, free = self.drawing.layout, Wanted(())
        parts: list[Histories] = []
        places: list[NDArray[np.int64]] = []
        waiting = np.arange(units)
        while len(waiting):
            counts = self.drawing.numbers(len(waiting), random)
            codes = self.rows(counts, free)
            owner = torch.from_numpy(np.repeat(np.arange(len(waiting)), counts)).to(codes.device)
            luck = torch.rand(len(owner), generator=self.generator, device=codes.device)
            missed = luck >= wanted.chances(codes, torch.from_numpy(waiting).to(codes.device)[owner])
            missed |= never.broken(codes, _last(counts, codes.device))
            bad = np.bincount(owner[missed].cpu().numpy(), minlength=len(waiting)) > 0
            parts.append(layout.histories(codes, counts).take(np.flatnonzero(~bad)))
            places.append(waiting[~bad])
            waiting = waiting[bad]
            # Units without rows are drawn too.
            self.drawn += len(counts)
            if len(waiting) and self.drawn > CANDIDATES + PER_UNIT * units:
                self._give_up(int(waiting[0]), True)
        return Histories.joined(parts).take(np.argsort(np.concatenate(places), kind="stable"))

    def _give_up(self, unit: int, given: bool) -> None:
        unit += self.start
        if given:
            raise ConditionError(
                f"what is given of unit {unit} was not drawn among {self.drawn} rows; it cannot occur or is too rare: "
                "give less, or take the engine 'sequence'",
                unit,
            )
        raise DataError(
            f"rows break the exclusions in every one of {self.drawn} draws; check the constraints, or fit a model with "
            "the engine 'sequence'"
        )


def _last(counts: NDArray[np.int64], device: torch.device) -> Tensor:
    """Which rows are the last of their units."""
    last = torch.zeros(int(counts.sum()), dtype=torch.bool, device=device)
    last[torch.from_numpy(np.cumsum(counts)[counts > 0] - 1).to(device)] = True
    return last
