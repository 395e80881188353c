"""Sums of gradients clipped by unit, from opacus's gradients of single rows, for modules without a closed form."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from opacus.grad_sample import GradSampleHooks
from torch import Tensor, nn

from privacy.clipping import check_losses, clipping_factors
from shared.access.contract import Phase
from shared.errors import ConfigurationError


def accumulate_clipped(phase: Phase, units: NDArray[np.int64], *, cap: int, norm: float) -> Tensor:
    """As :func:`privacy.clipping.accumulate_clipped`, through gradients of shape ``(rows, *parameter)``.

    The module must treat its rows apart from one another and give one loss a row. Raises
    ``ConfigurationError`` if opacus cannot handle it.
    """
    if len(units) == 0:
        return torch.zeros(0)
    parameters = [parameter for parameter in phase.module.parameters() if parameter.requires_grad]
    kept = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    with _rows_recorded(phase.module):
        losses = phase.losses(units)
        check_losses(losses, len(units))
        if len(losses.values):
            with warnings.catch_warnings():
                # torch warns of hooks on layers whose inputs need no gradient; opacus reads their outputs' alone.
                warnings.filterwarnings("ignore", message="Full backward hook is firing")
                (losses.values.sum() / cap).backward()  # type: ignore[no-untyped-call]
        samples = [_samples(parameter, len(losses.values)) for parameter in parameters]
        owner = losses.unit_of_row
        by_unit = [None if rows is None else _summed(rows, owner, len(units)) for rows in samples]
    squares = sum(g.flatten(1).square().sum(1) for g in by_unit if g is not None)
    if isinstance(squares, Tensor):
        finite = torch.isfinite(squares)
        factors = torch.where(finite, clipping_factors(squares, norm), 0.0)
        for i, gradients in enumerate(by_unit):
            if gradients is not None:
                gradients[~finite] = 0.0
                clipped = torch.tensordot(factors, gradients, dims=1)
                kept[i] = clipped if kept[i] is None else kept[i] + clipped
        used = losses.values.detach()[finite[owner]]
    else:
        used = losses.values.detach()
    for parameter, gradient in zip(parameters, kept, strict=True):
        parameter.grad = gradient
    return used


@contextmanager
def _rows_recorded(module: nn.Module) -> Iterator[None]:
    """opacus's hooks on the module, for the time of one backward pass."""
    names = ", ".join(
        sorted({type(part).__name__ for part in module.modules() if list(part.parameters(recurse=False))})
    )
    if not module.training:
        raise ConfigurationError("opacus gives gradients of rows only in training mode; call module.train() first")
    hooks = None
    try:
        hooks = GradSampleHooks(module, loss_reduction="sum")
        yield
    except ConfigurationError:
        raise
    except (NotImplementedError, ValueError, RuntimeError, IndexError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigurationError(
            f"opacus cannot give the gradients of single rows of a module of {names} ({reason}); use layers it "
            "supports (opacus.validators.ModuleValidator.fix) or ghost layers"
        ) from error
    finally:
        if hooks is not None:
            hooks.cleanup()
            for part in module.modules():
                for leftover in ("activations", "max_batch_len"):
                    if hasattr(part, leftover):
                        delattr(part, leftover)


def _samples(parameter: nn.Parameter, rows: int) -> Tensor | None:
    """opacus's gradients of shape ``(rows, *parameter)``, checked against autograd's sum; ``None`` if untouched."""
    samples = getattr(parameter, "grad_sample", None)
    if samples is None and parameter.grad is None:
        return None
    if not isinstance(samples, Tensor) or len(samples) != rows or parameter.grad is None:
        raise ConfigurationError(
            f"opacus gave no gradients of single rows for a parameter of shape {tuple(parameter.shape)}; "
            "the first dimension of every layer's input must be the row, and each layer be called once"
        )
    error = (samples.sum(0) - parameter.grad).norm()
    if bool(error > 1e-3 * samples.flatten(1).norm(dim=1).sum()):
        raise ConfigurationError(
            f"opacus's gradients of single rows do not add up to autograd's for a parameter of shape "
            f"{tuple(parameter.shape)}; it is shared between layers, or rows are mixed"
        )
    return samples


def _summed(rows: Tensor, owner: Tensor, units: int) -> Tensor:
    """Gradients of units, shape ``(units, *parameter)``."""
    if len(rows) == units and bool((owner == torch.arange(units, device=owner.device)).all()):
        return rows
    return torch.zeros(units, *rows.shape[1:], dtype=rows.dtype, device=rows.device).index_add_(0, owner, rows)
