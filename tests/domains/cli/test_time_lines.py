"""Sibling tables that are learned as one time line, from the command line: plain, and with a promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from domains.pipeline.publication import current
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, ForeignKey, Schema, Table, Timeline
from shared.corpus.sources import read_source
from shared.corpus.writing import write_corpus
from tests.domains.cli.clinic import Cli
from tests.domains.cli.test_release import LENIENT

PAGES, DAYS = ("a", "b", "c"), (0, 400)


def shop(users: int, seed: int) -> Corpus:
    """Users with clicks, a day or two after one another; what is bought is the page that was clicked, on that day."""
    random = np.random.default_rng(seed)
    clicks, buys = [], []
    for user in range(users):
        day, page = int(random.integers(0, 300)), int(random.integers(0, 3))
        for _ in range(int(random.integers(1, 5))):
            clicks.append((str(user), day, PAGES[page]))
            if random.random() < 0.4:
                buys.append((str(user), day, PAGES[page], float(page + 1)))
            day, page = day + int(random.integers(1, 3)), page if random.random() < 0.8 else int(random.integers(0, 3))
    key = (ForeignKey(column="user", table="users"),)
    user = Column(name="user", kind="identifier", nullable=False)
    at = Column(name="day", kind="integer", nullable=False, low=DAYS[0], high=DAYS[1])
    page_column = Column(name="page", kind="categorical", nullable=False, categories=PAGES)
    price = Column(name="price", kind="real", nullable=False, low=0, high=10)
    groups = ("x", "y")
    schema = Schema(
        tables=(
            Table(
                name="users",
                primary_key="user",
                columns=(user, Column(name="group", kind="categorical", nullable=False, categories=groups)),
            ),
            Table(name="clicks", columns=(user, at, page_column), order_by="day", foreign_keys=key),
            Table(name="buys", columns=(user, at, page_column, price), order_by="day", foreign_keys=key),
        ),
        timelines=(Timeline(name="events", tables=("clicks", "buys")),),
    )
    frames = {
        "users": pd.DataFrame({"user": [str(n) for n in range(users)], "group": [groups[n % 2] for n in range(users)]}),
        "clicks": pd.DataFrame(clicks, columns=["user", "day", "page"]).astype({"day": "Int64"}),
        "buys": pd.DataFrame(buys, columns=["user", "day", "page", "price"]).astype({"day": "Int64"}),
    }
    return Corpus(schema, frames)


def configured(folder: Path, users: int, **changes: Any) -> Path:
    (folder / "shop").mkdir()
    write_corpus(shop(users, 0), folder / "shop")
    config = {
        "source": {"id": "shop", "path": "shop"},
        "schema": "shop/schema.yaml",
        "domain": "plain",
        "unit": "user",
        "holdout": 0.3,
        "units_about": users,
        "engine": {"default": {"epochs": 3, "hidden": 12, "embedding": 4, "batch_units": 32, "learning_rate": 0.01}},
        "privacy": "none",
        "gate": {**LENIENT, "copies_above_holdout": 1.0},  # few columns: users are alike
        "seed": 1,
        **changes,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def check(tables: dict[str, pd.DataFrame], keys: set[str]) -> None:
    assert set(tables) == {"users", "clicks", "buys"}
    for name in ("clicks", "buys"):
        frame = tables[name]
        assert set(frame["user"]) <= keys
        assert frame.notna().to_numpy().all()
        assert frame["page"].isin(PAGES).all()
        assert (frame.groupby("user", sort=False)["day"].diff().dropna() >= 0).all()


def test_a_time_line_goes_through_a_release_and_comes_back_as_its_tables(cli: Cli, tmp_path: Path) -> None:
    config = configured(tmp_path, 600)
    released = cli("release", config, "--out", tmp_path / "out", "--json")
    assert released.code == 0, released.err
    folder = current(tmp_path / "out")
    assert folder is not None
    public = folder / "public"
    assert {path.name for path in public.glob("*.csv")} == {"users.csv", "clicks.csv", "buys.csv"}
    schema = shop(1, 0).schema
    tables = read_source(schema, public).tables
    check(dict(tables), set(tables["users"]["user"]))
    # What is bought was clicked, most often on the same day: tables that are learned apart could not know.
    clicked = set(zip(tables["clicks"]["user"], tables["clicks"]["day"], strict=True))
    bought = list(zip(tables["buys"]["user"], tables["buys"]["day"], strict=True))
    assert np.mean([event in clicked for event in bought]) > 0.4
    sampled = cli("sample", folder / "internal" / "model", "--units", 30, "--out", tmp_path / "more")
    assert sampled.code == 0, sampled.err
    more = read_source(schema, tmp_path / "more").tables
    check(dict(more), set(more["users"]["user"]))


def test_a_time_line_is_learned_under_a_promise_with_a_cap_of_its_events(cli: Cli, tmp_path: Path) -> None:
    promise = {"epsilon": 8, "rows": {"events": 6}, "steps": 10, "batch_units": 100}
    config = configured(tmp_path, 400, privacy=promise)
    cli("ledger", "cap", "shop", "--epsilon", 20, "--delta", 1e-4)
    fitted = cli("fit", config, "--out", tmp_path / "model")
    assert fitted.code == 0, fitted.err
    sampled = cli("sample", tmp_path / "model", "--units", 40, "--out", tmp_path / "more")
    assert sampled.code == 0, sampled.err
    tables = read_source(shop(1, 0).schema, tmp_path / "more").tables
    check(dict(tables), set(tables["users"]["user"]))
    events = pd.concat([tables["clicks"]["user"], tables["buys"]["user"]]).value_counts()
    assert events.max() <= 6


@pytest.mark.parametrize(
    ("change", "message"),
    [({"tables": ("clicks",)}, "two or more"), ({"name": "users"}, "is the name of a table")],
)
def test_what_is_no_time_line_is_said_in_one_line(
    cli: Cli, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    config = configured(tmp_path, 50)
    path = tmp_path / "shop" / "schema.yaml"
    content = yaml.safe_load(path.read_text())
    content["timelines"][0] |= {key: list(value) if key == "tables" else value for key, value in change.items()}
    path.write_text(yaml.safe_dump(content))
    failed = cli("fit", config, "--out", tmp_path / "model")
    assert failed.code != 0
    assert message in failed.err
    assert len(failed.err.strip().splitlines()) == 1
