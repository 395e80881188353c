"""SDMetrics beside our scores: what it is given, what it answers on clean and broken rows, what happens without it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison import Comparison
from evaluation.evaluate import evaluate_table
from evaluation.fidelity.sdmetrics import environment, reports, sdmetrics_python, sdmetrics_scores
from evaluation.fidelity.sdmetrics.metadata import as_text, metadata_of
from evaluation.gate import Thresholds
from shared.corpus.schema import Column
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter

PEERS = Path(__file__).parents[4] / ".venv-peers"
COLUMNS = (
    Column(name="age", kind="integer"),
    Column(name="dose", kind="real"),
    Column(name="ward", kind="categorical"),
    Column(name="again", kind="boolean"),
    Column(name="born", kind="date"),
    Column(name="seen", kind="datetime"),
)
FRAME = pd.DataFrame(
    {
        "age": pd.array([3, None, 50], dtype="Int64"),
        "dose": [0.1, np.nan, 1 / 3],
        "ward": pd.Series(["NA", None, 'a,"b"\nc'], dtype="str"),
        "again": pd.array([True, None, False], dtype="boolean"),
        "born": pd.to_datetime(pd.Series(["1999-12-31", None, "2001-02-03"])),
        "seen": pd.to_datetime(pd.Series(["2020-01-01 10:11:12.5", None, "2021-01-01"]), format="ISO8601"),
    }
)


@pytest.fixture(scope="module")
def python() -> Path:
    named = [
        os.environ.get(environment.VARIABLE, ""),
        *(str(PEERS / peer / "bin/python") for peer in ("sdmetrics", "sdv")),
    ]
    found = next((Path(name) for name in named if name and Path(name).is_file()), None)
    if found is None:
        pytest.skip("no environment has SDMetrics; make one with: benchmarks/make_peers.sh sdmetrics")
    return found


def test_the_metadata_name_every_kind_as_sdv_does() -> None:
    described = metadata_of(COLUMNS)["columns"]
    assert {name: column["sdtype"] for name, column in described.items()} == {
        "age": "numerical",
        "dose": "numerical",
        "ward": "categorical",
        "again": "boolean",
        "born": "datetime",
        "seen": "datetime",
    }


def test_rows_are_read_there_as_they_were_here() -> None:
    read = reports._read(pd, as_text(COLUMNS, FRAME), metadata_of(COLUMNS))
    assert read["dose"].tolist()[::2] == FRAME["dose"].tolist()[::2]
    assert read["age"].tolist()[::2] == [3, 50]
    assert read["ward"].tolist()[::2] == FRAME["ward"].tolist()[::2]
    assert read["again"].tolist()[::2] == ["true", "false"]
    assert read["seen"].tolist()[::2] == FRAME["seen"].tolist()[::2]
    assert read.isna().sum().tolist() == [1] * len(COLUMNS)


def test_clean_rows_score_like_the_holdout_and_a_shifted_column_is_named(python: Path, compare) -> None:
    data: Comparison = compare(0, 500, 2)
    quality, diagnostic = sdmetrics_scores(data, python, seed=0)
    assert (quality.name, diagnostic.name) == ("SDMetrics quality", "SDMetrics diagnostic")
    assert quality.value == pytest.approx(quality.baseline, abs=0.03)
    assert quality.interval[0] <= quality.value <= quality.interval[1]
    assert diagnostic.value > 0.99
    assert set(quality.detail["columns"]) == set(data.names)
    frame = data.synthetic.frame.assign(days=data.synthetic.frame["days"] + 200.0)
    broken = sdmetrics_scores(replace(data, synthetic=replace(data.synthetic, frame=frame)), python, seed=0)
    assert broken[0].detail["columns"]["days"] < 0.1
    assert broken[0].value < quality.interval[0]
    assert broken[1].value < diagnostic.interval[0]
    assert all(Thresholds.defaults(private=False).apply(score).threshold is None for score in broken)


def test_an_evaluation_shows_them_if_an_environment_is_named(python: Path, compare, monkeypatch) -> None:
    monkeypatch.setenv(environment.VARIABLE, str(python))
    assert [name for name in fidelity_of(compare(0, 150)) if name.startswith("SDMetrics")] == [
        "SDMetrics quality",
        "SDMetrics diagnostic",
    ]


def fidelity_of(data: Comparison) -> list[str]:
    parts = (data.table, data.train, data.holdout, data.synthetic)
    result = evaluate_table(*parts, effort=data.effort, seed=0, reporter=SilentReporter())
    return [score.name for score in result.fidelity]


def test_a_python_without_sdmetrics_costs_a_warning_and_no_evaluation(compare, monkeypatch, caplog) -> None:
    data = compare(0, 60)
    with pytest.raises(ConfigurationError, match="No module named 'sdmetrics'.*install sdmetrics there") as error:
        sdmetrics_scores(data, Path(sys.executable), seed=0)
    assert "\n" not in str(error.value)
    monkeypatch.setenv(environment.VARIABLE, sys.executable)
    assert not any(name.startswith("SDMetrics") for name in fidelity_of(data))
    assert "its scores are left out" in caplog.text


def test_a_name_that_is_no_program_is_refused_and_none_is_none(monkeypatch) -> None:
    monkeypatch.setenv(environment.VARIABLE, "/no/such/python")
    with pytest.raises(ConfigurationError, match="is no program; name the python"):
        sdmetrics_python()
    monkeypatch.delenv(environment.VARIABLE)
    assert sdmetrics_python() is None
