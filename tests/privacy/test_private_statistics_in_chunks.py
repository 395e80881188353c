"""A private access to records on a scratch disk: the same contributions, whatever the chunks, and the same bounds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import histograms
from privacy.access import PrivateAccess
from privacy.statistics import PrivateStatistics
from privacy.workload import workload_of
from shared.access.questions import CategoryQuestion, NumberQuestion, RowCountQuestion
from shared.corpus.schema import Column, Table
from shared.corpus.scratch import Scratch
from shared.corpus.unit_store import UnitCollector
from shared.corpus.units import Units, by_unit
from shared.corpus.whole_units import whole_units
from shared.errors import DataError

KEY = b"a secret of the source"
CAP = 3
TABLE = Table(
    name="visits",
    columns=(
        Column(name="id", kind="identifier"),
        Column(name="sex", kind="categorical", categories=("f", "m"), of_unit=True),
        Column(name="age", kind="integer", low=0, high=9),
        Column(name="code", kind="categorical"),
    ),
    unit="id",
)
NUMBERED = [NumberQuestion(TABLE.column("age")), CategoryQuestion(TABLE.column("sex")), RowCountQuestion(CAP)]
ROWS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcde")), min_size=1, max_size=6)
UNITS = st.dictionaries(st.integers(0, 30).map(str), ROWS, min_size=2, max_size=15)


def frame_of(histories) -> pd.DataFrame:
    rows = [(who, "fm"[int(who) % 2], age, code) for who, visits in histories.items() for age, code in visits]
    return pd.DataFrame(rows, columns=["id", "sex", "age", "code"]).astype(
        {"id": "str", "sex": "str", "age": "Int64", "code": "str"}
    )


def learned_from(frame: pd.DataFrame, folder: str, memory: int) -> Units:
    """Capped training units of rows in the order of their source, as the pipeline has them."""
    scratch = Scratch(Path(folder), memory)
    collector = UnitCollector(TABLE, scratch, "train")
    pieces = [frame.iloc[start : start + 7] for start in range(0, len(frame), 7)]
    for part in whole_units(TABLE, pieces, scratch):
        collector.add(by_unit(TABLE, part).split(KEY, 0.3)[0].capped(KEY, CAP))
    return collector.done()


def exact(units: Units) -> dict[str, np.ndarray | dict[str, int]]:
    """The counts that noise is added to."""
    age, code, sex = (TABLE.column(name) for name in ("age", "code", "sex"))
    lows = np.arange(10, dtype=np.float64)
    values, counts = histograms.all_unit_counts(units, code, 2)
    return {
        "age": histograms.all_cell_counts(units, age, lows)[0],
        "sex": histograms.all_category_counts(units, sex, ("f", "m"))[0],
        "rows": histograms.row_counts(units, CAP),
        "codes": dict(zip(values.tolist(), counts.tolist(), strict=True)),
    }


@given(UNITS, st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_contributions_do_not_depend_on_the_chunks_or_the_order_of_the_source(histories, seed):
    frame = frame_of(histories).sample(frac=1, random_state=seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, chunked = learned_from(frame, folder, 1 << 30), learned_from(frame, folder, 256)
        assert len(whole) == len(chunked)
        if len(whole):
            first, second = exact(whole), exact(chunked)
            assert first["codes"] == second["codes"]
            assert all(np.array_equal(first[name], second[name]) for name in ("age", "sex", "rows"))


@given(UNITS, ROWS, st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_neighbours_on_disk_differ_by_the_contribution_of_one_unit(histories, more, seed):
    # The rows of the one unit stand among those of the others, which keep their own order: without a declared
    # one, which rows a cap leaves a unit follows from the order of its own rows.
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        frame = frame_of(histories).sample(frac=1, random_state=seed)
        both = pd.concat([frame, frame_of({"77": more})], ignore_index=True)
        place = np.concatenate([np.arange(len(frame)), random.uniform(0, len(frame), len(more))])
        added = both.iloc[np.argsort(place, kind="stable")]
        without, with_it = (learned_from(part, folder, 256) for part in (frame, added))
        if not len(without):
            return
        before, after = exact(without), exact(with_it)
        assert np.linalg.norm(after["age"] - before["age"]) <= CAP
        assert np.linalg.norm(after["sex"] - before["sex"]) <= 1
        assert np.linalg.norm(after["rows"] - before["rows"]) <= 1
        codes = set(before["codes"]) | set(after["codes"])
        moved = [after["codes"].get(code, 0) - before["codes"].get(code, 0) for code in codes]
        assert all(change in (0, 1) for change in moved)
        assert sum(moved) <= 2, "a unit counts in at most two categories"


def test_noisy_answers_have_the_same_cells_and_the_same_budget(calibrated, silent, tmp_path):
    histories = {str(i): [(i % 10, "abcde"[i % 5])] * (1 + i % 5) for i in range(60)}
    table = Table(name=TABLE.name, columns=TABLE.columns[:3], unit="id")
    answers = []
    for place, memory in enumerate((1 << 30, 256)):
        (tmp_path / str(place)).mkdir()
        units = learned_from(frame_of(histories), str(tmp_path / str(place)), memory).as_table(table)
        statistics = PrivateStatistics(units, calibrated(rows=CAP, workload=workload_of(table)), silent)
        answers.append(statistics.answer(NUMBERED))
    for first, second in zip(*answers, strict=True):
        assert np.array_equal(first.counts, second.counts)


def test_more_rows_than_the_cap_are_refused_on_disk_too(calibrated, silent, tmp_path):
    collector = UnitCollector(TABLE, Scratch(tmp_path, 256), "train")
    collector.add(by_unit(TABLE, frame_of({str(i): [(1, "a")] * (CAP + 1) for i in range(30)})))
    mechanisms = calibrated(rows=CAP, workload=workload_of(TABLE))
    with pytest.raises(DataError, match="a unit has more rows than the declared cap of 3"):
        PrivateStatistics(collector.done(), mechanisms, silent)
    with pytest.raises(DataError, match="a unit has more rows than the declared cap of 3"):
        PrivateAccess(collector.done(), mechanisms, noise=silent)
