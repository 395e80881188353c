"""Grids for statistics of numbers, from declared knowledge alone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from shared.corpus.schema import Column
from shared.corpus.values import bounds


def declared_cells(column: Column, *, most: int = 512) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The declared grid of a numeric column as ``(lows, highs)`` of cells, or ``None`` if nothing declares one.

    The declared edges if there are any; else every value from low to high if they are at most
    ``most`` steps apart; else ``most`` cells of equal width, cut at whole steps. Declared atoms are
    cells of their own. Depends on the schema alone, so it costs no budget.
    """
    low, high = bounds(column)
    step = column.step if column.step is not None else (1.0 if column.kind in ("integer", "date") else None)
    if column.edges is not None:
        lows, highs = np.asarray(column.edges[:-1]), np.asarray(column.edges[1:])
    elif low is None or high is None:
        return None
    elif step is not None and (high - low) / step < most:
        places = np.arange(int(np.floor((high - low) / step + 1e-9)) + 1, dtype=np.float64)
        lows = _written(low + step * places, low, step)
        highs = lows
    else:
        edges = np.linspace(low, high, most + 1)
        if step is not None:
            edges = _written(low + step * np.floor((edges - low) / step + 1e-9), low, step)
        edges = np.unique(edges)
        # Bounds that leave one value only are one cell.
        lows, highs = (edges[:-1], edges[1:]) if len(edges) > 1 else (edges, edges)
    return _with_atoms(lows, highs, column.atoms)


def _written(values: NDArray[np.float64], low: float, step: float) -> NDArray[np.float64]:
    """Sums of whole steps as people write them: 20.2, where floating point gives 20.200000000000003."""
    exponents = (Decimal(repr(float(number))).normalize().as_tuple().exponent for number in (low, step))
    return np.round(values, max(0, *(-exponent for exponent in exponents if isinstance(exponent, int))))


def _with_atoms(
    lows: NDArray[np.float64], highs: NDArray[np.float64], atoms: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cells with a cell of width zero for each atom; an atom inside a cell cuts it in two."""
    for atom in sorted(atoms):
        if np.any((lows == atom) & (highs == atom)):
            continue
        inside = (lows < atom) & (atom < highs)
        lows, highs = (
            np.concatenate([lows, [atom], np.full(inside.sum(), atom)]),
            np.concatenate([np.where(inside, atom, highs), [atom], highs[inside]]),
        )
        order = np.lexsort((highs, lows))
        lows, highs = lows[order], highs[order]
    return lows, highs
