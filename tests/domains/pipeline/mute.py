"""Mechanisms that say nothing of the records."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import privacy.histograms
from privacy.access import PrivateAccess
from privacy.noise import Noise


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mechanisms that say the same of all records: constant counts, no gradient, noise that is known."""
    calls = [0]

    def entropy() -> np.random.Generator:
        calls[0] += 1
        return np.random.default_rng(calls[0])

    def fresh(self: Noise, *_: Any) -> None:
        calls[0] = 0
        self._entropy = entropy

    monkeypatch.setattr(Noise, "__init__", fresh)
    monkeypatch.setattr(privacy.histograms, "all_cell_counts", lambda data, column, lows: (np.full(len(lows), 5), 5))
    monkeypatch.setattr(
        privacy.histograms, "all_category_counts", lambda data, column, listed: (np.full(len(listed), 5), 5, 5)
    )
    monkeypatch.setattr(privacy.histograms, "row_counts", lambda data, most: np.full(most + 1, 5))
    monkeypatch.setattr(
        privacy.histograms, "all_unit_counts",
        lambda data, column, most: (np.array(["u", "v"], dtype=object), np.array([10**6, 10**6])),
    )  # fmt: skip
    monkeypatch.setattr(PrivateAccess, "_accumulate", lambda self, phase, units: [])
