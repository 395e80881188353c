"""Units that are given whole, as the rows of a parent table are: their rows are drawn, none at all included."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from shared.access.plain import PlainAccess
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame
from shared.engines.encoded import CodeExclusion, Given, Histories, Rows, Shape
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.errors import DataError
from shared.training.reporter import SilentReporter

UNITS = ("kind", "size")
KINDS = np.array([[kind, size] for kind in range(3) for size in range(2)], dtype=np.int32)


def parents(codes: NDArray[np.int32]) -> Rows:
    return Rows(codes, (3, 2), UNITS)


@pytest.fixture(scope="module")
def shops() -> Histories:
    """Kind 0 has no orders, kind 1 one or two, kind 2 up to three; an order's colour is the shop's size or 2."""
    random = np.random.default_rng(4)
    codes = np.stack([random.integers(0, 3, 3000), random.integers(0, 2, 3000)], axis=1).astype(np.int32)
    counts = np.select(
        [codes[:, 0] == 0, codes[:, 0] == 1], [0, random.integers(1, 3, 3000)], random.integers(0, 4, 3000)
    )
    size = np.repeat(codes[:, 1], counts)
    colour = np.where(random.random(len(size)) < 0.7, size, 2).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Histories(parents(codes), Rows(colour[:, None], (3,), ("colour",)), offsets)


def fitted(data: Histories) -> SequenceEngine:
    marginals = [
        tuple(
            np.bincount(codes, minlength=size).astype(float)
            for codes, size in zip(rows.codes.T, rows.sizes, strict=True)
        )
        for rows in (data.units, data.rows)
    ]
    counts = np.bincount(data.rows_per_unit).astype(float)
    shape = Shape(data.units.names, marginals[0], data.rows.names, marginals[1], counts, empty_units=True)
    settings = SequenceConfig(hidden=24, context=32, epochs=20, batch_units=64, learning_rate=1e-2)
    engine = SequenceEngine.fresh(settings, shape, seed=0)
    table = Table(name="t", columns=(Column(name="x", kind="integer"),))
    frame = UnitFrame(table, pd.DataFrame({"x": []}), np.arange(len(data)).astype(object), data.offsets)
    engine.fit(data, PlainAccess(frame), seed=0, reporter=SilentReporter())
    return engine


@pytest.fixture(scope="module")
def engine(shops: Histories) -> SequenceEngine:
    return fitted(shops)


def sampled(
    engine: SequenceEngine, n: int, given: Given | None, *exclusions: CodeExclusion, seed: int = 0
) -> Histories:
    return Histories.joined(list(engine.sample(n, seed=seed, given=given, exclusions=exclusions)))


def count_chances(engine: SequenceEngine, unit: NDArray[np.int32], most: int = 3) -> NDArray[np.float64]:
    """By enumeration of all histories of a unit: the chance of each number of rows given its own columns."""
    chances = []
    for count in range(most + 1):
        rows = np.stack(np.meshgrid(*[range(3)] * count, indexing="ij"), axis=-1).reshape(-1, count) if count else None
        each = 1 if rows is None else len(rows)
        codes = np.zeros((0, 1), np.int32) if rows is None else rows.reshape(-1, 1).astype(np.int32)
        offsets = np.arange(each + 1, dtype=np.int64) * count
        all_of_them = Histories(parents(np.tile(unit, (each, 1))), Rows(codes, (3,), ("colour",)), offsets)
        chances.append(np.exp(engine.log_density(all_of_them)).sum())
    return np.array(chances) / np.sum(chances)


def test_units_without_rows_are_learned_and_sampled(shops: Histories, engine: SequenceEngine) -> None:
    sample = sampled(engine, 20_000, None)
    for kind in range(3):
        counts = np.bincount(sample.rows_per_unit[sample.units.codes[:, 0] == kind], minlength=4)
        real = np.bincount(shops.rows_per_unit[shops.units.codes[:, 0] == kind], minlength=4)
        assert np.abs(counts / counts.sum() - real / real.sum()).max() < 0.05


def test_densities_of_all_histories_add_up_to_one(engine: SequenceEngine) -> None:
    histories = sampled(engine, 1, Given.of_units(parents(KINDS[:1]), np.array([0])))
    assert len(histories.rows) == 0
    totals = [count_chances(engine, unit) for unit in KINDS]
    assert all(total.sum() == pytest.approx(1.0) for total in totals)
    # Kind 0 has no orders: nearly all of its histories are the empty one.
    assert totals[0][0] > 0.95


def test_the_number_of_rows_follows_its_exact_distribution_given_the_unit(engine: SequenceEngine) -> None:
    each = 4000
    codes = np.repeat(KINDS, each, axis=0)
    sample = sampled(engine, len(codes), Given.of_units(parents(codes)))
    np.testing.assert_array_equal(sample.units.codes, codes)
    for index, unit in enumerate(KINDS):
        counts = np.bincount(sample.rows_per_unit[index * each : (index + 1) * each], minlength=4)
        expected = count_chances(engine, unit) * each
        enough = expected >= 5
        seen, wanted = counts[enough], expected[enough]
        if len(seen) > 1:
            assert stats.chisquare(seen, wanted * seen.sum() / wanted.sum()).pvalue > 1e-4
        assert abs(counts[~enough].sum() - expected[~enough].sum()) < 25


def test_rows_follow_the_given_unit(engine: SequenceEngine) -> None:
    codes = np.tile(np.array([[2, 1]], np.int32), (3000, 1))
    sample = sampled(engine, 3000, Given.of_units(parents(codes)))
    colours = np.bincount(sample.rows.codes[:, 0], minlength=3) / len(sample.rows)
    assert np.abs(colours - [0.0, 0.7, 0.3]).max() < 0.05


def test_numbers_of_rows_can_be_given_beside_the_units(engine: SequenceEngine) -> None:
    codes = np.tile(KINDS, (10, 1))
    counts = np.arange(len(codes)) % 4
    sample = sampled(engine, len(codes), Given.of_units(parents(codes), counts))
    np.testing.assert_array_equal(sample.rows_per_unit, counts)
    np.testing.assert_array_equal(sample.units.codes, codes)


def test_exclusions_hold_in_the_rows_of_given_units(engine: SequenceEngine) -> None:
    never = CodeExclusion((("size", frozenset({1})), ("colour", frozenset({2}))))
    codes = np.repeat(KINDS, 500, axis=0)
    sample = sampled(engine, len(codes), Given.of_units(parents(codes)), never)
    size = np.repeat(sample.units.codes[:, 1], sample.rows_per_unit)
    assert np.any(sample.rows.codes[size == 0, 0] == 2)
    assert not np.any(sample.rows.codes[size == 1, 0] == 2)


def test_an_exclusion_of_the_unit_alone_counts_for_its_last_row(engine: SequenceEngine) -> None:
    # The unit's own columns are drawn with the first row, and the exclusion concerns the last.
    never = CodeExclusion((("kind", frozenset({2})), ("size", frozenset({1}))), last_row=True)
    sample = sampled(engine, 5000, None, never)
    broken = (sample.units.codes == [2, 1]).all(axis=1)
    assert np.any(broken & (sample.rows_per_unit == 0))
    assert not np.any(broken & (sample.rows_per_unit > 0))


def test_a_given_unit_that_cannot_be_is_named(engine: SequenceEngine) -> None:
    never = CodeExclusion((("kind", frozenset({2})), ("size", frozenset({1}))))
    with pytest.raises(DataError, match="given of unit 6 cannot occur"):
        sampled(engine, len(KINDS), Given.of_units(parents(KINDS)), never)
    with pytest.raises(DataError, match="numbers of rows must be 6 numbers from 0 to 3"):
        sampled(engine, len(KINDS), Given.of_units(parents(KINDS), np.full(6, 4)))


def test_equal_seeds_give_equal_rows(engine: SequenceEngine) -> None:
    given = Given.of_units(parents(np.tile(KINDS, (50, 1))))
    one, two, other = (sampled(engine, 300, given, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.rows.codes, two.rows.codes)
    assert len(one.rows) != len(other.rows) or np.any(one.rows.codes != other.rows.codes)


def test_units_without_rows_need_to_be_declared(shops: Histories) -> None:
    with_orders = shops.take(np.flatnonzero(shops.rows_per_unit > 0))
    counts = np.bincount(with_orders.rows_per_unit).astype(float)
    shape = Shape(UNITS, (np.ones(3), np.ones(2)), ("colour",), (np.ones(3),), counts)
    engine = SequenceEngine.fresh(SequenceConfig(hidden=4, epochs=1), shape, seed=0)
    with pytest.raises(DataError, match="a unit has none"):
        engine.log_density(shops)
    assert sampled(engine, 500, None).rows_per_unit.min() == 1
