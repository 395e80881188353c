"""What the intervals of the attacks promise, over many draws: cover on independent units, sure of planted copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.leakage.clearest_neighbours import clearest_neighbours_share
from evaluation.leakage.exact_copies import exact_copies
from evaluation.leakage.membership import membership_by_density, membership_by_distance
from evaluation.leakage.nearest_neighbour import nearest_neighbour_share
from evaluation.leakage.space import Space, distances, nearest
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit

TABLE = Table(
    name="charts",
    columns=(
        Column(name="id", kind="identifier"),
        Column(name="place", kind="categorical"),
        Column(name="grade", kind="categorical"),
        Column(name="pulse", kind="integer"),
        *(Column(name=name, kind="real") for name in ("x", "y", "z")),
    ),
    unit="id",
)
ATTACKS = [exact_copies, nearest_neighbour_share, clearest_neighbours_share, membership_by_distance]


def population(units: int, seed: int, most: int = 1) -> UnitFrame:
    """Independent units with one to ``most`` rows, a category of many values, and missing numbers."""
    random = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), random.integers(1, most + 1, size=units))
    rows = len(unit)
    level = random.normal(size=units)[unit]
    x = level + random.normal(size=rows)
    frame = {
        "id": pd.Series([f"{seed}-{name}" for name in unit], dtype="str"),
        "place": pd.Series(random.integers(0, 40, rows).astype(str), dtype="str"),
        "grade": pd.Series(np.where(x > 0.5, "high", "low"), dtype="str"),
        "pulse": pd.array(np.rint(70 + 8 * level).astype(int), dtype="Int64"),
        "x": x,
        "y": np.where(random.random(rows) < 0.1, np.nan, x**2 + random.normal(size=rows)),
        "z": random.normal(size=rows),
    }
    return by_unit(TABLE, pd.DataFrame(frame))


def draw(seed: int, sizes: tuple[int, int, int], most: int = 1) -> Comparison:
    return Comparison(TABLE, *(population(units, 31 * seed + part, most) for part, units in enumerate(sizes)))


def copied(data: Comparison, share: float) -> Comparison:
    """Of the train units so many stand in the synthetic data, in place of its own."""
    copies = int(share * len(data.train))
    own = data.synthetic.take(np.arange(min(copies, len(data.synthetic)), len(data.synthetic)))
    frame = pd.concat([data.train.take(np.arange(copies)).frame, own.frame], ignore_index=True)
    return replace(data, synthetic=by_unit(TABLE, frame))


@pytest.mark.parametrize("measure", ATTACKS)
@pytest.mark.parametrize(
    ("sizes", "most"), [((800, 800, 800), 1), ((1600, 400, 800), 1), ((500, 400, 2000), 1), ((600, 300, 600), 4)]
)
def test_intervals_cover_the_baseline_on_independent_units_of_any_sizes(measure, sizes, most: int) -> None:
    scores = [measure(draw(seed, sizes, most), seed=seed) for seed in range(20)]
    # 20 intervals at 95 %: fewer than 16 cover with a probability below 0.3 %.
    assert sum(score.interval[0] <= score.baseline <= score.interval[1] for score in scores) >= 16
    assert np.mean([score.value - score.baseline for score in scores]) == pytest.approx(
        0.0, abs=0.01 if measure is not clearest_neighbours_share else 0.05
    )


@pytest.mark.parametrize("measure", ATTACKS)
def test_five_percent_of_copied_units_are_found(measure) -> None:
    for seed in range(4):
        score = measure(copied(draw(seed, (9000, 9000, 9000)), 0.05), seed=seed)
        assert score.interval[0] > score.baseline, f"seed {seed}: {score}"


def test_copies_are_found_where_the_holdout_is_small() -> None:
    for seed in range(4):
        data = copied(draw(seed, (8000, 2000, 8000)), 0.05)
        assert membership_by_distance(data, seed=seed).interval[0] > 0.5
        assert exact_copies(data, seed=seed).interval[0] > 0.04
        assert clearest_neighbours_share(data, seed=seed).interval[0] > 0.5


def test_copies_beyond_the_searched_sample_are_found() -> None:
    data = copied(draw(0, (4000, 4000, 4000)), 0.1)
    few = replace(data, effort=Effort(references=500))
    assert membership_by_distance(few, seed=0).interval[0] > 0.5


def test_a_synthetic_corpus_that_is_the_train_part_is_known_through_and_through() -> None:
    data = draw(0, (1500, 1500, 1500), 2)
    leaked = replace(data, synthetic=data.train)
    assert membership_by_distance(leaked, seed=0).value > 0.98
    assert nearest_neighbour_share(leaked, seed=0).value > 0.98
    assert exact_copies(leaked, seed=0).value == 1.0


def test_a_small_lean_over_all_units_and_a_few_units_by_heart_are_both_found() -> None:
    data = draw(0, (4000, 4000, 200))
    known = set(data.train.units)
    few = set(data.train.units[:200])

    def leaning(units: UnitFrame) -> np.ndarray:
        noise = np.random.default_rng(len(units)).normal(size=len(units))
        return noise + 0.3 * np.array([unit in known for unit in units.units])

    def by_heart(units: UnitFrame) -> np.ndarray:
        noise = np.random.default_rng(len(units) + int(units.units[0] in known)).normal(size=len(units))
        return np.where([unit in few for unit in units.units], 50.0, noise)

    lean, heart = (membership_by_density(data, density, seed=0) for density in (leaning, by_heart))
    assert lean.detail["ranking"] == "all units"
    assert lean.value == pytest.approx(0.584, abs=0.02)
    assert heart.detail["ranking"] == "surest 10%"
    assert heart.interval[0] > 0.51
    assert heart.detail["tpr_at_1_fpr"][1] > 0.03


def test_densities_without_value_are_ranked_last() -> None:
    data = draw(0, (400, 400, 100))
    score = membership_by_density(data, lambda units: np.full(len(units), -np.inf), seed=0)
    assert (score.value, score.interval) == (0.5, (0.5, 0.5))
    mixed = membership_by_density(data, lambda units: np.where(np.arange(len(units)) % 2, np.nan, 1.0), seed=0)
    assert mixed.value == pytest.approx(0.5, abs=0.02)


def test_the_share_over_all_samples_of_train_is_the_mean_of_the_shares_of_single_samples() -> None:
    data = copied(draw(3, (400, 100, 300)), 0.3)
    whole = nearest_neighbour_share(data, seed=0).value
    random = np.random.default_rng(0)
    single = [
        nearest_neighbour_share(replace(data, train=data.train.take(random.permutation(400)[:100])), seed=0).value
        for _ in range(150)
    ]
    # The parts of train change the ranks that numbers stand for, hence not equal to the last digit.
    assert whole == pytest.approx(np.mean(single), abs=0.01)


def test_distances_are_those_of_one_hot_categories_beside_ranks() -> None:
    data = draw(1, (60, 50, 40))
    space = Space(data)
    some = space.points("synthetic", np.arange(40))
    train = space.points("train", np.arange(60))
    found = np.concatenate([squared for _, squared in distances(some, train)])

    def coordinates(part: str) -> np.ndarray:
        frame, blocks = data.part(part).frame, []
        for name in ("pulse", "x", "y", "z"):
            known = np.sort(data.train.frame[name].dropna().to_numpy(dtype=float))
            values = frame[name].to_numpy(dtype=float, na_value=np.nan)
            ranks = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2 / len(known)
            blocks.append(np.where(np.isnan(values), 0.5, ranks)[:, None])
        for name in ("place", "grade"):
            blocks += [0.7 * (frame[name] == value).to_numpy(dtype=float)[:, None] for value in map(str, range(40))]
            blocks += [0.7 * (frame[name] == value).to_numpy(dtype=float)[:, None] for value in ("high", "low")]
        blocks += [0.7 * (frame["y"].isna() == state).to_numpy(dtype=float)[:, None] for state in (True, False)]
        return np.concatenate(blocks, axis=1)

    expected = ((coordinates("synthetic")[:, None, :] - coordinates("train")[None, :, :]) ** 2).sum(2)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_array_equal(nearest(train, train), np.zeros(60))
