"""What a training logs while it runs, and what its curves say. Internal: losses are computed on records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

POINTS = 200  # of a curve

Curve = tuple[tuple[int, float], ...]
Verdict = Literal["settled", "still falling", "rising"]


class Curves:
    """Measures by name, each as (step, value) pairs; at most about :data:`POINTS` of them."""

    def __init__(self, points: Mapping[str, Iterable[tuple[int, float]]] | None = None) -> None:
        self._points = {
            name: [(int(step), float(value)) for step, value in curve] for name, curve in (points or {}).items()
        }

    def log(self, step: int, **measures: float) -> None:
        """Measures of one step."""
        for name, value in measures.items():
            self._points.setdefault(name, []).append((step, value))

    def to_mapping(self) -> dict[str, Curve]:
        """Plain values."""
        return {name: tuple(points) for name, points in self._points.items()}


def verdict(losses: Sequence[tuple[int, float]]) -> Verdict:
    """What a curve of losses says of a training that is over.

    By the medians of its tenths: "rising" if the last lies above the first, "still falling" if more than a
    twentieth of the whole fall happened in the last tenth; "settled" otherwise.
    """
    values = np.array([value for _, value in losses])
    if len(values) < 10:
        return "settled"
    first, *_, before, last = (float(np.median(part)) for part in np.array_split(values, 10))
    if last > first:
        return "rising"
    return "still falling" if before - last > (first - last) / 20 else "settled"
