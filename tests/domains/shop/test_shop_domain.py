"""The shop's task and constraint on the time line of its simulator."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from domains.base.constraints import Check
from domains.pipeline.declaring import declared_for
from domains.shop import ShopDomain
from domains.shop.events import event_constraints, event_tasks
from shared.corpus.joining import joined_views
from shared.corpus.schema import Column, Table
from shared.corpus.timeline import merged, merged_schema
from shared.corpus.units import by_unit
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter

EVENTS = Table(
    name="events",
    columns=(
        Column(name="user_id", kind="identifier"),
        Column(name="clicks.item", kind="categorical"),
        Column(name="purchases.item", kind="categorical"),
    ),
    unit="user_id",
)


def test_its_time_line_has_the_task_and_the_constraint() -> None:
    domain = ShopDomain()
    schema = domain.schema()
    assert schema is not None
    declaration = declared_for(domain, schema, "user_id", where="unit")
    users, events = declaration.tables
    assert (users.tasks, users.constraints) == ((), ())
    (task,) = events.tasks
    assert (task.kind, task.target, task.at) == ("next-item", "clicks.item", 10)
    assert [constraint.name for constraint in events.constraints] == ["what is bought was clicked before"]


def test_tables_without_clicks_have_neither() -> None:
    table = Table(name="people", columns=(Column(name="age", kind="integer"),))
    assert (event_tasks(table), event_constraints(table)) == ([], [])


def test_purchases_without_a_click_before_them_are_found() -> None:
    rows = [
        ("a", "x", None), ("a", None, "x"),  # clicked, then bought
        ("b", None, "x"), ("b", "x", None),  # clicked too late
        ("c", "y", None), ("c", None, "x"),  # another item was clicked
        ("d", None, "x"),  # another user clicked it
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["user_id", "clicks.item", "purchases.item"]).astype("str")
    (check,) = event_constraints(EVENTS)
    assert check.violations(by_unit(EVENTS, frame)).tolist() == [False, False, True, False, False, True, True]


def test_the_simulation_never_breaks_it() -> None:
    domain = ShopDomain()
    corpus = domain.simulate(300, seed=1, reporter=SilentReporter())
    declaration = declared_for(domain, corpus.schema, "user_id", where="unit")
    events = declaration.tables[1]
    (check,) = events.constraints
    assert isinstance(check, Check)
    units = joined_views([table.view for table in declaration.tables], merged(corpus).tables, most=None, key=b"")
    assert merged_schema(corpus.schema).tables[1].name == events.name
    assert not check.violations(units[events.name]).any()
    assert np.any(units[events.name].frame["purchases.item"].notna())


def test_another_layout_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="layout is 'flat'; the simulated shop has tables"):
        ShopDomain().schema("flat")
