"""Sums of gradients clipped by unit, by the closed form of ghost layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.access.contract import Phase, RowLosses
from shared.errors import ConfigurationError
from shared.training.example_norms import GhostLayer, recording

_PAIRS = 8192  # pairs of rows whose products are formed at a time


def accumulate_clipped(
    phase: Phase, layers: list[GhostLayer], units: NDArray[np.int64], *, cap: int, norm: float
) -> Tensor:
    """Add to the parameters' ``grad`` each unit's gradient of Σ loss / ``cap``, clipped to ``norm`` over them all.

    Formal guarantee: adding or removing a unit changes what is added by at most ``norm`` in L2, since
    the factor of a unit depends on its own rows alone. A unit whose gradient is not finite adds
    nothing. Returns the losses of the rows that were used, shape ``(rows,)``, detached.
    """
    if len(units) == 0:
        return torch.zeros(0)
    with recording(layers):
        losses = phase.losses(units)
        check_losses(losses, len(units))
        used = [layer for layer in layers if layer.record is not None]
        outputs = [layer.record[1] for layer in used if layer.record is not None]
        if len(losses.values) == 0 or not outputs:
            return losses.values.detach()
        signals = torch.autograd.grad(losses.values.sum() / cap, outputs, allow_unused=True)
        reached = [(layer, signal) for layer, signal in zip(used, signals, strict=True) if signal is not None]
        with torch.no_grad():
            squares = squared_norms(reached, losses.unit_of_row, len(units))
            finite = torch.isfinite(squares)
            if bool(finite.all()):
                weights = clipping_factors(squares, norm)[losses.unit_of_row]
                for layer, signal in reached:
                    layer.accumulate(signal, weights)
                return losses.values.detach()
    # A product of zero and infinity is not zero: units that left the numbers must not be in the sums at all.
    return accumulate_clipped(phase, layers, units[finite.cpu().numpy()], cap=cap, norm=norm)


def squared_norms(reached: list[tuple[GhostLayer, Tensor]], unit_of_row: Tensor, units: int) -> Tensor:
    """Squared gradient norms of units, shape ``(units,)``: Σ over pairs r, s of a unit's rows of <g_r, g_s>.

    Where gradients of a unit's rows cancel, rounding leaves the sum uncertain by about the machine
    epsilon times Σ ‖g_r‖². A few times that is added for units of several rows, so that what is
    taken for small is small.
    """
    rows = sum(layer.products(signal, None, None) for layer, signal in reached)
    if not isinstance(rows, Tensor):
        return torch.zeros(units, device=unit_of_row.device)
    squares = torch.zeros(units, dtype=rows.dtype, device=rows.device).index_add_(0, unit_of_row, rows)
    crowded = False
    slack = squares * (64 * torch.finfo(rows.dtype).eps)
    for first, second in pairs_of_rows(unit_of_row):
        crowded = True
        for layer, signal in reached:
            squares.index_add_(0, unit_of_row[first], layer.products(signal, first, second), alpha=2.0)
    if crowded:
        several = torch.bincount(unit_of_row, minlength=units) > 1
        squares = torch.where(several, squares + slack, squares)
    return squares.clamp(min=0.0)


def pairs_of_rows(unit_of_row: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """All pairs of different rows r < s of one unit, as index arrays of bounded length; ``unit_of_row`` ascends."""
    lag = 1
    while lag < len(unit_of_row):
        first = torch.nonzero(unit_of_row[:-lag] == unit_of_row[lag:]).squeeze(1)
        if len(first) == 0:
            return
        for part in torch.split(first, _PAIRS):
            yield part, part + lag
        lag += 1


def clipping_factors(squared_norms: Tensor, norm: float) -> Tensor:
    """min(1, ``norm`` / ‖g‖) for squared norms of shape ``(units,)``."""
    return (norm / squared_norms.sqrt()).clamp(max=1.0)


def check_losses(losses: RowLosses, units: int) -> None:
    """The losses must say of each row which of the drawn units it belongs to."""
    values, owner = losses.values, losses.unit_of_row
    if values.ndim != 1 or owner.shape != values.shape:
        raise ConfigurationError(
            f"a phase gave losses of shape {tuple(values.shape)} and units of shape {tuple(owner.shape)}; "
            "a private step needs one loss and one unit a row"
        )
    if len(owner) and not (int(owner[0]) >= 0 and int(owner[-1]) < units and bool((owner.diff() >= 0).all())):
        raise ConfigurationError("a phase gave units of rows that do not ascend or were not drawn")


def check_not_shared(layers: list[GhostLayer]) -> None:
    """The closed form adds up layers, so no parameter may belong to two of them."""
    seen: set[int] = set()
    for layer in layers:
        for name, parameter in layer.named_parameters(recurse=False):
            if id(parameter) in seen:
                raise ConfigurationError(
                    f"parameter {name!r} of {type(layer).__name__} belongs to two layers, whose closed form of the "
                    "gradient norm would be wrong; give each layer its own parameters"
                )
            seen.add(id(parameter))
