"""From a configuration to units: declared knowledge first, records after."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from domains.base.contract import Task
from domains.base.registry import domain_named
from domains.pipeline.config import Config, read_config
from domains.pipeline.declaring import declare, declared_for, with_unit
from domains.pipeline.records import read_records
from domains.plain import PlainDomain
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.scratch import DEFAULT_MEMORY, Scratch
from shared.corpus.units import Units
from shared.errors import ConfigurationError, DataError
from shared.training.reporter import SilentReporter

KEY = b"a secret of the source"
CONFIG = """
source: {id: shop, path: orders.csv}
schema: schema.yaml
unit: customer
units_about: 100
holdout: 0.5
privacy: none
tasks: [{name: paid, target: paid, positive: ["yes"]}]
"""
SCHEMA = """
tables:
- name: orders
  columns:
  - {name: customer, kind: identifier}
  - {name: amount, kind: integer, low: 0, high: 1000}
  - {name: paid, kind: categorical, categories: ["yes", "no"]}
"""


@pytest.fixture(params=[DEFAULT_MEMORY, 2048], ids=["in memory", "on disk"])
def scratch(request: pytest.FixtureRequest, tmp_path: Path) -> Scratch:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return Scratch(folder, request.param)


def unit_names_of(units: Units) -> set[str]:
    return {name for names in units.names() for name in names}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    lines = [f"c{order % 100},{order},{'yes' if order % 3 else 'no'}" for order in range(300)]
    (tmp_path / "orders.csv").write_text("\n".join(["customer,amount,paid", *lines]) + "\n")
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return read_config(tmp_path / "config.yaml")


def test_the_unit_of_the_configuration_becomes_that_of_the_table(config: Config) -> None:
    declaration = declare(config)
    assert declaration.only.table.unit == "customer"
    assert [task.table for task in declaration.only.tasks] == ["orders"]


def test_units_stay_whole_and_apart(config: Config, scratch: Scratch) -> None:
    records = read_records(config, declare(config), KEY, scratch, SilentReporter())["orders"]
    assert unit_names_of(records.train).isdisjoint(unit_names_of(records.holdout))
    assert len(records.train) + len(records.holdout) == 100
    assert set(records.train.rows_per_unit) == {3}


def test_a_unit_stays_where_it_is_when_others_leave(config: Config, tmp_path: Path, scratch: Scratch) -> None:
    before = read_records(config, declare(config), KEY, scratch, SilentReporter())["orders"]
    frame = pd.read_csv(tmp_path / "orders.csv")
    frame[~frame["customer"].isin([f"c{i}" for i in range(10)])].to_csv(tmp_path / "orders.csv", index=False)
    after = read_records(config, declare(config), KEY, scratch, SilentReporter())["orders"]
    assert unit_names_of(after.holdout) <= unit_names_of(before.holdout)
    assert unit_names_of(after.train) <= unit_names_of(before.train)


def test_another_key_holds_out_others(config: Config, scratch: Scratch) -> None:
    first, second = (
        read_records(config, declare(config), key, scratch, SilentReporter())["orders"] for key in (KEY, b"another")
    )
    assert unit_names_of(first.holdout) != unit_names_of(second.holdout)


def test_a_private_run_leaves_surplus_rows_out(config: Config, tmp_path: Path, scratch: Scratch) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("privacy: none", "privacy: {epsilon: 1, rows: 2}"))
    private = read_config(tmp_path / "config.yaml")
    records = read_records(private, declare(private), KEY, scratch, SilentReporter())["orders"]
    assert set(records.train.rows_per_unit) == {2}
    assert set(records.holdout.rows_per_unit) == {2}


def test_the_holdout_may_be_records_of_its_own(config: Config, tmp_path: Path, scratch: Scratch) -> None:
    lines = [f"h{order},{order},yes" for order in range(30)]
    (tmp_path / "held.csv").write_text("\n".join(["customer,amount,paid", *lines]) + "\n")
    (tmp_path / "config.yaml").write_text(CONFIG.replace("holdout: 0.5", "holdout: {path: held.csv}"))
    apart = read_config(tmp_path / "config.yaml")
    records = read_records(apart, declare(apart), KEY, scratch, SilentReporter())["orders"]
    assert (len(records.train), len(records.holdout)) == (100, 30)


def test_simulated_records_come_from_the_domain(tmp_path: Path, scratch: Scratch) -> None:
    (tmp_path / "config.yaml").write_text(
        "source: {id: demo, simulate: {units: 80, seed: 3}}\ndomain: medical\nunit: patient_id\nholdout: 0.5\n"
        "privacy: none\n"
    )
    config = read_config(tmp_path / "config.yaml")
    records = read_records(config, declare(config), KEY, scratch, SilentReporter())["encounters"]
    assert len(records.train) + len(records.holdout) == 80


def test_a_domain_without_a_simulator_needs_records(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "source: {id: demo, simulate: {units: 80}}\nunit: row\nholdout: 0.5\nprivacy: none\n"
    )
    with pytest.raises(ConfigurationError, match="no simulator and no schema of its own; give source.path and schema"):
        declare(read_config(tmp_path / "config.yaml"))


def test_a_unit_that_contradicts_the_schema_is_refused() -> None:
    table = Table(
        name="t", columns=(Column(name="a", kind="identifier"), Column(name="b", kind="identifier")), unit="a"
    )
    with pytest.raises(ConfigurationError, match="unit is 'b', but the schema says 'a'; make them agree"):
        with_unit(Schema(tables=(table,)), "b", "unit")


class Learner(PlainDomain):
    """A domain that breaks its contract: what it declares depends on records."""

    def prepare(self, corpus: Corpus) -> Corpus:
        table = corpus.schema.tables[0]
        high = corpus.tables[table.name]["amount"].max()
        if pd.isna(high):
            return corpus
        columns = tuple(
            dataclasses.replace(column, high=float(high)) if column.name == "amount" else column
            for column in table.columns
        )
        return Corpus(Schema(tables=(dataclasses.replace(table, columns=columns),)), corpus.tables)


def test_a_domain_whose_schema_depends_on_records_is_refused(config: Config, scratch: Scratch) -> None:
    declaration = dataclasses.replace(declare(config), domain=Learner())
    with pytest.raises(DataError, match="made a schema that depends on records"):
        read_records(config, declaration, KEY, scratch, SilentReporter())


class Tasked(PlainDomain):
    """A domain with tasks of its own."""

    def tasks(self, schema: Schema) -> Sequence[Task]:
        return [Task(name=name, table="orders", target="amount") for name in ("paid", "amount")]


def test_tasks_of_the_configuration_stand_beside_those_of_the_domain_and_win(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domains.pipeline.declaring.domain_named", lambda name: Tasked())
    tasks = declare(config).only.tasks
    assert [(task.name, task.target) for task in tasks] == [("paid", "paid"), ("amount", "amount")]


def test_evaluation_takes_the_unit_of_the_schema_unless_one_is_named() -> None:
    table = Table(name="t", columns=(Column(name="a", kind="identifier"), Column(name="b", kind="boolean")))
    schema = Schema(tables=(table,))
    domain = domain_named("plain")
    assert declared_for(domain, schema, None, where="--unit").only.table.unit is None
    assert declared_for(domain, schema, "a", where="--unit").only.table.unit == "a"
    with pytest.raises(ConfigurationError, match="--unit is 'c'; it must be 'row' or a column: a, b"):
        declared_for(domain, schema, "c", where="--unit")
