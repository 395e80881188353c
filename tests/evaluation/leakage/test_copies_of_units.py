"""Leakage scores: copies are found in every draw, independent draws raise no alarm, exact rates by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison import Comparison
from evaluation.leakage.clearest_neighbours import clearest_neighbours_share
from evaluation.leakage.exact_copies import exact_copies
from evaluation.leakage.membership import membership_by_density, membership_by_distance
from evaluation.leakage.nearest_neighbour import nearest_neighbour_share
from shared.corpus.units import UnitFrame, by_unit

SEEDS = 5


def with_copies(data: Comparison, share: float) -> Comparison:
    """So many of the train units stand in the synthetic data in place of its own."""
    copies = int(share * len(data.train))
    frames = [data.train.take(np.arange(copies)).frame, data.synthetic.take(np.arange(copies, len(data.train))).frame]
    return replace(data, synthetic=by_unit(data.table, pd.concat(frames, ignore_index=True)))


@pytest.mark.parametrize("measure", [exact_copies, clearest_neighbours_share, membership_by_distance])
@pytest.mark.parametrize("most", [1, 2])
def test_five_percent_of_copied_units_are_found_in_every_draw(compare, measure, most: int) -> None:
    for seed in range(SEEDS):
        score = measure(with_copies(compare(seed, 4000, most), 0.05), seed=seed)
        assert score.interval[0] > score.baseline, f"seed {seed}: {score}"


@pytest.mark.parametrize("most", [1, 2])
def test_the_nearest_neighbour_share_is_sure_of_fifteen_percent_and_of_five_only_on_average(compare, most: int) -> None:
    """Where values repeat, copies tie with unseen rows: 5 % move the share by 0.01 to 0.02, two standard errors."""
    five = []
    for seed in range(SEEDS):
        data = compare(seed, 3000, most)
        five.append(nearest_neighbour_share(with_copies(data, 0.05), seed=seed).value)
        score = nearest_neighbour_share(with_copies(data, 0.15), seed=seed)
        assert score.interval[0] > score.baseline, f"seed {seed}: {score}"
    assert np.mean(five) > 0.505


@pytest.mark.parametrize(
    "measure", [exact_copies, nearest_neighbour_share, clearest_neighbours_share, membership_by_distance]
)
def test_units_with_several_rows_raise_no_alarm_by_themselves(compare, measure) -> None:
    scores = [measure(compare(seed, 700, 3), seed=seed) for seed in range(20)]
    assert sum(score.interval[0] <= score.baseline <= score.interval[1] for score in scores) >= 16


def test_the_share_of_copies_is_exact_for_rows_and_for_whole_units(compare) -> None:
    data = compare(0, 400, 3)
    score = exact_copies(with_copies(data, 0.25), seed=0)
    clean = exact_copies(data, seed=0)
    assert clean.value < 0.2
    assert score.detail["units"] == pytest.approx(0.25 + 0.75 * clean.detail["units"], abs=0.03)
    assert exact_copies(replace(data, synthetic=data.train), seed=0).value == 1.0


def test_rows_of_a_unit_in_another_order_are_copied_rows_and_no_copied_unit(compare) -> None:
    data = compare(0, 400, 3)
    lengths = data.train.rows_per_unit
    several = data.train.take(lengths == 2)
    turned = replace(several, frame=several.frame.iloc[np.arange(len(several.frame)) ^ 1].reset_index(drop=True))
    score = exact_copies(replace(data, synthetic=turned), seed=0)
    assert score.detail["rows"] == 1.0
    assert score.detail["units"] < 0.05


def test_near_copies_are_no_exact_ones_and_yet_nearer_to_train(compare) -> None:
    data = compare(0, 1000)
    moved = replace(data.train, frame=data.train.frame.assign(days=data.train.frame["days"] + 1e-4))
    near = replace(data, synthetic=moved)
    assert exact_copies(near, seed=0).value == 0.0
    assert nearest_neighbour_share(near, seed=0).interval[0] > 0.6
    assert clearest_neighbours_share(near, seed=0).interval[0] > 0.9
    assert membership_by_distance(near, seed=0).interval[0] > 0.52


def test_a_copied_holdout_is_no_leak(compare) -> None:
    data = compare(0, 1000)
    other = replace(data, synthetic=data.holdout)
    assert nearest_neighbour_share(other, seed=0).interval[1] < 0.5
    assert clearest_neighbours_share(other, seed=0).interval[1] < 0.5
    assert not exact_copies(other, seed=0).interval[0] > exact_copies(other, seed=0).baseline


def log_density(units: UnitFrame, learned: np.ndarray, width: float) -> np.ndarray:
    """A Gaussian kernel density of the days and ages of units of one row."""

    def points(frame: pd.DataFrame) -> np.ndarray:
        return np.stack([frame["age"].to_numpy(dtype=float) / 15, frame["days"].to_numpy(dtype=float) / 4], axis=1)

    squared = ((points(units.frame)[:, None, :] - learned[None, :, :]) ** 2).sum(2)
    return np.log(np.exp(-squared / (2 * width**2)).mean(1) + 1e-300)


def test_a_narrow_density_gives_its_units_away_and_a_smooth_one_does_not(compare) -> None:
    for seed in range(SEEDS):
        data = compare(seed, 500)
        frame = data.train.frame
        learned = np.stack([frame["age"].to_numpy(dtype=float) / 15, frame["days"].to_numpy(dtype=float) / 4], axis=1)
        narrow = membership_by_density(data, lambda units, x=learned: log_density(units, x, 0.01), seed=seed)
        smooth = membership_by_density(data, lambda units, x=learned: log_density(units, x, 2.0), seed=seed)
        assert narrow.interval[0] > 0.55
        assert smooth.interval[0] <= 0.55


def test_a_density_that_never_saw_train_guesses(compare) -> None:
    scores = []
    for seed in range(20):
        data = compare(seed, 500)
        scores.append(membership_by_density(data, lambda units: units.frame["days"].to_numpy(dtype=float), seed=seed))
    assert sum(score.interval[0] <= 0.5 <= score.interval[1] for score in scores) >= 16
