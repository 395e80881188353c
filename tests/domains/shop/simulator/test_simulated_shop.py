"""The simulated shop keeps the facts that it names, and has something to be learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domains.shop.simulator import shop_schema, simulate_shop
from domains.shop.simulator.items import items_of
from domains.shop.simulator.parameters import load_parameters
from shared.corpus.corpus import Corpus
from shared.corpus.reading import read_corpus
from shared.corpus.writing import write_corpus
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter

USERS = 6000
FACTS = load_parameters()


def simulate(units: int, seed: int) -> Corpus:
    return simulate_shop(units, seed=seed, reporter=SilentReporter())


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return simulate(USERS, seed=7)


@pytest.fixture(scope="module")
def clicks(corpus: Corpus) -> pd.DataFrame:
    """Clicks with the number of their visit, told by pauses alone."""
    frame = corpus.tables["clicks"]
    gap = frame.groupby("user_id", sort=False)["time"].diff().dt.total_seconds()
    return frame.assign(visit=(gap.isna() | (gap > FACTS.times.pause)).cumsum())


def test_every_user_has_a_click_and_nobody_else_has_events(corpus: Corpus) -> None:
    users = set(corpus.tables["users"]["user_id"])
    assert len(users) == USERS
    assert set(corpus.tables["clicks"]["user_id"]) == users
    assert set(corpus.tables["purchases"]["user_id"]) <= users


def test_same_seed_same_corpus_other_seed_another() -> None:
    first, again, other = (simulate(60, seed).tables for seed in (3, 3, 4))
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, again[name])
    assert not first["clicks"].equals(other["clicks"])
    assert not set(first["users"]["user_id"]) & set(other["users"]["user_id"])


@pytest.mark.parametrize("units", [1, 2, 5])
def test_few_users_are_no_special_case(units: int) -> None:
    assert len(simulate(units, seed=units).tables["users"]) == units


@pytest.mark.parametrize("units", [0, -3, 10**9])
def test_impossible_numbers_of_users_are_refused(units: int) -> None:
    with pytest.raises(ConfigurationError, match="between 1 and"):
        simulate(units, seed=1)


def test_visits_have_the_published_number_of_clicks_and_purchases(corpus: Corpus, clicks: pd.DataFrame) -> None:
    visits = clicks["visit"].nunique()
    assert len(clicks) / visits == pytest.approx(FACTS.visits.clicks, rel=0.06)
    bought = corpus.tables["purchases"].merge(clicks, on=["user_id", "item"], suffixes=("", "_clicked"))
    last = bought[bought["time_clicked"] < bought["time"]].groupby(["user_id", "item", "time"])["visit"].last()
    assert last.nunique() / visits == pytest.approx(FACTS.visits.buying, rel=0.1)
    assert len(corpus.tables["purchases"]) / last.nunique() == pytest.approx(FACTS.visits.lines, rel=0.1)


def test_demand_falls_with_rank_as_a_power(clicks: pd.DataFrame) -> None:
    counts = clicks["item"].value_counts().to_numpy()
    slope = np.polyfit(np.log(np.arange(1, len(counts) + 1)), np.log(counts), 1)[0]
    assert -slope == pytest.approx(FACTS.catalogue.exponent, abs=0.2)


def test_shares_of_people_are_those_declared(corpus: Corpus) -> None:
    users = corpus.tables["users"]
    for column, declared in (
        ("region", FACTS.people.regions),
        ("device", FACTS.devices.shares),
        ("segment", FACTS.segments.shares),
    ):
        found = users[column].value_counts(normalize=True)
        for name, share in declared.items():
            assert found[name] == pytest.approx(share, abs=0.03)
    for first, last, share in FACTS.people.ages:
        assert users["age"].between(first, last).mean() == pytest.approx(share, abs=0.03)
    assert users["age"].between(FACTS.people.ages[0][0], FACTS.people.ages[-1][1]).all()


def test_what_is_bought_was_clicked_before(corpus: Corpus, clicks: pd.DataFrame) -> None:
    first = clicks.groupby(["user_id", "item"])["time"].min()
    bought = corpus.tables["purchases"].set_index(["user_id", "item"])["time"]
    assert (bought.index.isin(first.index)).all()
    assert (bought.to_numpy() > first.reindex(bought.index).to_numpy()).all()


def test_times_rise_inside_the_window(corpus: Corpus, clicks: pd.DataFrame) -> None:
    assert (clicks.groupby("user_id")["time"].diff().dropna() > pd.Timedelta(0)).all()
    low, high = pd.Timestamp(FACTS.window.first), pd.Timestamp(FACTS.window.last) + pd.Timedelta(days=1)
    for name in ("clicks", "purchases"):
        assert corpus.tables[name]["time"].between(low, high, inclusive="left").all()


def test_clicks_follow_one_another_and_the_young_click_other_things_than_the_old(
    corpus: Corpus, clicks: pd.DataFrame
) -> None:
    category = clicks["item"].str.rsplit("-", n=1).str[0]
    inside = clicks["visit"].eq(clicks["visit"].shift())
    stays = float((category == category.shift())[inside].mean())
    assert stays > 3 * float((category.value_counts(normalize=True) ** 2).sum())
    ages = clicks["user_id"].map(corpus.tables["users"].set_index("user_id")["age"])
    garden = category == "garden"
    assert garden[ages >= 65].mean() > 3 * garden[ages < 25].mean()


def test_the_schema_declares_all_of_it(corpus: Corpus, tmp_path: Path) -> None:
    schema = shop_schema()
    write_corpus(corpus, tmp_path)
    again = read_corpus(schema, tmp_path)  # which checks every value
    for name, frame in corpus.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], frame)
    assert schema.timelines[0].tables == ("clicks", "purchases")
    assert not any(column.learned for table in schema.tables for column in table.columns)


def test_every_figure_says_where_it_is_from_or_that_it_is_a_choice() -> None:
    assert all(getattr(FACTS, part).source for part in vars(FACTS))
    assert FACTS.browsing.source == FACTS.segments.source == "choice"


def test_chances_of_next_items_sum_to_one() -> None:
    items = items_of(FACTS)
    assert items.onward.sum(axis=1) == pytest.approx(1)
    assert items.within().sum(axis=1) == pytest.approx(1)
    assert items.demand.sum() == pytest.approx(1)
