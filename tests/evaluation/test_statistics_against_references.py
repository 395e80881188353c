"""Intervals and curves against scikit-learn, and against what repeated draws do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from evaluation.statistics import (
    auc_influence,
    effective_trials,
    jackknife_variance,
    newcombe,
    normal_interval,
    relative_excess,
    roc_curve,
    true_rate_at_false_rate,
    variance_by_unit,
    wilson,
)


def scored(rows: int, seed: int, *, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Classes and scores with many ties."""
    random = np.random.default_rng(seed)
    positive = random.random(rows) < 0.3
    return positive, np.round(random.normal(shift * positive, 1), 1)


def test_the_area_is_that_of_scikit_learn_and_contributions_sum_to_zero() -> None:
    positive, scores = scored(500, 0)
    area, influence = auc_influence(positive, scores)
    assert area == pytest.approx(roc_auc_score(positive, scores))
    assert influence.sum() == pytest.approx(0, abs=1e-9)


def test_the_area_of_one_class_alone_is_one_half() -> None:
    area, influence = auc_influence(np.ones(5, dtype=bool), np.arange(5.0))
    assert area == 0.5
    assert not influence.any()


def test_the_curve_is_that_of_scikit_learn() -> None:
    positive, scores = scored(300, 1)
    false, true = roc_curve(positive, scores, points=1000)
    their_false, their_true, _ = sklearn_roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(false, their_false)
    np.testing.assert_allclose(true, their_true)


def test_a_long_curve_keeps_its_ends_and_never_falls() -> None:
    random = np.random.default_rng(2)
    false, true = roc_curve(random.random(5000) < 0.5, random.normal(size=5000))
    assert len(false) <= 200
    assert (false[0], false[-1], true[-1]) == (0.0, 1.0, 1.0)
    assert (np.diff(false) >= 0).all()
    assert (np.diff(true) >= 0).all()


@pytest.mark.parametrize("repeated", [1, 4])
def test_the_interval_of_the_area_covers_it_even_if_rows_are_repeated(repeated: int) -> None:
    """Rows repeated within a unit carry no more than one; two normals one apart have the area Phi(1 / sqrt 2)."""
    truth = 0.7602499389
    covered = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        positive = np.repeat(np.arange(200) < 100, repeated)
        scores = np.repeat(random.normal(np.arange(200) < 100, 1), repeated)
        area, influence = auc_influence(positive, scores)
        low, high = normal_interval(area, variance_by_unit(influence, np.repeat(np.arange(200), repeated)))
        covered += low <= truth <= high
    assert covered >= 180


def test_intervals_of_shares_cover_them() -> None:
    random = np.random.default_rng(3)
    one, other = random.binomial(400, 0.05, 1000) / 400, random.binomial(300, 0.02, 1000) / 300
    single = [wilson(share, 400) for share in one]
    both = [newcombe(a, 400, b, 300) for a, b in zip(one, other, strict=True)]
    assert np.mean([low <= 0.05 <= high for low, high in single]) > 0.92
    assert np.mean([low <= 0.03 <= high for low, high in both]) > 0.92


def test_no_trials_say_nothing_and_no_hits_leave_room_above() -> None:
    assert wilson(0.0, 0) == (0.0, 1.0)
    low, high = wilson(0.0, 100)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(0.0370, abs=1e-3)


def test_rows_that_repeat_their_unit_count_once() -> None:
    hits = np.repeat(np.random.default_rng(4).random(500) < 0.2, 5)
    assert effective_trials(hits, np.repeat(np.arange(500), 5)) == pytest.approx(500, rel=1e-6)
    assert effective_trials(hits, np.arange(2500)) == pytest.approx(2500)
    assert effective_trials(np.zeros(10, dtype=bool), np.repeat(np.arange(5), 2)) == 5


def test_the_jackknife_of_a_mean_is_its_variance() -> None:
    values = np.random.default_rng(5).normal(size=12)
    without = [float(np.delete(values, index).mean()) for index in range(12)]
    assert jackknife_variance(without) == pytest.approx(values.var(ddof=1) / 12)


def test_the_rate_of_a_guessing_attack_is_one_percent_and_inside_its_interval() -> None:
    random = np.random.default_rng(6)
    value, low, high = true_rate_at_false_rate(np.arange(8000) < 4000, random.normal(size=8000), random)
    assert low <= value <= high
    assert low <= 0.01 <= high
    assert true_rate_at_false_rate(np.arange(8000) < 4000, -np.arange(8000.0), random)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("level", [0.95, 0.9992])
@pytest.mark.parametrize("chance", [0.002, 0.05, 0.4, 0.9])
def test_the_excess_of_two_equal_chances_is_called_more_than_zero_as_rarely_as_promised(level, chance) -> None:
    """All outcomes of twice 200 trials, each with its probability."""
    trials, z = 200, float(norm.ppf((1 + level) / 2))
    counts = np.arange(trials + 1)
    likely = [int(count) for count in counts if binom.pmf(count, trials, chance) > 1e-7]
    missed = 0.0
    for hits in likely:
        for luck in likely:
            if hits > luck:
                low, _ = relative_excess(hits / trials, luck / trials, trials, z=z)[1]
                missed += (low > 0) * binom.pmf(hits, trials, chance) * binom.pmf(luck, trials, chance)
    assert missed <= 1.1 * (1 - level) / 2


def test_the_interval_of_an_excess_covers_it() -> None:
    random = np.random.default_rng(0)
    for rate, control in ((0.06, 0.01), (0.5, 0.3), (0.97, 0.9)):
        covered = 0
        for hits, luck in random.binomial(400, [rate, control], size=(2_000, 2)) / 400:
            low, high = relative_excess(hits, luck, 400)[1]
            covered += low <= (rate - control) / (1 - control) <= high
        assert 0.935 <= covered / 2_000 <= 0.975


@pytest.mark.parametrize(
    ("rate", "control", "value"),
    [(0.2, 0.1, 1 / 9), (0, 0, 0), (1, 0.2, 1), (0, 0.5, -1), (1, 1, 0), (0.3, 0.3, 0), (0, 0.99, -1)],
)
def test_an_excess_at_the_edges_lies_in_its_interval(rate: float, control: float, value: float) -> None:
    found, (low, high) = relative_excess(rate, control, 50)
    assert found == pytest.approx(value)
    assert -1 <= low <= found <= high <= 1
