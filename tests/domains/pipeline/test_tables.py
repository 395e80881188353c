"""Several tables from declaration to samples: what is given to whom, keys that hold, caps, and one promise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from domains.pipeline.budgeting import Charge, plan
from domains.pipeline.config import Config, read_config
from domains.pipeline.declaring import declare
from domains.pipeline.model import Model, load_model
from domains.pipeline.records import read_records
from domains.pipeline.training import Fitted, fit_model
from privacy.budget.promise import Mechanisms
from shared.corpus.scratch import Scratch
from shared.errors import ConfigurationError, DataError, UndeclaredError
from shared.training.reporter import SilentReporter

KEY = b"the key of the source"
SCHEMA: dict[str, Any] = {
    "name": "shops",
    "tables": [
        {
            "name": "items",
            "primary_key": "item",
            "foreign_keys": [{"column": "order", "table": "orders"}, {"column": "shop", "table": "shops"}],
            "columns": [
                {"name": "item", "kind": "integer", "nullable": False},
                {"name": "order", "kind": "identifier", "pattern": "O-999999", "nullable": False},
                {"name": "shop", "kind": "identifier", "nullable": False},
                {"name": "colour", "kind": "categorical", "categories": ["red", "blue"], "nullable": False},
            ],
        },
        {
            "name": "shops",
            "primary_key": "shop",
            "columns": [
                {"name": "shop", "kind": "identifier", "pattern": "S9999", "nullable": False},
                {"name": "size", "kind": "categorical", "categories": ["small", "large"], "nullable": False},
            ],
        },
        {
            "name": "orders",
            "primary_key": "order",
            "foreign_keys": [{"column": "shop", "table": "shops"}],
            "order_by": "day",
            "columns": [
                {"name": "order", "kind": "identifier", "pattern": "O-999999", "nullable": False},
                {"name": "shop", "kind": "identifier", "nullable": False},
                {"name": "day", "kind": "integer", "low": 0, "high": 99, "nullable": False},
                {"name": "paid", "kind": "boolean", "nullable": False},
            ],
        },
    ],
}


def records(shops: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Small shops have 0 to 2 orders of red items, large ones 2 to 4 of blue items; a paid order has two items."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[tuple[object, ...]]] = {"shops": [], "orders": [], "items": []}
    for shop in range(shops):
        large = bool(random.random() < 0.5)
        rows["shops"].append((f"S{shop:04}", "large" if large else "small"))
        for day in random.integers(0, 100, size=random.integers(0, 3) + 2 * large):
            order, paid = f"O-{len(rows['orders']):06}", bool(random.random() < 0.6)
            rows["orders"].append((order, f"S{shop:04}", int(day), paid))
            for _ in range(2 if paid else 1):
                colour = "blue" if large else "red"
                rows["items"].append((len(rows["items"]), order, f"S{shop:04}", colour))
    names = {table["name"]: [column["name"] for column in table["columns"]] for table in SCHEMA["tables"]}
    return {name: pd.DataFrame(part, columns=names[name]) for name, part in rows.items()}


def written(
    folder: Path, shops: int = 400, change: Callable[[dict[str, Any]], None] | None = None, **more: Any
) -> Config:
    """A configuration for such shops in ``folder``."""
    (folder / "data").mkdir()
    for name, frame in records(shops).items():
        frame.to_csv(folder / "data" / f"{name}.csv", index=False)
    schema = json.loads(json.dumps(SCHEMA))
    if change is not None:
        change(schema)
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema, sort_keys=False))
    content = {
        "source": {"id": "shops", "path": "data"},
        "schema": "schema.yaml",
        "unit": "shop",
        "units_about": shops,
        "holdout": 0.2,
        "engine": {"default": {"epochs": 30, "hidden": 12, "embedding": 4, "batch_units": 32, "learning_rate": 0.01}},
        "privacy": "none",
        "seed": 3,
    } | more
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return read_config(folder / "config.yaml")


def fitted(config: Config, folder: Path, mechanisms: Mapping[str, Mechanisms] | None = None) -> Fitted:
    declaration = declare(config)
    found = read_records(config, declaration, KEY, Scratch(folder), SilentReporter())
    train = {name: part.train for name, part in found.items()}
    charge = Charge(key=KEY, mechanisms=mechanisms)
    return fit_model(config, declaration, train, charge, Scratch(folder), SilentReporter())


def sampled(model: Model, units: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    parts = list(model.sample(units, seed=seed, reporter=SilentReporter()))
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("shops")
    return fitted(written(folder), folder).model


@pytest.fixture(scope="module")
def drawn(model: Model) -> dict[str, pd.DataFrame]:
    # More than one batch of units with rows in further tables.
    return sampled(model, 3_000)


def test_every_key_holds(drawn: dict[str, pd.DataFrame]) -> None:
    assert drawn["shops"]["shop"].is_unique
    assert drawn["orders"]["order"].is_unique
    assert drawn["items"]["item"].is_unique
    assert len(drawn["shops"]) == 3_000
    assert drawn["orders"]["shop"].isin(drawn["shops"]["shop"]).all()
    assert drawn["items"]["order"].isin(drawn["orders"]["order"]).all()
    # The key to the shop says what the order says.
    through = drawn["items"]["order"].map(drawn["orders"].set_index("order")["shop"])
    assert (through == drawn["items"]["shop"]).all()


def test_tables_have_the_columns_and_kinds_of_the_schema(model: Model, drawn: dict[str, pd.DataFrame]) -> None:
    for table in model.schema.tables:
        assert tuple(drawn[table.name].columns) == table.names
    assert str(drawn["items"]["item"].dtype) == "Int64"
    assert str(drawn["items"]["order"].dtype) == "str"


def test_rows_follow_those_far_above(drawn: dict[str, pd.DataFrame]) -> None:
    size = drawn["shops"].set_index("shop")["size"]
    colours = pd.crosstab(drawn["items"]["shop"].map(size), drawn["items"]["colour"], normalize="index")
    assert colours.loc["large", "blue"] > 0.95
    assert colours.loc["small", "red"] > 0.95


def test_numbers_of_rows_follow_the_row_above(drawn: dict[str, pd.DataFrame]) -> None:
    orders = drawn["orders"].groupby("shop").size().reindex(drawn["shops"]["shop"], fill_value=0)
    by_size = orders.groupby(drawn["shops"].set_index("shop")["size"])
    assert abs(by_size.mean()["small"] - 1) < 0.25
    assert abs(by_size.mean()["large"] - 3) < 0.25
    assert (orders[drawn["shops"].set_index("shop")["size"] == "small"] == 0).mean() == pytest.approx(1 / 3, abs=0.1)
    items = drawn["items"].groupby("order").size().reindex(drawn["orders"]["order"], fill_value=0)
    paid = drawn["orders"].set_index("order")["paid"].astype(bool)
    assert (items[paid] == 2).mean() > 0.95
    assert (items[~paid] == 1).mean() > 0.95


def test_rows_below_one_row_stand_in_the_declared_order(drawn: dict[str, pd.DataFrame]) -> None:
    assert drawn["orders"].groupby("shop")["day"].is_monotonic_increasing.all()


def test_a_saved_model_draws_the_same(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = load_model(tmp_path)
    before, after = sampled(model, 200, seed=5), sampled(loaded, 200, seed=5)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name])
    assert not before["shops"].equals(sampled(model, 200, seed=6)["shops"])


def test_the_density_of_a_table_is_that_of_its_rows_given_those_above(model: Model, tmp_path: Path) -> None:
    config = written(tmp_path)
    found = read_records(config, declare(config), KEY, Scratch(tmp_path), SilentReporter())
    items = next(table for table in model.tables if table.name == "items")
    held = found["items"].holdout
    density = items.log_density(held.take(np.arange(len(held))))
    assert density.shape == (len(held),)
    # Two colours that follow from the size: next to nothing is left to chance.
    assert np.exp(density / held.rows_per_unit).mean() > 0.9


def test_conditions_are_for_models_of_one_table(model: Model) -> None:
    with pytest.raises(
        ConfigurationError, match=r"the model has 3 tables \(shops, orders, items\); conditions and giv"
    ):
        model.frames(1, seed=0, reporter=SilentReporter())


PRIVATE = {"epsilon": 3, "rows": {"orders": 2, "items": 3}, "steps": 50, "batch_units": 64, "cap": {"epsilon": 9}}


def test_one_promise_covers_all_tables(tmp_path: Path) -> None:
    config = written(tmp_path, privacy=PRIVATE)
    mechanisms = plan(config, declare(config))
    assert mechanisms is not None
    assert list(mechanisms) == ["shops", "orders", "items"]
    assert [m.promise.rows for m in mechanisms.values()] == [1, 2, 3]
    assert max(m.epsilon for m in mechanisms.values()) <= 3
    work = {name: (m.workload.row_columns, m.workload.unit_columns) for name, m in mechanisms.items()}
    # Own columns and numbers of rows below, each once; what is given of the rows above is asked in its own table.
    assert work == {"shops": (2, 0), "orders": (3, 0), "items": (1, 0)}
    assert not any(m.workload.row_counts for m in mechanisms.values())
    made = fitted(config, tmp_path, mechanisms).model
    assert made.provenance.most_rows == {"orders": 2, "items": 3}
    assert made.provenance.promise is not None
    assert len(made.provenance.promise.mechanisms) == 6  # histograms and training of each table
    made.save(_new(tmp_path / "model"))
    rows = sampled(load_model(tmp_path / "model"), 300)
    assert rows["orders"].groupby("shop").size().max() <= 2


def test_a_private_run_leaves_surplus_rows_out_and_all_that_hangs_on_them(tmp_path: Path) -> None:
    config = written(tmp_path, privacy=PRIVATE)
    found = read_records(config, declare(config), KEY, Scratch(tmp_path), SilentReporter())
    assert found["orders"].train.rows_per_unit.max() == 2
    assert found["items"].train.rows_per_unit.max() == 3


def test_a_private_run_needs_a_cap_for_every_table(tmp_path: Path) -> None:
    config = written(tmp_path, privacy={**PRIVATE, "rows": {"orders": 2}})
    with pytest.raises(ConfigurationError, match="privacy.rows has no cap for table 'items'; declare one"):
        declare(config)


def test_what_is_given_of_a_row_above_must_be_declared_too(tmp_path: Path) -> None:
    def learned(schema: dict[str, Any]) -> None:
        schema["tables"][2]["columns"][2]["learned"] = ["low", "high"]

    config = written(tmp_path, privacy=PRIVATE, change=learned)
    with pytest.raises(UndeclaredError, match="column 'day': declare low and high"):
        declare(config)


def test_the_unit_is_the_key_of_the_table_above_all_others(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unit is 'order'; of several tables it is the key of the one above"):
        declare(written(tmp_path, unit="order"))


def test_a_holdout_of_its_own_stands_apart_in_every_table(tmp_path: Path) -> None:
    config = written(tmp_path, holdout={"path": "data"})
    with pytest.raises(DataError, match="units stand in source.path and in holdout.path"):
        read_records(config, declare(config), KEY, Scratch(tmp_path), SilentReporter())


def test_units_go_to_one_side_with_all_their_rows(tmp_path: Path) -> None:
    config = written(tmp_path)
    found = read_records(config, declare(config), KEY, Scratch(tmp_path), SilentReporter())
    for part in ("train", "holdout"):
        shops = set(next(getattr(found["shops"], part).names()))
        for name in ("orders", "items"):
            assert set(next(getattr(found[name], part).names())) <= shops


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
