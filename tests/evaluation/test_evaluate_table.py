"""The whole evaluation of a table: which scores there are, that they repeat, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domains.base.contract import Task
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.evaluate import evaluate_table
from evaluation.evaluation import Evaluation
from shared.errors import ConfigurationError, DataError
from shared.training.reporter import SilentReporter

TASK = Task(name="return", table="stays", target="outcome", positive=("again",))


def evaluated(data: Comparison, **options) -> Evaluation:
    parts = (data.table, data.train, data.holdout, data.synthetic)
    return evaluate_table(*parts, effort=data.effort, seed=0, reporter=SilentReporter(), **options)


def test_a_table_of_one_row_a_unit_has_no_rows_per_unit_and_a_density_adds_a_score(compare) -> None:
    data = compare(0, 300)
    names = [score.name for score in evaluated(data, density=lambda units: np.zeros(len(units))).scores]
    assert "rows per unit agreement" not in names
    assert names[-1] == "membership (density)"
    assert "rows per unit agreement" in [score.name for score in evaluated(compare(0, 300, 3)).scores]


def test_one_seed_gives_one_result(compare) -> None:
    data = compare(0, 300, 2)
    assert evaluated(data, tasks=[TASK]) == evaluated(data, tasks=[TASK])


def test_tasks_of_other_tables_are_left_to_them(compare) -> None:
    names = [score.name for score in evaluated(compare(0, 300), tasks=[replace(TASK, table="drugs")]).utility]
    assert names == ["every column from the others"]


@pytest.mark.parametrize("part", ["train", "holdout", "synthetic"])
def test_a_part_with_too_few_units_is_refused_in_one_line(compare, part: str) -> None:
    data = compare(0, 100)
    parts = {name: getattr(data, name) for name in ("train", "holdout", "synthetic")}
    parts[part] = parts[part].take(np.arange(19))
    with pytest.raises(DataError, match=f"the {part} part has 19 units; an evaluation needs at least 20") as error:
        evaluate_table(data.table, **parts, seed=0, reporter=SilentReporter())
    assert "\n" not in str(error.value)


def test_a_table_of_keys_alone_is_refused(compare) -> None:
    data = compare(0, 100)
    bare = replace(data.table, columns=data.table.columns[:1])
    with pytest.raises(DataError, match="nothing but identifiers and keys"):
        evaluate_table(bare, data.train, data.holdout, data.synthetic, seed=0, reporter=SilentReporter())


def test_an_unknown_target_is_refused_in_one_line(compare) -> None:
    with pytest.raises(ConfigurationError, match="'return': target 'death' is not one of age, ward") as error:
        evaluated(compare(0, 100), tasks=[replace(TASK, target="death")])
    assert "\n" not in str(error.value)


def test_an_effort_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="effort queries is 0; give a whole number above 0"):
        Effort(queries=0)
