"""From measured marginals to a graphical model, by the package mbi; what is kept of it are tables alone.

mbi (McKenna et al. 2019, arXiv:1901.09136) fits the distribution of most entropy among those that are nearest to the
measurements. It is an extra and pulls jax, which is imported when it is needed and not before.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.access.marginals import Measured
from shared.errors import ConfigurationError

_EXACT = 1.0  # mbi needs a deviation; equal ones only weigh the marginals alike


@dataclass(frozen=True, eq=False)
class Conditional:
    """The chances of a column's codes given those of the parents, all drawn before it.

    ``chances`` has the shape of the parents' sizes and then the column's; they add up to 1 over the last axis.
    """

    column: int
    parents: tuple[int, ...]
    chances: NDArray[np.float64]


class Estimate:
    """A graphical model of code columns, fitted to measurements."""

    def __init__(self, sizes: Sequence[int], model: Any, mbi: Any) -> None:
        self._sizes = tuple(sizes)
        self._model, self._mbi = model, mbi

    @property
    def total(self) -> float:
        """The number of rows, as the measurements have it."""
        return float(self._model.total)

    def expected(self, columns: tuple[int, ...]) -> NDArray[np.float64]:
        """Counts of the model, of the shape of the columns' sizes."""
        with _double():
            # Projected one way round and turned: mbi keeps an order of its own.
            factor = self._model.project(columns)
            values = np.asarray(factor.transpose(columns).datavector(flatten=False), dtype=np.float64)
        return np.maximum(values, 0.0)

    def megabytes(self, cliques: Sequence[tuple[int, ...]]) -> float:
        """How large the model would be with these marginals beside those it has."""
        domain = self._mbi.Domain(range(len(self._sizes)), self._sizes)
        known = [tuple(clique) for clique in self._model.cliques]
        return float(self._mbi.junction_tree.hypothetical_model_size(domain, [*known, *cliques]))

    def conditionals(self) -> tuple[Conditional, ...]:
        """The model as a chain of conditional tables, in the order in which columns can be drawn."""
        domain = self._mbi.Domain(range(len(self._sizes)), self._sizes)
        cliques = [tuple(clique) for clique in self._model.cliques]
        tree, elimination = self._mbi.junction_tree.make_junction_tree(domain, cliques)
        nodes, used, found = [set(node) for node in tree.nodes], set[int](), []
        for column in elimination[::-1]:
            neighbours = set().union(*(node for node in nodes if column in node)) & used
            parents = tuple(sorted(neighbours))
            found.append(Conditional(column, parents, _conditional(self.expected((*parents, column)))))
            used.add(column)
        return tuple(found)


def estimate(
    sizes: Sequence[int], measured: Sequence[Measured], *, iterations: int, start: Estimate | None = None
) -> Estimate:
    """The model of most entropy that is nearest to the measurements, each weighed by its noise; mirror descent.

    ``start`` is a model of some of them, from which the search begins. ``ConfigurationError`` without mbi.
    """
    mbi = _package()
    with _double():
        domain = mbi.Domain(range(len(sizes)), sizes)
        linear = [
            mbi.LinearMeasurement(one.counts.ravel(), one.question.columns, one.deviation or _EXACT) for one in measured
        ]
        model = mbi.estimation.MirrorDescent().estimate(
            domain, linear, iters=iterations, warm_start=None if start is None else start._model
        )
    return Estimate(sizes, model, mbi)


def pairs(columns: int) -> list[tuple[int, int]]:
    """All pairs of columns."""
    return list(combinations(range(columns), 2))


def _conditional(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chances over the last axis; all alike where nothing was counted."""
    totals = counts.sum(axis=-1, keepdims=True)
    even = np.full_like(counts, 1 / counts.shape[-1])
    return np.where(totals > 0, np.divide(counts, totals, out=even.copy(), where=totals > 0), even)


def _package() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for double precision, which is switched on where it is used
            import mbi
    except ImportError as error:
        raise ConfigurationError(
            "the engine marginal needs the package mbi, which is not installed; install simulacra with its extra "
            "marginal"
        ) from error
    return mbi


def _double() -> Any:
    """Double precision for a while: in single, estimation stalls on large tables."""
    import jax

    return jax.enable_x64(True)
