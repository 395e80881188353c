"""Sampling: row by row, column by column, in batches of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.closings import CLOSED, Closings, close, compiled, left
from shared.engines.encoded import AnyCodes, CodeExclusion, Codes, Histories, Rows
from shared.engines.sequence.memory import Cache
from shared.engines.sequence.network import RowNetwork
from shared.engines.sequence.places import places_of
from shared.errors import SchemaError
from shared.randomness import torch_generator

BATCH_UNITS = 16_384
CELLS = 32_000_000  # numbers that are kept of the rows of a batch


@dataclass(frozen=True, eq=False)
class Step:
    """One column of one row of each unit, about to be chosen.

    ``codes`` ``(units, columns)`` holds those of the columns before; ``sources`` ``(units, width)`` is what the
    first layer reads of them; ``counts`` ``(units,)`` are the numbers of rows, ``place`` that of this row; ``history``
    ``(units, rows, columns)`` are the rows before that are seen.
    """

    column: int
    codes: Tensor
    sources: Tensor
    counts: Tensor
    place: int
    history: Tensor


@dataclass(frozen=True, eq=False)
class Past:
    """Rows before, of units under way: ``history`` ``(units, rows, columns)``, those that are seen, and the cache."""

    history: Tensor
    unit_columns: int
    cache: Cache | None

    @property
    def own(self) -> Tensor:
        """The units' own codes, where there are rows, shape ``(units, unit columns)``."""
        return self.history[:, -1, : self.unit_columns]

    @property
    def previous(self) -> Tensor:
        """The row before, shifted by one so that 0 stands for none, shape ``(units, row columns)``."""
        if not self.history.shape[1]:
            return self.history[:, :, self.unit_columns :].sum(1)
        return self.history[:, -1, self.unit_columns :] + 1


Choose = Callable[[Step], Tensor]


@dataclass(frozen=True, eq=False)
class Sampler:
    """What draws units from a network under exclusions.

    ``matrix`` is the first layer's masked weight, ``row_chances``, shape ``(most rows + 1,)``, how likely each
    number of rows is.
    """

    network: RowNetwork
    matrix: Tensor
    names: tuple[str, ...]
    row_chances: Tensor
    closings: Closings

    @classmethod
    def build(
        cls,
        network: RowNetwork,
        names: Sequence[str],
        row_chances: Sequence[float],
        exclusions: Sequence[CodeExclusion],
        device: torch.device,
    ) -> Self:
        """Raises ``SchemaError`` for an exclusion of a column that there is not."""
        shape = network.shape
        closings = compiled(exclusions, names, shape.sizes, shape.unit_columns, device)
        with torch.no_grad():
            matrix = network.first.matrix()
        return cls(network, matrix, tuple(names), torch.tensor(row_chances, device=device), closings)

    @property
    def device(self) -> torch.device:
        return self.matrix.device

    def stream(
        self,
        n: int,
        *,
        seed: int,
        row_counts: NDArray[np.int64] | None = None,
        units: AnyCodes | None = None,
    ) -> Iterator[Histories]:
        """A stream of batches with ``n`` units in all; the same seed gives the same units.

        ``row_counts``, shape ``(n,)``, fixes the numbers of rows, and ``units``, shape ``(n, unit columns)``, the
        units' own codes.
        """
        most = self.most_units
        for batch, start in enumerate(range(0, n, most)):
            size = min(most, n - start)
            generator = torch_generator(seed, "batch", batch, device=str(self.device))
            if row_counts is not None:
                counts = torch.from_numpy(row_counts[start : start + size]).to(self.device)
            else:
                counts = drawn(self.row_chances.expand(size, -1), generator)
            own = None if units is None else torch.from_numpy(units[start : start + size].astype(np.int64))
            own = None if own is None else own.to(self.device)
            yield self.histories(self.draw(counts, generator, own), counts)

    @property
    def most_units(self) -> int:
        """Units of a batch: fewer where they have many rows, of which codes, keys and values are kept."""
        shape = self.network.shape
        if shape.flat:
            return BATCH_UNITS
        seen = 2 * shape.attention * self.network.extra * shape.embedding * min(shape.most_rows, shape.window)
        return max(1, min(BATCH_UNITS, CELLS // (seen + 2 * shape.most_rows * len(shape.sizes))))

    @torch.no_grad()
    def draw(self, counts: Tensor, generator: torch.Generator, units: Tensor | None = None) -> Tensor:
        """Codes ``(units, places, columns)`` of units with ``counts`` rows; the unit's own stand in its first place.

        ``units``, shape ``(units, unit columns)``, fixes the units' own.
        """
        shape = self.network.shape
        own, most = shape.unit_columns, int(counts.max()) if len(counts) else 0
        codes = torch.zeros(len(counts), max(1, most), len(shape.sizes), dtype=torch.int64, device=counts.device)

        def choose(step: Step) -> Tensor:
            return self._chosen(step, generator)

        empty = torch.nonzero(counts == 0).squeeze(1)
        if len(empty):
            known = None if units is None else units[empty]
            codes[empty, 0] = self.row(counts[empty], 0, self.nothing(empty), known, choose, columns=own)
        for place, active, past in self.pasts(counts, codes):
            known = past.own if place else None if units is None else units[active]
            codes[active, place] = self.row(counts[active], place, past, known, choose)
        return codes

    def pasts(self, counts: Tensor, codes: Tensor) -> Iterator[tuple[int, Tensor, Past]]:
        """Each place that some unit has a row at, those units, and their rows before: ``codes`` as they are by then."""
        cache = self.network.cache()
        active = torch.arange(len(counts), device=counts.device)
        for place in range(int(counts.max()) if len(counts) else 0):
            more = torch.nonzero(counts[active] > place).squeeze(1)
            if cache is not None and len(more) < len(active):
                cache.keep(more)
            active = active[more]
            first = max(0, place - self.network.shape.window + 1)
            yield place, active, Past(codes[active, first:place].long(), self.network.shape.unit_columns, cache)

    def nothing(self, units: Tensor) -> Past:
        """What is before the first row of units, of which there are ``len(units)``."""
        shape = self.network.shape
        history = torch.zeros(len(units), 0, len(shape.sizes), dtype=torch.int64, device=units.device)
        return Past(history, shape.unit_columns, self.network.cache())

    def _chosen(self, step: Step, generator: torch.Generator) -> Tensor:
        logits = self.logits(step)
        if step.column in self.closings and not bool(left(logits).all()):
            raise SchemaError("the exclusions leave a column without any code; check the constraints")
        return drawn(torch.softmax(logits, dim=1), generator)

    def logits(self, step: Step) -> Tensor:
        """Logits of the column, closed where the exclusions say so, shape ``(units, size)``."""
        logits = self.network.logits(step.column, step.sources, self.matrix, step.codes, step.history)
        close(logits, self.closings.get(step.column, ()), step.codes, step.place, step.counts)
        return logits

    def row(
        self,
        counts: Tensor,
        place: int,
        past: Past,
        known: Tensor | None,
        choose: Choose,
        columns: int | None = None,
    ) -> Tensor:
        """The codes of one more row of each unit, shape ``(units, columns)``.

        ``past`` are the rows before; ``known`` the unit's own codes, if they are; all others are chosen. ``columns``
        stops after so many columns.
        """
        network, shape = self.network, self.network.shape
        codes = torch.zeros(len(counts), len(shape.sizes), dtype=torch.int64, device=counts.device)
        sources = self._sources(counts, place, past)
        for column in range(len(shape.sizes) if columns is None else columns):
            at = (network.extra + column) * shape.embedding
            if known is not None and column < shape.unit_columns:
                codes[:, column] = known[:, column]
            else:
                codes[:, column] = choose(Step(column, codes, sources[:, :at], counts, place, past.history))
            sources[:, at : at + shape.embedding] = network.embed(column, codes[:, column])
        return codes

    def _sources(self, counts: Tensor, place: int, past: Past) -> Tensor:
        """What the first layer reads, shape ``(units, (extra + columns) * embedding)``: the context, and room."""
        network, shape = self.network, self.network.shape
        sources = torch.empty(len(counts), (network.extra + len(shape.sizes)) * shape.embedding, device=counts.device)
        if past.cache is not None:
            numbers = counts.cpu().numpy()
            where = torch.from_numpy(places_of(np.full(len(numbers), place), numbers, shape.most_rows, shape.window))
            context = network.next_context(past.previous, where.to(counts.device), past.cache)
            sources[:, : network.extra * shape.embedding] = context
        return sources

    @torch.no_grad()
    def count_log_chances(self, units: Tensor) -> Tensor:
        """Natural log of the joint chance of each number of rows and the first of the units' own columns.

        ``units`` has shape ``(units, columns)``; returns ``(units, most rows + 1)``, minus infinity for
        what the exclusions or the numbers of rows make impossible.
        """
        chances = torch.full((len(units), len(self.row_chances)), -torch.inf, device=units.device)
        for count in torch.nonzero(self.row_chances > 0).flatten().tolist():
            total = self.row_chances[count].log().expand(len(units)).clone()

            def told(step: Step, total: Tensor = total) -> Tensor:
                logits = self.logits(step)
                code = units[:, step.column]
                own = logits.gather(1, code[:, None]).squeeze(1)
                total += torch.where(own > CLOSED / 2, own - torch.logsumexp(logits, 1), -torch.inf)
                return code

            counts = torch.full((len(units),), count, device=units.device)
            self.row(counts, 0, self.nothing(units), None, told, columns=units.shape[1])
            chances[:, count] = total
        return chances

    def histories(self, codes: Tensor, counts: Tensor) -> Histories:
        """Codes as :meth:`draw` gives them."""
        shape = self.network.shape
        own = shape.unit_columns
        present = torch.arange(codes.shape[1], device=counts.device)[None, :] < counts[:, None]
        units: Codes = codes[:, 0, :own].cpu().numpy().astype(np.int32)
        rows: Codes = codes[present][:, own:].cpu().numpy().astype(np.int32)
        offsets = np.concatenate([[0], np.cumsum(counts.cpu().numpy())]).astype(np.int64)
        return Histories(
            Rows(units, shape.sizes[:own], self.names[:own]), Rows(rows, shape.sizes[own:], self.names[own:]), offsets
        )


def drawn(chances: Tensor, generator: torch.Generator) -> Tensor:
    """One code for each row of chances, by inversion; a code of chance zero is never drawn."""
    sums = chances.cumsum(1)
    total = sums[:, -1:]
    luck = torch.rand(len(chances), 1, generator=generator, device=chances.device) * total
    # Rounding may lift the product to the total itself, which no code lies above.
    luck = torch.minimum(luck, torch.nextafter(total, torch.zeros_like(total)))
    return (sums <= luck).sum(1)
