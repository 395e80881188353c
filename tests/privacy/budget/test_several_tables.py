"""One promise for several tables of the same units."""

from __future__ import annotations

import dataclasses

import pytest

from privacy.budget.accountant import Accountant
from privacy.budget.calibration import calibrate, calibrate_together
from privacy.budget.events import joint_events, release_events
from privacy.budget.promise import Promise, Spending, Workload
from shared.errors import ConfigurationError

PROMISE = Promise(epsilon=2.0, units_about=20_000, rows=1)
PATIENTS = Workload(unknown_categories=0, unit_columns=0, row_columns=4, row_counts=False)
VISITS = Workload(unknown_categories=2, unit_columns=0, row_columns=12, row_counts=False)
ASKED = dataclasses.replace(VISITS, training=False)  # calibrated in a moment
SPENDING = Spending(batch_units=512, steps=200)


@pytest.fixture(scope="module")
def together():
    return calibrate_together([PROMISE, dataclasses.replace(PROMISE, rows=8)], SPENDING, [PATIENTS, VISITS])


def test_all_tables_together_keep_the_promise_and_use_it_up(together) -> None:
    epsilon = Accountant().epsilon(joint_events(together), PROMISE.declared_delta)
    assert 1.98 <= epsilon <= 2.0
    assert {mechanisms.epsilon for mechanisms in together} == {epsilon}


def test_one_table_alone_would_spend_less(together) -> None:
    for mechanisms in together:
        assert Accountant().epsilon(release_events(mechanisms), PROMISE.declared_delta) < 1.9


def test_the_table_with_more_columns_gets_more(together) -> None:
    patients, visits = together
    assert visits.training_multiplier < patients.training_multiplier
    # Squared losses go by columns: 4 and 12.
    assert (patients.training_multiplier / visits.training_multiplier) ** 2 == pytest.approx(3, rel=1e-6)
    assert (patients.statistics_multiplier / visits.statistics_multiplier) ** 2 == pytest.approx(3, rel=0.5)


def test_each_table_has_its_own_cap(together) -> None:
    patients, visits = together
    assert (patients.promise.rows, visits.promise.rows) == (1, 8)
    assert visits.statistics_sensitivity == pytest.approx((12 * 8**2) ** 0.5)


def test_stable_histograms_of_all_tables_share_one_delta() -> None:
    both = calibrate_together([PROMISE, PROMISE], SPENDING, [ASKED, ASKED])
    alone = calibrate(PROMISE, SPENDING, ASKED)
    assert both[0].category_delta == pytest.approx(alone.category_delta / 2)


def test_a_single_table_is_calibrated_as_before() -> None:
    assert calibrate_together([PROMISE], SPENDING, [ASKED]) == (calibrate(PROMISE, SPENDING, ASKED),)


def test_two_promises_are_not_one() -> None:
    with pytest.raises(ConfigurationError, match="keep one promise"):
        calibrate_together([PROMISE, dataclasses.replace(PROMISE, epsilon=3.0)], SPENDING, [PATIENTS, VISITS])
