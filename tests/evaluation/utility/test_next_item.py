"""Next items: the recommender by hand, no loss on clean data, planted errors, and what cannot be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from domains.base.contract import Task
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.gate import Thresholds
from evaluation.report.panels import panel
from evaluation.utility.next_item import BACK_OFF, NONE, Recommender, Steps, next_item_score
from evaluation.utility.task import NotMeasurable
from evaluation.utility.tasks import task_score
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit
from shared.errors import ConfigurationError

CLICKS = Table(
    name="clicks",
    columns=(Column(name="user", kind="identifier"), Column(name="item", kind="categorical")),
    unit="user",
)
TASK = Task(name="next click", table="clicks", target="item", kind="next-item", at=4)
ITEMS = 40


def clicks(users: int, seed: int) -> UnitFrame:
    """Users who mostly go on to one of three items that stand behind the last; one event in eight has no item."""
    random = np.random.default_rng(seed)
    demand = np.arange(1, ITEMS + 1) ** -0.9
    rows = []
    for user in range(users):
        item = int(random.choice(ITEMS, p=demand / demand.sum()))
        for _ in range(int(random.integers(2, 14))):
            rows.append((f"{seed}-{user:05d}", f"i{item:02d}" if random.random() > 0.125 else None))
            onwards = random.random() < 0.7
            item = (item + int(random.choice([1, 3, 7]))) % ITEMS if onwards else int(random.integers(ITEMS))
    return by_unit(CLICKS, pd.DataFrame(rows, columns=["user", "item"]).astype("str"))


def compared(seed: int, users: int, synthetic: UnitFrame | None = None) -> Comparison:
    train, holdout, made = (clicks(users, 100 * (seed + 1) + part) for part in range(3))
    return Comparison(CLICKS, train, holdout, made if synthetic is None else synthetic, Effort())


def shuffled(units: UnitFrame, seed: int, *, inside_units: bool) -> UnitFrame:
    """The same items in another order: of each unit, or of all."""
    random = np.random.default_rng(seed)
    group = units.unit_of_row if inside_units else np.zeros(len(units.frame))
    order = np.lexsort((random.random(len(units.frame)), group))
    return replace(units, frame=units.frame.assign(item=units.frame["item"].to_numpy()[order]))


def test_a_recommender_counts_what_follows_and_falls_back_on_what_is_popular() -> None:
    # 0 was followed by 1 twice and by 2 once; 3 is popular, 4 was never seen.
    steps = Steps(np.arange(10), np.array([0, 1, 0, 1, 0, 2, 3, 3, 3, 3]), np.array([NONE, 0, 1, 0, 1, 0, *4 * [NONE]]))
    learned = Recommender.learned(steps, 5)
    assert learned.popular(9).tolist() == [3, 0, 1, 2]
    scores = BACK_OFF * np.array([0.3, 0.2, 0.1, 0.4]) + [0, 2, 1, 0]  # items 0 to 3 behind item 0
    assert learned.behind(0, 4).tolist() == np.argsort(-scores).tolist()
    assert learned.behind(0, 1).tolist() == [1]
    assert learned.behind(4, 2).tolist() == [3, 0]  # nothing is known behind it
    tested = Steps(np.arange(3), np.array([1, 3, 4]), np.array([0, 0, 4]))
    assert learned.hits(tested, 1).tolist() == [True, False, False]
    assert learned.popular_hits(tested, 1).tolist() == [False, True, False]


def test_the_best_of_a_catalogue_are_those_of_scoring_every_item() -> None:
    data = compared(0, 300)
    items, _ = pd.factorize(data.train.frame["item"].dropna(), sort=True)
    before = np.append(NONE, items[:-1])
    learned = Recommender.learned(Steps(np.arange(len(items)), items, before), ITEMS)
    for item in range(ITEMS):
        counts = np.bincount(items[before == item], minlength=ITEMS)
        best = np.argsort(-(counts + BACK_OFF * learned.shares), kind="stable")[:5]
        assert learned.behind(item, 5).tolist() == best.tolist()


def test_clean_histories_lose_nothing() -> None:
    scores = [task_score(compared(seed, 500), TASK, seed=seed) for seed in range(8)]
    assert sum(score.interval[0] <= 0 <= score.interval[1] for score in scores) >= 6
    assert abs(np.mean([score.value for score in scores])) < 0.01
    rates = scores[0].detail["hit_rates"]
    assert rates["real-trained"]["value"] > rates["popularity alone, of real records"]["value"] + 0.2


def test_copies_keep_the_hit_rate() -> None:
    data = compared(0, 500)
    score = task_score(replace(data, synthetic=data.train), TASK, seed=0)
    assert abs(score.value) < 1e-12


@pytest.mark.parametrize("inside_units", [True, False])
def test_shuffled_histories_lose_it(inside_units: bool) -> None:
    data = compared(0, 500)
    useless = replace(data, synthetic=shuffled(data.synthetic, 1, inside_units=inside_units))
    score = Thresholds().apply(task_score(useless, TASK, seed=0))
    assert score.interval[0] > 0.05
    assert score.passes is False
    rates = score.detail["hit_rates"]
    if not inside_units:  # no order, no taste: popularity is left
        popular = rates["popularity alone, of real records"]["value"]
        assert rates["synthetic-trained"]["value"] == pytest.approx(popular, abs=0.06)


def test_the_more_histories_are_shuffled_the_more_is_lost() -> None:
    data, losses = compared(0, 600), []
    for share in (0.0, 0.5, 1.0):
        spoiled = shuffled(data.synthetic, 1, inside_units=False).frame["item"].to_numpy()
        bad = np.random.default_rng(0).random(len(data.synthetic))[data.synthetic.unit_of_row] < share
        frame = data.synthetic.frame.assign(item=np.where(bad, spoiled, data.synthetic.frame["item"].to_numpy()))
        made = replace(data.synthetic, frame=frame.astype("str"))
        losses.append(task_score(replace(data, synthetic=made), TASK, seed=0).value)
    assert losses[0] < losses[1] < losses[2]


def test_the_interval_is_that_of_a_bootstrap_of_units() -> None:
    data = compared(0, 120)
    data = replace(data, synthetic=shuffled(data.synthetic, 1, inside_units=True))
    score = task_score(data, TASK, seed=0)
    random, drawn = np.random.default_rng(0), []
    for _ in range(60):
        units = random.integers(0, len(data.holdout), len(data.holdout))
        parts = [data.holdout.frame.iloc[data.holdout.offsets[u] : data.holdout.offsets[u + 1]] for u in units]
        names = np.repeat([f"{n:05d}" for n in range(len(units))], [len(part) for part in parts])
        again = by_unit(CLICKS, pd.concat(parts, ignore_index=True).assign(user=pd.Series(names, dtype="str")))
        drawn.append(task_score(replace(data, holdout=again), TASK, seed=0).value)
    half = (score.interval[1] - score.interval[0]) / 2
    assert 1.96 * np.std(drawn) == pytest.approx(half, rel=0.3)


def test_items_that_only_synthetic_histories_have_are_no_hits_and_no_error() -> None:
    data = compared(0, 300)
    made = replace(data.synthetic, frame=data.synthetic.frame.assign(item="made up"))
    rates = task_score(replace(data, synthetic=made), TASK, seed=0).detail["hit_rates"]
    assert rates["synthetic-trained"]["value"] == 0


def test_rows_without_an_item_are_passed_over() -> None:
    data = compared(0, 200)
    data = replace(data, synthetic=data.train)  # the caps then leave all rows of either side
    known = {
        part: by_unit(CLICKS, units.frame[units.frame["item"].notna()])
        for part, units in (("train", data.train), ("holdout", data.holdout), ("synthetic", data.synthetic))
    }
    rates = [next_item_score(given, TASK, seed=0).detail["hit_rates"] for given in (data, replace(data, **known))]
    assert rates[0] == rates[1]


def test_both_recommenders_learn_from_equally_many_rows() -> None:
    data = compared(0, 400)
    few = replace(data, synthetic=clicks(60, 5))
    assert task_score(few, TASK, seed=0).detail["training_rows"] == few.synthetic.rows
    capped = task_score(replace(data, effort=Effort(training_rows=50, task_rows=100, test_rows=70)), TASK, seed=0)
    assert capped.detail["training_rows"] == 100
    assert 0 < capped.detail["steps"] < 70


@pytest.mark.parametrize("lost", [1.0, 0.99])
def test_synthetic_histories_that_lost_their_items_lose_the_hit_rate(lost: float) -> None:
    data = compared(0, 300)
    gone = np.random.default_rng(0).random(data.synthetic.rows) < lost
    made = replace(data.synthetic, frame=data.synthetic.frame.assign(item=data.synthetic.frame["item"].mask(gone)))
    assert task_score(replace(data, synthetic=made), TASK, seed=0).interval[0] > 0.2


def test_what_always_hits_is_not_measured() -> None:
    with pytest.raises(
        NotMeasurable, match="has 40 values in the train part, and 40 are recommended, which always hit"
    ):
        task_score(compared(0, 100), replace(TASK, at=40), seed=0)


@pytest.mark.parametrize("part", ["train", "holdout"])
def test_units_of_one_item_have_no_next_one(part: str) -> None:
    data = compared(0, 100)
    first = by_unit(CLICKS, getattr(data, part).frame.dropna().drop_duplicates("user"))
    with pytest.raises(NotMeasurable, match=f"no unit of the {part} part has two values of 'item'"):
        task_score(replace(data, **{part: first}), TASK, seed=0)


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="target 'page' is not one of item"):
        task_score(compared(0, 100), replace(TASK, target="page"), seed=0)


def test_the_report_has_both_recommenders_beside_popularity() -> None:
    shown = panel(task_score(compared(0, 200), TASK, seed=0))
    (grid,) = shown.grids
    assert [row[0] for row in grid.rows] == ["real-trained", "synthetic-trained", "popularity alone, of real records"]
    assert grid.head[1] == "hit rate at 4"
    assert "among the 4 that are recommended, of 40 in all" in shown.notes[0]
