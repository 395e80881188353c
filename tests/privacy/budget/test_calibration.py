import math
import time
from dataclasses import replace

import numpy as np
import pytest

from privacy.budget.accountant import epsilon
from privacy.budget.calibration import CATEGORY_DELTA_SHARE, calibrate, category_threshold, gaussian_multiplier
from privacy.budget.events import Gaussian, release_events
from privacy.budget.promise import Mechanisms, Promise, Spending, Workload
from shared.errors import ConfigurationError

PROMISE = Promise(epsilon=3, units_about=57_000, rows=3)
WORK = Workload(unknown_categories=3, unit_columns=4, row_columns=44, row_counts=True)
NO_STATISTICS = {"unit_columns": 0, "row_columns": 0, "row_counts": False}


@pytest.fixture(scope="module")
def usual() -> Mechanisms:
    return calibrate(PROMISE, Spending(), WORK)


@pytest.mark.parametrize("asked", [0.1, 1.0, 8.0])
def test_all_mechanisms_together_keep_the_promise_and_use_it(asked: float) -> None:
    promise = replace(PROMISE, epsilon=asked)
    mechanisms = calibrate(promise, Spending(), WORK)

    proved = epsilon(release_events(mechanisms), promise.declared_delta)

    assert mechanisms.epsilon == proved
    assert mechanisms.delta == 1e-6
    assert 0.999 * asked <= proved <= asked


@pytest.mark.parametrize(
    "workload",
    [
        replace(WORK, unknown_categories=0),
        Workload(unknown_categories=3, **NO_STATISTICS),
        Workload(unknown_categories=0, **NO_STATISTICS),
        replace(WORK, training=False),
        replace(WORK, unknown_categories=0, training=False),
        Workload(unknown_categories=3, training=False, **NO_STATISTICS),
    ],
)
def test_shares_of_stages_that_are_not_used_go_to_the_others(workload: Workload) -> None:
    mechanisms = calibrate(PROMISE, Spending(), workload)

    assert 0.998 * 3 <= epsilon(release_events(mechanisms), 1e-6) <= 3
    assert (mechanisms.training_multiplier > 0) == workload.training
    assert (mechanisms.category_scale > 0) == bool(workload.unknown_categories)
    assert (mechanisms.statistics_multiplier > 0) == bool(workload.unit_columns)


def test_a_release_that_asks_nothing_costs_nothing() -> None:
    mechanisms = calibrate(PROMISE, Spending(), Workload(unknown_categories=0, training=False, **NO_STATISTICS))

    assert mechanisms.epsilon == 0
    assert release_events(mechanisms) == ()


def test_less_noise_than_calibrated_breaks_the_promise(usual: Mechanisms) -> None:
    for stage in ("training_multiplier", "statistics_multiplier"):
        weaker = replace(usual, **{stage: getattr(usual, stage) * 2 / 3})
        assert epsilon(release_events(weaker), 1e-6) > 3.1


def test_the_stable_histograms_threshold_and_delta_follow_the_rule() -> None:
    workload = Workload(unknown_categories=3, training=False, **NO_STATISTICS)
    mechanisms = calibrate(replace(PROMISE, categories=2), Spending(), workload)
    scale, part = mechanisms.category_scale, mechanisms.category_delta

    assert part == pytest.approx(CATEGORY_DELTA_SHARE * 1e-6 / 3)
    assert mechanisms.category_threshold == pytest.approx(1 + scale * math.log(2 / (2 * part)))


@pytest.mark.parametrize("cap", [1, 4])
def test_a_category_of_one_unit_is_published_no_more_often_than_delta(cap: int) -> None:
    """Of the ``cap`` values that one unit alone has, one passes with probability at most delta, and nearly that."""
    scale, allowed, trials = 3.0 * cap, 0.05, 200_000
    threshold = category_threshold(scale, cap, allowed)
    noisy = 1 + np.random.default_rng(5).laplace(scale=scale, size=(trials, cap))

    published = (noisy > threshold).any(axis=1).mean()

    exact = 1 - (1 - allowed / cap) ** cap
    assert exact <= allowed * (1 + 1e-12)
    assert published == pytest.approx(exact, abs=5 * math.sqrt(allowed / trials))


def test_the_gaussian_multiplier_is_the_closed_form() -> None:
    assert gaussian_multiplier(1.0, 1e-6) == pytest.approx(4.22, abs=0.01)
    assert epsilon([Gaussian(gaussian_multiplier(3.0, 1e-5))], 1e-5) == pytest.approx(3.0, rel=1e-4)


def test_calibration_is_deterministic_and_takes_seconds(usual: Mechanisms) -> None:
    begun = time.process_time()

    assert calibrate(PROMISE, Spending(), WORK) == usual
    assert time.process_time() - begun < 10


def test_a_larger_share_buys_less_noise(usual: Mechanisms) -> None:
    more = calibrate(PROMISE, Spending(statistics_share=0.48), WORK)

    assert more.statistics_multiplier == pytest.approx(usual.statistics_multiplier / 2)
    assert more.training_multiplier > usual.training_multiplier


def test_a_batch_of_all_units_is_allowed_and_a_larger_one_is_refused() -> None:
    promise = replace(PROMISE, units_about=500)
    calibrate(promise, Spending(batch_units=500, steps=10), WORK)

    with pytest.raises(ConfigurationError, match="batch_units is 501 but units_about declares 500; declare a batch"):
        calibrate(promise, Spending(batch_units=501, steps=10), WORK)


def test_a_promise_that_no_noise_keeps_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"epsilon 1e-05 at delta 1e-06 needs noise beyond 10000 times"):
        calibrate(replace(PROMISE, epsilon=1e-5), Spending(), WORK)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"categories_share": 0.0}, "categories_share is 0.0; it must lie between 0 and 1"),
        ({"statistics_share": 1.0}, "statistics_share is 1.0; it must lie between 0 and 1"),
        ({"categories_share": 0.6, "statistics_share": 0.5}, "together they must stay below 1"),
        ({"steps": 0}, "steps, batch_units and clipping_norm must be positive"),
    ],
)
def test_spending_that_cannot_be_is_refused(changed: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        calibrate(PROMISE, replace(Spending(), **changed), WORK)


def test_a_delta_below_what_can_be_composed_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="delta is 1e-12; declare one of at least 1e-10"):
        calibrate(replace(PROMISE, delta=1e-12), Spending(), WORK)


def test_negative_numbers_of_columns_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="numbers of columns from 0 up"):
        calibrate(PROMISE, Spending(), replace(WORK, unit_columns=-1))
