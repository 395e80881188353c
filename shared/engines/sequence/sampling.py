"""Sampling: row by row, column by column, in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.encoded import CodeExclusion, Codes, Histories, Rows
from shared.engines.sequence.network import CLOSED, RowInputs, RowNetwork
from shared.errors import SchemaError
from shared.randomness import torch_generator

BATCH_UNITS = 16_384


@dataclass(frozen=True, eq=False)
class _Closing:
    """Codes that close in the column drawn last when the columns before hold certain codes."""

    conditions: tuple[tuple[int, Tensor], ...]  # column, mask over its codes
    closed: Tensor  # mask over the codes of the column drawn last
    last_row: bool | None


def sample_histories(
    network: RowNetwork,
    n: int,
    *,
    names: Sequence[str],
    row_chances: NDArray[np.float64],
    row_counts: NDArray[np.int64] | None,
    exclusions: Sequence[CodeExclusion],
    seed: int,
    device: torch.device,
) -> Iterator[Histories]:
    """A stream of batches with ``n`` units in all; the same seed gives the same units."""
    closings = _compiled(exclusions, names, network.shape.sizes, device)
    with torch.no_grad():
        matrix = network.first.matrix()
    for batch, start in enumerate(range(0, n, BATCH_UNITS)):
        size = min(BATCH_UNITS, n - start)
        generator = torch_generator(seed, "batch", batch, device=str(device))
        if row_counts is not None:
            counts = torch.from_numpy(row_counts[start : start + size]).to(device)
        else:
            counts = _drawn(torch.as_tensor(row_chances, device=device).float().expand(size, -1), generator)
        yield _sampled(network, matrix, names, counts, closings, generator)


@torch.no_grad()
def _sampled(
    network: RowNetwork,
    matrix: Tensor,
    names: Sequence[str],
    counts: Tensor,
    closings: dict[int, list[_Closing]],
    generator: torch.Generator,
) -> Histories:
    """One batch of units with ``counts`` rows each, shape ``(units,)``."""
    shape = network.shape
    own, most = shape.unit_columns, int(counts.max())
    codes = torch.zeros(len(counts), most, len(shape.sizes), dtype=torch.int64, device=counts.device)
    for place in range(most):
        active = torch.nonzero(counts > place).squeeze(1)
        previous = codes[active, place - 1] if place else None
        last = counts[active] == place + 1
        codes[active, place] = _row(network, matrix, counts[active], place, previous, last, closings, generator)
    present = torch.arange(most, device=counts.device)[None, :] < counts[:, None]
    flat: Codes = codes[present].cpu().numpy().astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(counts.cpu().numpy())]).astype(np.int64)
    units = Rows(flat[offsets[:-1], :own], shape.sizes[:own], tuple(names[:own]))
    return Histories(units, Rows(flat[:, own:], shape.sizes[own:], tuple(names[own:])), offsets)


def _row(
    network: RowNetwork,
    matrix: Tensor,
    counts: Tensor,
    place: int,
    previous: Tensor | None,
    last: Tensor,
    closings: dict[int, list[_Closing]],
    generator: torch.Generator,
) -> Tensor:
    """The codes of one more row of each unit, shape ``(units, columns)``; ``previous`` are those of the row before."""
    shape = network.shape
    own, width, columns = shape.unit_columns, shape.embedding, len(shape.sizes)
    codes = torch.empty(len(counts), columns, dtype=torch.int64, device=counts.device)
    sources = torch.empty(len(counts), (network.extra + columns) * width, device=counts.device)
    if network.extra:
        before = torch.zeros_like(codes[:, own:]) if previous is None else previous[:, own:] + 1
        known = torch.stack(
            [torch.full_like(counts, min(place, shape.most_rows - 1)), counts.clamp(max=shape.most_rows)], 1
        )
        context = network.context(RowInputs(codes, before, known))
        assert context is not None
        sources[:, : network.extra * width] = context.reshape(len(counts), -1)
    for column in range(columns):
        at = (network.extra + column) * width
        if previous is not None and column < own:
            codes[:, column] = previous[:, column]
        else:
            logits = network.logits(column, sources[:, :at], matrix)
            for closing in closings.get(column, ()):
                _close(logits, closing, codes, last)
            if column in closings and bool((logits.amax(1) <= CLOSED / 2).any()):
                raise SchemaError("the exclusions leave a column without any code; check the constraints")
            codes[:, column] = _drawn(torch.softmax(logits, dim=1), generator)
        sources[:, at : at + width] = network.embed(column, codes[:, column])
    return codes


def _close(logits: Tensor, closing: _Closing, codes: Tensor, last: Tensor) -> None:
    """Close the codes where all conditions hold, in place."""
    holds = torch.ones_like(last) if closing.last_row is None else last == closing.last_row
    for column, mask in closing.conditions:
        holds = holds & mask[codes[:, column]]
    logits.masked_fill_(holds[:, None] & closing.closed[None, :], CLOSED)


def _drawn(chances: Tensor, generator: torch.Generator) -> Tensor:
    """One code for each row of chances, by inversion; a code of chance zero is never drawn."""
    sums = chances.cumsum(1)
    total = sums[:, -1:]
    luck = torch.rand(len(chances), 1, generator=generator, device=chances.device) * total
    # Rounding may lift the product to the total itself, which no code lies above.
    luck = torch.minimum(luck, torch.nextafter(total, torch.zeros_like(total)))
    return (sums <= luck).sum(1)


def _compiled(
    exclusions: Sequence[CodeExclusion], names: Sequence[str], sizes: Sequence[int], device: torch.device
) -> dict[int, list[_Closing]]:
    """Closings by the column that is drawn last."""
    closings: dict[int, list[_Closing]] = {}
    for exclusion in exclusions:
        parts = []
        for name, codes in exclusion.parts:
            if name not in names:
                raise SchemaError(f"an exclusion names the code column {name!r}; the engine has {', '.join(names)}")
            column = names.index(name)
            mask = torch.zeros(sizes[column], dtype=torch.bool, device=device)
            mask[list(codes)] = True
            parts.append((column, mask))
        parts.sort(key=lambda part: part[0])
        *conditions, (column, closed) = parts
        closings.setdefault(column, []).append(_Closing(tuple(conditions), closed, exclusion.last_row))
    return closings
