"""Conditions on any columns: draws follow the exact conditional, which is enumerated here from the density."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from shared.access.plain import PlainAccess
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame
from shared.engines.encoded import Allowed, CodeExclusion, Given, Histories, Rows, Shape, flat
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.errors import ConditionError, DataError
from shared.training.reporter import SilentReporter

SIZES, NAMES = (3, 4, 2, 5), ("a", "b", "c", "d")
EVERY = np.array(list(product(*map(range, SIZES))), dtype=np.int32)
Floats = NDArray[np.float64]
EXCLUSIONS = (
    CodeExclusion((("a", frozenset({0})), ("d", frozenset({1, 4})))),
    CodeExclusion((("b", frozenset({3})), ("c", frozenset({1})))),
)


def fitted(data: Histories, settings: SequenceConfig) -> SequenceEngine:
    def marginals(rows: Rows) -> tuple[Floats, ...]:
        columns = zip(rows.codes.T, rows.sizes, strict=True)
        return tuple(np.bincount(codes, minlength=size).astype(float) for codes, size in columns)

    counts = np.bincount(data.rows_per_unit).astype(float)
    shape = Shape(data.units.names, marginals(data.units), data.rows.names, marginals(data.rows), counts)
    engine = SequenceEngine.fresh(settings, shape, seed=0)
    table = Table(name="t", columns=(Column(name="x", kind="integer"),))
    frame = UnitFrame(table, pd.DataFrame({"x": []}), np.arange(len(data)).astype(object), data.offsets)
    engine.fit(data, PlainAccess(frame), seed=0, reporter=SilentReporter())
    return engine


@pytest.fixture(scope="module")
def engine() -> SequenceEngine:
    """Columns that depend on each other in both directions."""
    random = np.random.default_rng(0)
    d = random.integers(0, 5, 3000)
    a = np.where(random.random(3000) < 0.8, d % 3, random.integers(0, 3, 3000))
    b = np.where(random.random(3000) < 0.7, (a + d) % 4, random.integers(0, 4, 3000))
    c = (random.random(3000) < 0.15 + 0.7 * (d > 2)).astype(int)
    settings = SequenceConfig(hidden=16, epochs=8, batch_units=128, learning_rate=1e-2)
    engine = fitted(flat(np.stack([a, b, c, d], axis=1).astype(np.int32), SIZES, NAMES), settings)
    engine.learn_proposal(seed=3, reporter=SilentReporter())
    return engine


def joint(engine: SequenceEngine, exclusions: Sequence[CodeExclusion] = ()) -> Floats:
    """The chance of every row under the exclusions: at each column what is excluded is left out, the rest scaled up."""
    table = np.exp(engine.log_density(flat(EVERY, SIZES, NAMES))).reshape(SIZES)
    result = np.ones(SIZES)
    for column in range(len(SIZES)):
        later = tuple(range(column + 1, len(SIZES)))
        chances = table.sum(axis=later, keepdims=True)
        for exclusion in exclusions:
            places = [NAMES.index(name) for name, _ in exclusion.parts]
            if max(places) == column:
                parts = [
                    np.isin(np.arange(SIZES[p]), list(codes))
                    for p, (_, codes) in zip(places, exclusion.parts, strict=True)
                ]
                mask = np.ones([1] * len(SIZES), dtype=bool)
                for p, part in zip(places, parts, strict=True):
                    mask = mask & part.reshape([-1 if i == p else 1 for i in range(len(SIZES))])
                chances = np.where(mask, 0.0, chances)
        result = result * chances / chances.sum(axis=column, keepdims=True)
    return result.reshape(-1)


def conditional(chances: Floats, shares: dict[str, Floats]) -> Floats:
    """The chance of every row given that each named column is what is allowed of it."""
    for name, allowed in shares.items():
        chances = chances * allowed[EVERY[:, NAMES.index(name)]]
    return chances / chances.sum()


def distance(codes: NDArray[np.int32], chances: Floats) -> float:
    """Total variation between drawn rows and what is expected of them."""
    places = np.ravel_multi_index(tuple(codes.T), SIZES)
    return 0.5 * float(np.abs(np.bincount(places, minlength=len(chances)) / len(codes) - chances).sum())


def scatter(chances: Floats, n: int) -> float:
    """What that distance stays below if the draws are right: its mean and four deviations (variance at most 1/4n)."""
    mean = 0.5 * np.sqrt(2 / np.pi * chances * (1 - chances) / n).sum()
    return float(mean + 4 / np.sqrt(4 * n))


def sampled(
    engine: SequenceEngine, n: int, given: Given | None, *exclusions: CodeExclusion, seed: int = 0
) -> Histories:
    return Histories.joined(list(engine.sample(n, seed=seed, given=given, exclusions=exclusions)))


SETS: list[dict[str, list[float]]] = [
    {"d": [0, 0, 0, 0, 1]},
    {"b": [0, 1, 0, 0]},
    {"c": [0, 1], "d": [1, 1, 0, 0, 0]},
    {"a": [1, 0, 0], "d": [0, 0, 0, 1, 0]},
    {"a": [0, 1, 0.5], "b": [1, 0, 0.25, 1], "d": [0.5, 0.5, 1, 0, 0]},
]


@pytest.mark.parametrize("shares", SETS)
@pytest.mark.parametrize("exclusions", [(), EXCLUSIONS])
def test_units_of_which_the_same_is_given_follow_the_exact_conditional(
    engine: SequenceEngine, shares: dict[str, list[float]], exclusions: tuple[CodeExclusion, ...]
) -> None:
    allowed = {name: np.array(part, dtype=float) for name, part in shares.items()}
    given = Given({name: Allowed(part[None]) for name, part in allowed.items()})
    expected = conditional(joint(engine, exclusions), allowed)
    codes = sampled(engine, 12_000, given, *exclusions).rows.codes
    assert distance(codes, expected) < scatter(expected, len(codes))
    wrong = conditional(joint(engine, exclusions), {})
    assert distance(codes, wrong) > 2 * scatter(wrong, len(codes))


@pytest.mark.parametrize("guided", [False, True])
def test_each_unit_follows_what_is_given_of_it(engine: SequenceEngine, guided: bool) -> None:
    plain = SequenceEngine(engine.state, engine.network, engine.device)
    plain.proposal = engine.proposal if guided else None
    last = np.tile(np.arange(5, dtype=np.int32), 2400)
    second = np.repeat(np.arange(4, dtype=np.int32), 3000)
    given = Given({"d": Allowed.codes(last, 5), "b": Allowed.codes(second, 4)})
    codes = sampled(plain, len(last), given, *EXCLUSIONS, seed=1).rows.codes
    np.testing.assert_array_equal(codes[:, [1, 3]], np.stack([second, last], axis=1))
    whole = joint(engine, EXCLUSIONS)
    expected = sum(conditional(whole, {"d": np.eye(5)[d], "b": np.eye(4)[b]}) for d in range(5) for b in range(4)) / 20
    assert distance(codes, np.asarray(expected)) < scatter(np.asarray(expected), len(codes)) + 0.005


def test_each_unit_chooses_among_particles_of_its_own_without_bias(engine: SequenceEngine) -> None:
    # Rows of given units, each with a condition of its own, would show the bias of few particles a unit.
    given = Given({"d": Allowed(np.tile([0, 0, 0, 1.0, 0], (8000, 1)), np.arange(8000))})
    codes = sampled(engine, 8000, given, *EXCLUSIONS).rows.codes
    expected = conditional(joint(engine, EXCLUSIONS), {"d": np.eye(5)[3]})
    assert distance(codes, expected) < scatter(expected, len(codes)) + 0.01


def test_the_chance_of_what_is_given_is_estimated_without_bias(engine: SequenceEngine) -> None:
    given = Given({"b": Allowed(np.array([[0, 1, 1, 0.0]])), "d": Allowed(np.array([[0, 0, 0, 0, 1.0]]))})
    exact = (joint(engine, EXCLUSIONS) * np.isin(EVERY[:, 1], [1, 2]) * (EVERY[:, 3] == 4)).sum()
    found = engine.assess(1, given, seed=0, exclusions=EXCLUSIONS, particles=20_000)
    assert np.exp(found.log_chances[0]) == pytest.approx(exact, rel=0.03)
    assert 0.3 < found.effective[0] <= 1


def test_the_proposal_makes_more_particles_effective(engine: SequenceEngine) -> None:
    plain = SequenceEngine(engine.state, engine.network, engine.device)
    given = Given({"d": Allowed(np.eye(5), np.arange(5)), "c": Allowed(np.eye(2)[[1]])})
    guided, unguided = (e.assess(5, given, seed=0, particles=4000).effective for e in (engine, plain))
    assert guided.mean() > unguided.mean() + 0.1


def test_free_columns_before_what_is_given_are_not_needed_where_it_comes_first(engine: SequenceEngine) -> None:
    found = engine.assess(1, Given({"a": Allowed(np.eye(3)[[1]])}), seed=0, particles=500)
    assert found.effective[0] == pytest.approx(1.0)


def test_exclusions_are_never_broken_by_what_is_given(engine: SequenceEngine) -> None:
    codes = sampled(engine, 3000, Given({"d": Allowed(np.array([[0, 1, 0, 1, 1.0]]))}), *EXCLUSIONS).rows.codes
    assert not np.any((codes[:, 0] == 0) & np.isin(codes[:, 3], [1, 4]))
    assert not np.any((codes[:, 1] == 3) & (codes[:, 2] == 1))


def test_combinations_that_must_not_occur_are_a_condition(engine: SequenceEngine) -> None:
    never = (CodeExclusion((("b", frozenset({2})), ("d", frozenset({0, 1, 2})))),)
    codes = sampled(engine, 12_000, Given(never=never)).rows.codes
    whole = joint(engine)
    expected = np.where((EVERY[:, 1] == 2) & (EVERY[:, 3] < 3), 0.0, whole)
    expected /= expected.sum()
    assert distance(codes, expected) < scatter(expected, len(codes))


def test_what_cannot_be_is_refused_and_its_neighbour_is_drawn(engine: SequenceEngine) -> None:
    def pair(d: int) -> Given:
        which = np.array([1, 0])
        return Given({"a": Allowed(np.eye(3), which), "d": Allowed(np.eye(5), np.array([d, d]))})

    with pytest.raises(ConditionError, match="given of unit 2 cannot occur") as caught:
        sampled(engine, 2, pair(4), *EXCLUSIONS)
    assert caught.value.unit == 1
    assert len(sampled(engine, 2, pair(3), *EXCLUSIONS)) == 2


def test_equal_seeds_give_equal_units_and_others_other(engine: SequenceEngine) -> None:
    given = Given({"d": Allowed(np.eye(5)[[2]])})
    one, two, other = (sampled(engine, 400, given, seed=seed).rows.codes for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.any(one != other)


def test_conditions_come_as_a_stream(engine: SequenceEngine) -> None:
    stream = engine.sample(10**9, seed=0, given=Given({"d": Allowed(np.eye(5)[[2]])}))
    assert len(next(stream)) < 20_000


def test_a_saved_proposal_draws_the_same(engine: SequenceEngine, tmp_path: Path) -> None:
    engine.save(tmp_path / "engine")
    loaded = SequenceEngine.load(tmp_path / "engine")
    given = Given({"d": Allowed(np.eye(5)[[2]])})
    np.testing.assert_array_equal(sampled(loaded, 300, given).rows.codes, sampled(engine, 300, given).rows.codes)
    (tmp_path / "engine" / "proposal.safetensors").write_bytes(b"no tensors")
    with pytest.raises(DataError, match="delete it"):
        SequenceEngine.load(tmp_path / "engine")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Given({"z": Allowed(np.ones((1, 3)))}), "names the code column 'z'"),
        (Given({"a": Allowed(np.ones((1, 4)))}), "is of 4 codes; there are 3"),
        (Given({"a": Allowed(np.eye(3), np.arange(3))}), "is of 3 units or rows; give 5"),
        (Given({"a": Allowed(np.eye(3), np.arange(3), by_row=True)}), "goes by row"),
    ],
)
def test_conditions_that_do_not_fit_are_refused(engine: SequenceEngine, given: Given, message: str) -> None:
    with pytest.raises(DataError, match=message):
        sampled(engine, 5, given)


@pytest.fixture(scope="module")
def visits() -> SequenceEngine:
    """Units with a kind and one to three rows; rows follow the kind and the row before."""
    random = np.random.default_rng(2)
    counts = random.integers(1, 4, size=2500)
    kind = random.integers(0, 2, size=2500)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    x = np.where(random.random(offsets[-1]) < 0.7, np.repeat(kind, counts), random.integers(0, 3, offsets[-1]))
    y = (random.random(offsets[-1]) < 0.2 + 0.3 * x).astype(int)
    rows = Rows(np.stack([x, y], axis=1).astype(np.int32), (3, 2), ("x", "y"))
    data = Histories(Rows(kind[:, None].astype(np.int32), (2,), ("kind",)), rows, offsets)
    settings = SequenceConfig(hidden=12, context=16, epochs=6, batch_units=128, learning_rate=1e-2)
    engine = fitted(data, settings)
    engine.learn_proposal(seed=0, reporter=SilentReporter())
    return engine


def histories() -> Histories:
    """Every history of one to three rows."""
    rows = list(product(range(3), range(2)))
    every = [(kind, h) for n in (1, 2, 3) for kind in range(2) for h in product(rows, repeat=n)]
    codes = np.array([row for _, h in every for row in h], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(h) for _, h in every])]).astype(np.int64)
    units = Rows(np.array([[kind] for kind, _ in every], dtype=np.int32), (2,), ("kind",))
    return Histories(units, Rows(codes, (3, 2), ("x", "y")), offsets)


def keys(data: Histories) -> list[tuple[int, ...]]:
    return [
        (int(data.units.codes[i, 0]), *data.rows.codes[data.offsets[i] : data.offsets[i + 1]].ravel().tolist())
        for i in range(len(data))
    ]


@pytest.mark.parametrize(
    "shares",
    [
        {"y": [0, 1.0]},
        {"x": [1.0, 0, 0.5]},
        {"kind": [0, 1.0]},
        {"kind": [0, 1.0], "x": [0, 1.0, 1.0], "y": [1.0, 0]},
    ],
)
def test_conditions_on_rows_hold_in_every_row_and_histories_follow_the_exact_conditional(
    visits: SequenceEngine, shares: dict[str, list[float]]
) -> None:
    every = histories()
    expected = np.exp(visits.log_density(every))
    unit = np.repeat(np.arange(len(every)), every.rows_per_unit)
    for name, part in shares.items():
        allowed = np.array(part)
        if name == "kind":
            expected *= allowed[every.units.codes[:, 0]]
        else:
            np.multiply.at(expected, unit, allowed[every.rows.codes[:, every.rows.names.index(name)]])
    expected /= expected.sum()
    given = Given({name: Allowed(np.array([part])) for name, part in shares.items()})
    sample = sampled(visits, 8000, given)
    places = {key: place for place, key in enumerate(keys(every))}
    counts = np.bincount([places[key] for key in keys(sample)], minlength=len(every))
    assert 0.5 * np.abs(counts / len(sample) - expected).sum() < scatter(expected, len(sample))


def test_values_can_be_given_row_by_row(visits: SequenceEngine) -> None:
    lengths = np.tile([1, 2, 3], 500)
    random = np.random.default_rng(0)
    x = random.integers(0, 3, lengths.sum()).astype(np.int32)
    sample = sampled(visits, len(lengths), Given({"x": Allowed.codes(x, 3, by_row=True)}, lengths))
    np.testing.assert_array_equal(sample.rows_per_unit, lengths)
    np.testing.assert_array_equal(sample.rows.codes[:, 0], x)
    alone = sample.offsets[:-1][lengths == 1]
    kind = sample.units.codes[lengths == 1, 0]
    # Whose only row is 0 is mostly of kind 0, whose is 1 of kind 1.
    assert kind[x[alone] == 0].mean() < 0.25
    assert kind[x[alone] == 1].mean() > 0.75
