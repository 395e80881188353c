"""Sampling: row by row, column by column, in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.encoded import CodeExclusion, Codes, Given, Histories, Rows
from shared.engines.sequence.closings import Closings, close, compiled, left
from shared.engines.sequence.network import CLOSED, RowInputs, RowNetwork
from shared.errors import DataError, SchemaError
from shared.randomness import torch_generator

BATCH_UNITS = 16_384


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

    def stream(self, n: int, given: Given, *, seed: int) -> Iterator[Histories]:
        """A stream of batches with ``n`` units in all; the same seed gives the same units."""
        fixed = self._fixed_units(given, n)
        for batch, start in enumerate(range(0, n, BATCH_UNITS)):
            size = min(BATCH_UNITS, n - start)
            generator = torch_generator(seed, "batch", batch, device=str(self.matrix.device))
            units = None if fixed is None else torch.from_numpy(fixed[start : start + size]).to(self.matrix.device)
            if given.rows_per_unit is not None:
                counts = torch.from_numpy(given.rows_per_unit[start : start + size]).to(self.matrix.device)
            elif units is not None:
                counts = self._counts_given(units, start, generator)
            else:
                counts = drawn(self.row_chances.expand(size, -1), generator)
            yield self._histories(counts, units, generator)

    def _fixed_units(self, given: Given, n: int) -> NDArray[np.int64] | None:
        """The units' own codes, shape ``(n, unit columns)``, where they are given."""
        own = self.names[: self.network.shape.unit_columns]
        if given.rows_per_unit is not None:
            most = self.network.shape.most_rows
            least = 0 if self.network.shape.empty_units else 1
            counts = given.rows_per_unit
            if len(counts) != n or (n and not least <= counts.min() <= counts.max() <= most):
                raise DataError(f"given numbers of rows must be {n} numbers from {least} to {most}")
        if not given.columns:
            return None
        codes = [allowed.which for allowed in given.columns.values() if allowed.which is not None]
        if set(given.columns) != set(own) or any(len(column) != n for column in codes) or len(codes) != len(own):
            raise DataError(f"given columns must be all of {', '.join(own)}, with one code for each of {n} units")
        return np.stack(codes, axis=1)

    @torch.no_grad()
    def _counts_given(self, units: Tensor, start: int, generator: torch.Generator) -> Tensor:
        """Numbers of rows drawn from their exact distribution given the units' own columns."""
        chances = torch.full((len(units), len(self.row_chances)), -torch.inf, device=units.device)
        for count in torch.nonzero(self.row_chances > 0).flatten().tolist():
            counts = torch.full((len(units),), count, device=units.device)
            chances[:, count] = self.row_chances[count].log() + self.unit_log_chances(units, counts)
        best = chances.amax(1, keepdim=True)
        if not bool(torch.isfinite(best).all()):
            unit = start + int(torch.nonzero(~torch.isfinite(best))[0, 0])
            raise DataError(
                f"the columns of given unit {unit + 1} cannot occur together; check them and the constraints"
            )
        return drawn(torch.exp(chances - best), generator)

    @torch.no_grad()
    def unit_log_chances(self, units: Tensor, counts: Tensor) -> Tensor:
        """Natural log of the chance of the units' own columns given their number of rows, shape ``(units,)``."""
        shape, network = self.network.shape, self.network
        codes = torch.zeros(len(units), len(shape.sizes), dtype=torch.int64, device=units.device)
        codes[:, : shape.unit_columns] = units
        sources = self._sources(counts, 0, None)
        chances = torch.zeros(len(units), device=units.device)
        for column in range(shape.unit_columns):
            at = (network.extra + column) * shape.embedding
            logits = network.logits(column, sources[:, :at], self.matrix)
            close(logits, self.closings.get(column, ()), codes, 0, counts)
            own = logits.gather(1, units[:, column, None]).squeeze(1)
            chances += torch.where(own > CLOSED / 2, own - torch.logsumexp(logits, 1), -torch.inf)
            sources[:, at : at + shape.embedding] = network.embed(column, units[:, column])
        return chances

    @torch.no_grad()
    def _histories(self, counts: Tensor, units: Tensor | None, generator: torch.Generator) -> Histories:
        """One batch of units with ``counts`` rows each, shape ``(units,)``."""
        shape = self.network.shape
        own, most = shape.unit_columns, int(counts.max())
        codes = torch.zeros(len(counts), max(1, most), len(shape.sizes), dtype=torch.int64, device=counts.device)
        empty = torch.nonzero(counts == 0).squeeze(1)
        if len(empty):
            known = None if units is None else units[empty]
            codes[empty, 0, :own] = self._row(counts[empty], 0, None, known, generator, columns=own)[:, :own]
        for place in range(most):
            active = torch.nonzero(counts > place).squeeze(1)
            previous = codes[active, place - 1] if place else None
            known = previous[:, :own] if previous is not None else None if units is None else units[active]
            codes[active, place] = self._row(counts[active], place, previous, known, generator)
        present = torch.arange(max(1, most), device=counts.device)[None, :] < counts[:, None]
        owned: Codes = codes[:, 0, :own].cpu().numpy().astype(np.int32)
        rows: Codes = codes[present][:, own:].cpu().numpy().astype(np.int32)
        offsets = np.concatenate([[0], np.cumsum(counts.cpu().numpy())]).astype(np.int64)
        return Histories(
            Rows(owned, shape.sizes[:own], self.names[:own]), Rows(rows, shape.sizes[own:], self.names[own:]), offsets
        )

    def _row(
        self,
        counts: Tensor,
        place: int,
        previous: Tensor | None,
        units: Tensor | None,
        generator: torch.Generator,
        columns: int | None = None,
    ) -> Tensor:
        """The codes of one more row of each unit, shape ``(units, columns)``.

        ``previous`` are those of the row before, ``units`` the unit's own where they are known.
        ``columns`` stops after so many columns.
        """
        network, shape = self.network, self.network.shape
        codes = torch.zeros(len(counts), len(shape.sizes), dtype=torch.int64, device=counts.device)
        sources = self._sources(counts, place, previous)
        for column in range(len(shape.sizes) if columns is None else columns):
            at = (network.extra + column) * shape.embedding
            if units is not None and column < shape.unit_columns:
                codes[:, column] = units[:, column]
            else:
                logits = network.logits(column, sources[:, :at], self.matrix)
                if column in self.closings:
                    close(logits, self.closings[column], codes, place, counts)
                    if not bool(left(logits).all()):
                        raise SchemaError("the exclusions leave a column without any code; check the constraints")
                codes[:, column] = drawn(torch.softmax(logits, dim=1), generator)
            sources[:, at : at + shape.embedding] = network.embed(column, codes[:, column])
        return codes

    def _sources(self, counts: Tensor, place: int, previous: Tensor | None) -> Tensor:
        """What the first layer reads, shape ``(units, (extra + columns) * embedding)``: the context, and room."""
        network, shape = self.network, self.network.shape
        columns, own = len(shape.sizes), shape.unit_columns
        sources = torch.empty(len(counts), (network.extra + columns) * shape.embedding, device=counts.device)
        if network.extra:
            if previous is None:
                before = torch.zeros(len(counts), columns - own, dtype=torch.int64, device=counts.device)
            else:
                before = previous[:, own:] + 1
            first = torch.full_like(counts, min(place, shape.most_rows - 1))
            known = torch.stack([first, counts.clamp(max=shape.most_rows)], 1)
            context = network.context(RowInputs(before, before, known))
            assert context is not None
            sources[:, : network.extra * shape.embedding] = context.reshape(len(counts), -1)
        return sources


def drawn(chances: Tensor, generator: torch.Generator) -> Tensor:
    """One code for each row of chances, by inversion; a code of chance zero is never drawn."""
    sums = chances.cumsum(1)
    total = sums[:, -1:]
    luck = torch.rand(len(chances), 1, generator=generator, device=chances.device) * total
    # Rounding may lift the product to the total itself, which no code lies above.
    luck = torch.minimum(luck, torch.nextafter(total, torch.zeros_like(total)))
    return (sums <= luck).sum(1)
