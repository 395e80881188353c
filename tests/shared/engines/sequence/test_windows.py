"""Long units: learned from in windows, drawn with all their rows, and told where they begin and end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from shared.access.plain import PlainAccess
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame
from shared.engines.encoded import Histories, Rows, Shape
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.engines.sequence.inputs import Examples, windows_of
from shared.engines.sequence.network import NetworkShape
from shared.engines.sequence.places import bucket_sizes, bucketed, places_of
from shared.training.reporter import SilentReporter

WINDOW = 8


def long_units(counts: NDArray[np.int64]) -> Histories:
    """Rows begin with 0, end with 3, and between them the code of the row before changes with a chance of a tenth."""
    random = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    turns = np.cumsum(random.random(offsets[-1]) < 0.1)
    codes = 1 + turns % 2
    codes[offsets[:-1]] = 0
    codes[offsets[1:] - 1] = 3
    none = Rows(np.zeros((len(counts), 0), dtype=np.int32), (), ())
    return Histories(none, Rows(codes[:, None].astype(np.int32), (4,), ("state",)), offsets)


def test_places_are_exact_up_to_the_window_and_coarse_beyond() -> None:
    numbers = np.arange(10_000)
    codes = bucketed(numbers, 64)
    np.testing.assert_array_equal(codes[:65], np.arange(65))
    assert (np.diff(codes) >= 0).all()
    assert codes[-1] < 64 + 4 * 8
    sizes = bucket_sizes(1000, 64)
    index = np.arange(1000)
    places = places_of(index, np.full(1000, 1000), 1000, 64)
    assert (places < sizes).all()
    np.testing.assert_array_equal(places[-3:, 1], [2, 1, 0])


def test_windows_begin_at_the_start_at_the_end_and_anywhere() -> None:
    first, rows = windows_of(np.full(4000, 100), 10, torch.Generator().manual_seed(0))
    assert (rows == 10).all()
    assert np.mean(first == 0) == pytest.approx(0.25, abs=0.04)
    assert np.mean(first == 90) == pytest.approx(0.25, abs=0.04)
    assert set(first.tolist()) == set(range(91))
    first, rows = windows_of(np.array([3, 10]), 10, torch.Generator().manual_seed(0))
    assert (first.tolist(), rows.tolist()) == ([0, 0], [3, 10])


def test_a_window_tells_its_rows_where_they_stand_and_what_stood_before() -> None:
    data = long_units(np.array([30, 4, 25]))
    shape = NetworkShape(0, (4,), 30, embedding=2, hidden=2, context=4, window=WINDOW)
    examples = Examples(data, shape, torch.device("cpu"))
    whole, _, _ = examples.take(np.arange(3))
    for seed in range(20):
        part, weights, unit = examples.take(np.arange(3), torch.Generator().manual_seed(seed))
        assert part.place is not None
        assert part.previous is not None
        assert whole.place is not None
        assert whole.previous is not None
        assert weights is not None
        assert np.bincount(unit.numpy()).tolist() == [8, 4, 8]
        for number in range(3):
            mine = torch.nonzero(unit == number).squeeze(1)
            first = int(np.cumsum([0, 30, 4])[number])
            # The window is a run of the unit's rows: it is found by its first remaining number.
            counts = [30, 4, 25]
            starts = [
                begin
                for begin in range(counts[number] - len(mine) + 1)
                if torch.equal(whole.place[first + begin : first + begin + len(mine)], part.place[mine])
                and torch.equal(whole.previous[first + begin : first + begin + len(mine)], part.previous[mine])
            ]
            assert starts


def test_long_units_begin_and_end_as_they_should() -> None:
    counts = np.random.default_rng(1).integers(10, 41, 400)
    data = long_units(counts)
    shape = Shape(
        (), (), ("state",), (np.bincount(data.rows.codes[:, 0]).astype(float),), np.bincount(counts).astype(float)
    )
    settings = SequenceConfig(hidden=16, context=16, window=WINDOW, epochs=12, batch_rows=128, learning_rate=1e-2)
    engine = SequenceEngine.fresh(settings, shape, seed=0)
    table = Table(name="t", columns=(Column(name="x", kind="integer"),))
    frame = UnitFrame(table, None, np.arange(len(data)).astype(object), data.offsets)  # type: ignore[arg-type]
    engine.fit(data, PlainAccess(frame), seed=0, reporter=SilentReporter())
    sample = Histories.joined(list(engine.sample(600, seed=0)))
    codes, lengths = sample.rows.codes[:, 0], sample.rows_per_unit
    first, last = sample.offsets[:-1], sample.offsets[1:] - 1
    assert np.mean(codes[first] == 0) > 0.97
    assert np.mean(codes[last] == 3) > 0.97
    between = np.ones(len(codes), dtype=bool)
    between[first] = between[last] = False
    assert np.mean(np.isin(codes[between], [1, 2])) > 0.97
    changes = np.diff(codes)[between[1:] & between[:-1]] != 0
    assert np.mean(changes) == pytest.approx(0.1, abs=0.04)
    shares = np.bincount(lengths, minlength=41) / len(lengths)
    assert 0.5 * np.abs(shares - np.bincount(counts, minlength=41) / len(counts)).sum() < 0.15
    again = SequenceEngine.fresh(settings, shape, seed=0)
    again.fit(data, PlainAccess(frame), seed=0, reporter=SilentReporter())
    np.testing.assert_array_equal(
        engine.log_density(data.take(np.arange(5))), again.log_density(data.take(np.arange(5)))
    )
