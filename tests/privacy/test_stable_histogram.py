"""Unknown categories: found once, above a threshold that a unit alone passes as rarely as was accounted for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from privacy.noise import Noise
from privacy.statistics import PrivateStatistics, released
from privacy.workload import workload_of
from shared.access.questions import CategoryQuestion, RowCountQuestion
from shared.corpus.schema import Column
from shared.errors import BudgetRefused, UndeclaredError

CODE = Column(name="code", kind="categorical")
CAP, DELTA, SCALE = 3, 0.05, 6.0
THRESHOLD = 1 + SCALE * np.log(CAP / (2 * DELTA))
RATE = DELTA / CAP
UNITS = 20_000


@pytest.fixture
def statistics(calibrated, unit_frame):
    def build(records, column=CODE, noise=None, **fields):
        data = unit_frame([column], records)
        fields = {
            "rows": CAP, "workload": workload_of(data.table), "category_scale": SCALE,
            "category_threshold": THRESHOLD, "category_delta": DELTA, **fields,
        }  # fmt: skip
        return PrivateStatistics(data, calibrated(**fields), noise or Noise())

    return build


def _chance(passed: int, tried: int) -> float:
    """The chance of a number of releases so far from the accounted rate, two-sided."""
    return float(stats.binomtest(passed, tried, RATE).pvalue)


def test_a_category_of_one_unit_with_several_rows_appears_at_the_accounted_rate(statistics, unlikely):
    ids = np.repeat(np.arange(UNITS), CAP)
    answer = statistics({"id": ids, "code": ids.astype(str)}).answer([CategoryQuestion(CODE)])[0]
    assert _chance(len(answer.values), UNITS) > unlikely


def test_a_unit_with_k_categories_of_its_own_shows_one_of_them_with_at_most_delta(statistics, unlikely):
    ids = np.repeat(np.arange(UNITS), CAP)
    codes = [f"{unit} {i % CAP}" for i, unit in enumerate(ids)]
    answer = statistics({"id": ids, "code": codes}).answer([CategoryQuestion(CODE)])[0]
    shown = len({value.split()[0] for value in answer.values})
    assert stats.binomtest(shown, UNITS, 1 - (1 - RATE) ** CAP).pvalue > unlikely
    assert 1 - (1 - RATE) ** CAP <= DELTA


@pytest.mark.parametrize(
    ("units", "scale", "threshold"),
    [
        pytest.param(CAP, SCALE, THRESHOLD, id="counts rows singly"),
        pytest.param(1, SCALE, 10.0, id="a fixed threshold"),
        pytest.param(1, SCALE, 1 + SCALE * np.log(1 / (2 * DELTA)), id="a threshold that forgets the cap"),
        pytest.param(1, SCALE * 2 / 3, THRESHOLD, id="two thirds of the noise"),
        pytest.param(1, SCALE * 3 / 2, THRESHOLD, id="one and a half of the noise"),
    ],
)
def test_the_rate_test_rejects_a_flawed_rule(units, scale, threshold, unlikely):
    many = 4 * UNITS  # so that no luck of the noise hides a flaw
    values = np.arange(many).astype(str).astype(object)
    listed, _ = released(values, np.full(many, units), scale, threshold, Noise())
    assert _chance(len(listed), many) < unlikely


def test_categories_come_by_descending_noisy_count_and_ties_by_value(silent):
    listed, counts = released(np.array(["b", "a", "c", "d"], dtype=object), np.array([5, 5, 9, 1]), 1.0, 2.0, silent)
    assert (listed, counts.tolist()) == (("c", "a", "b"), [9.0, 5.0, 5.0])


def test_released_counts_are_noisy_and_whole(statistics):
    records = {"id": np.arange(600), "code": ["x"] * 300 + ["y"] * 300}
    counts = np.array([statistics(records).answer([CategoryQuestion(CODE)])[0].counts for _ in range(20)])
    assert (counts == np.rint(counts)).all()
    assert len(np.unique(counts)) > 10


def test_an_unheld_value_is_never_released(statistics):
    answer = statistics({"id": np.arange(300), "code": ["x"] * 300}).answer([CategoryQuestion(CODE)])[0]
    assert answer.values == ("x",)
    assert (answer.other, answer.missing) == (0.0, 0.0)


def test_found_categories_are_counted_with_the_rest_and_others_with_them(statistics, silent):
    private = statistics({"id": np.arange(401), "code": ["x"] * 400 + ["rare"]}, noise=silent)
    found = private.answer([CategoryQuestion(CODE)])[0].values
    asked = CategoryQuestion(replace(CODE, categories=found))
    answer = private.answer([asked, RowCountQuestion(CAP)])[0]
    assert (answer.values, answer.counts.tolist(), answer.other, answer.missing) == (("x",), [400], 1, 0)


def test_the_second_call_may_ask_without_a_list(statistics, silent):
    private = statistics({"id": np.arange(401), "code": ["x"] * 400 + ["rare"]}, noise=silent)
    private.answer([CategoryQuestion(CODE)])
    assert private.answer([CategoryQuestion(CODE)])[0].values == ("x",)


def test_a_column_without_any_released_category_still_has_counts(statistics, silent):
    private = statistics({"id": [1, 2], "code": ["p", "q"]}, noise=silent)
    assert private.answer([CategoryQuestion(CODE)])[0].values == ()
    answer = private.answer([CategoryQuestion(CODE)])[0]
    assert (answer.values, len(answer.counts), answer.other) == ((), 0, 2)


def test_categories_that_were_read_off_records_are_unknown(statistics, silent):
    column = replace(CODE, categories=("x", "rare"), learned=("categories",))
    private = statistics({"id": np.arange(401), "code": ["x"] * 400 + ["rare"]}, column, noise=silent)
    assert private.answer([CategoryQuestion(column)])[0].values == ("x",)
    with pytest.raises(UndeclaredError, match="neither declared nor among those that were released"):
        private.answer([CategoryQuestion(column)])


def test_unknown_categories_are_asked_in_a_call_of_their_own(statistics):
    with pytest.raises(BudgetRefused, match="asked first, in a call of their own"):
        statistics({"id": [1], "code": ["x"]}).answer([CategoryQuestion(CODE), RowCountQuestion(CAP)])


def test_categories_are_found_once(statistics):
    private = statistics({"id": [1], "code": ["x"]})
    for _ in range(2):
        private.answer([CategoryQuestion(CODE)])
    with pytest.raises(BudgetRefused, match="asking twice would spend twice"):
        private.answer([CategoryQuestion(CODE)])


def test_more_unknown_columns_than_were_paid_for_are_refused(statistics, unit_frame):
    work = replace(workload_of(unit_frame([CODE], {"id": [1], "code": ["x"]}).table), unknown_categories=0)
    with pytest.raises(BudgetRefused, match="1 columns of unknown categories are asked, but .* calibrated for 0"):
        statistics({"id": [1], "code": ["x"]}, workload=work).answer([CategoryQuestion(CODE)])


def test_unknown_categories_without_a_budget_are_refused(statistics):
    private = statistics({"id": [1], "code": ["x"]}, category_scale=0.0)
    with pytest.raises(BudgetRefused, match="no budget was set aside for unknown categories"):
        private.answer([CategoryQuestion(CODE)])


def test_a_threshold_below_the_accounted_delta_is_refused(statistics):
    with pytest.raises(BudgetRefused, match="category_threshold 10 has δ"):
        statistics({"id": [1], "code": ["x"]}, category_threshold=10.0)
