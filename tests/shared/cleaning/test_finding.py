"""A plan that is carried out leaves nothing for the same rules to find, whatever the table holds."""

from __future__ import annotations

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.cleaning.conversions import PhysicalUnits
from shared.cleaning.finding import find, rules
from shared.cleaning.plan import carry_out
from shared.corpus.schema import Column
from shared.training.reporter import SilentReporter
from tests.shared.cleaning.tables import corpus_of

COLUMNS = [
    Column(name="key", kind="identifier"),
    Column(name="sex", kind="categorical", categories=("Female", "Male")),
    Column(name="town", kind="categorical"),
    Column(name="weight", kind="real", low=2, high=250, step=0.1, physical_unit="kg", nullable=False),
    Column(name="day", kind="date"),
]
RULES = rules(now=pd.Timestamp("2024-01-01"), units=PhysicalUnits(), seed=0)
cells = {
    "key": st.sampled_from(["a", "b ", "b", "c", "d", None]),
    "sex": st.sampled_from(["Female", "male", "M", "Femal", " MALE ", "?", None]),
    "town": st.one_of(st.sampled_from(["Berlin", "berlin", "Berlni", "Bonn"]), st.text(max_size=6)),
    "weight": st.sampled_from(["70", "70,5", "154 lb", "-1", "300", "heavy", " 80 ", "75.25", None]),
    "day": st.sampled_from(["2020-01-02", "02.01.2020", "31/12/2020", "2030-01-01", "soon", None]),
}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=40))
def test_cleaning_twice_is_cleaning_once(rows: list[dict[str, str | None]]) -> None:
    corpus = corpus_of(COLUMNS, {name: [row[name] for row in rows] for name in cells}, primary_key="key")
    for step in find(corpus, RULES, SilentReporter()):
        if step.enabled:
            corpus, _ = carry_out(corpus, step)
    assert [step for step in find(corpus, RULES, SilentReporter()) if step.enabled] == []


def test_finding_changes_nothing() -> None:
    corpus = corpus_of(COLUMNS, {name: ["x"] for name in cells})
    before = corpus.tables["t"].copy()
    find(corpus, RULES, SilentReporter())
    pd.testing.assert_frame_equal(corpus.tables["t"], before)
