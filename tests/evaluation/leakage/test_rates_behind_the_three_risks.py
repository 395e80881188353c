"""What stands behind a risk: targets, controls, naive rates and the level of the interval, against known answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.leakage.inference import inference
from evaluation.leakage.linkability import halves, linkability
from evaluation.leakage.risk import Attack, draw_targets, measured, risk_score
from evaluation.leakage.singling_out import singling_out
from evaluation.statistics import relative_excess
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit

UNITS = 600
Z95 = 1.959964


def part(columns: Mapping[str, np.ndarray], *, start: int = 0, rows: int = 1) -> UnitFrame:
    """Units of ``rows`` rows each, named by number from ``start`` on; columns named ``n…`` are whole numbers."""
    length = len(next(iter(columns.values())))
    frame = {"id": pd.Series([f"{start + row // rows:06d}" for row in range(length)], dtype="str")}
    kinds = {name: "integer" if name.startswith("n") else "categorical" for name in columns}
    for name, values in columns.items():
        frame[name] = pd.Series(values).astype("Int64" if kinds[name] == "integer" else "str")
    table = Table(
        name="known",
        columns=(Column(name="id", kind="identifier"), *(Column(name=n, kind=kind) for n, kind in kinds.items())),
        unit="id",
    )
    return by_unit(table, pd.DataFrame(frame))


def compared(draw, seed: int = 0) -> Comparison:
    """Three independent parts whose columns ``draw(random)`` gives."""
    parts = [part(draw(np.random.default_rng([seed, place])), start=UNITS * place) for place in range(3)]
    return Comparison(parts[0].table, *parts)


def coins(share: float) -> np.ndarray:
    """One success or failure of each of ``UNITS`` units."""
    return (np.arange(UNITS) < share * UNITS).astype(float)


def test_a_score_is_that_of_the_attack_whose_lower_limit_is_highest_at_the_declared_level() -> None:
    """The larger risk is the less certain one: of few units that were left to find."""
    sure, vague = (
        Attack("sure", coins(0.10), coins(0.0), coins(0.02)),
        Attack("vague", coins(0.95), coins(0.94), coins(0.9)),
    )
    score = risk_score("singling out", [vague, sure], more=1)
    # 5 % over three risks of twenty releases, halved for two sides and halved again for the better of two attacks.
    value, interval = relative_excess(0.10, 0.0, UNITS, z=3.5293)
    assert score.detail["attacks"]["vague"]["risk"] > value
    assert (score.detail["attack"], score.value, score.detail["more"]) == ("sure", value, 1)
    assert score.interval == pytest.approx(interval, abs=1e-4)
    alone = risk_score("singling out", [sure])
    assert alone.interval == pytest.approx(relative_excess(0.10, 0.0, UNITS, z=3.3413)[1], abs=1e-4)
    assert (score.baseline, score.better, score.gate_on) == (0.0, "lower", "lower")
    shown = score.detail["attacks"]["sure"]
    assert (shown["rate"], shown["control"], shown["naive"]) == pytest.approx((0.10, 0.0, 0.02))


@pytest.mark.parametrize(("rate", "control"), [(0.02, 0.0), (0.05, 0.03), (0.3, 0.3), (0.9, 0.1), (1.0, 0.0)])
def test_units_that_are_found_or_not_are_as_many_coins(rate: float, control: float) -> None:
    found = measured(coins(rate), coins(control), coins(0.0), 3.0)
    assert found["interval"] == pytest.approx(relative_excess(rate, control, UNITS, z=3.0)[1], abs=1e-9)


def test_what_is_found_in_the_control_beyond_train_counts_against_a_risk() -> None:
    found = measured(coins(0.1), coins(0.4), coins(0.0), Z95)
    assert found["risk"] == pytest.approx((0.1 - 0.4) / 0.6)
    assert found["interval"][1] < 0


@pytest.mark.parametrize(("attempts", "rate"), [(1, 0.3), (4, 0.3), (4, 0.8)])
def test_intervals_of_shares_of_several_attempts_cover_as_often_as_those_of_one(attempts: int, rate: float) -> None:
    random = np.random.default_rng(0)
    covered, draws, control = 0, 600, 0.3
    for _ in range(draws):
        hits, luck = (random.binomial(attempts, chance, size=500) / attempts for chance in (rate, control))
        low, high = measured(hits, luck, luck, Z95)["interval"]
        covered += low <= (rate - control) / (1 - control) <= high
    assert 0.92 <= covered / draws <= 0.98


def test_targets_are_units_at_random_with_rows_of_their_own_and_equally_many_of_both_parts() -> None:
    random = np.random.default_rng(0)
    train, holdout, synthetic = (
        part({"place": random.integers(0, 9, 3 * units)}, start=1000 * place, rows=3)
        for place, units in enumerate((200, 120, 40))
    )
    data = Comparison(train.table, train, holdout, synthetic)
    few = draw_targets(data, 50, seed=0, consumer="some")
    whole = draw_targets(data, 500, seed=0, consumer="some", rows_of_unit=2)
    assert {name: found.units for name, found in few.items()} == {"train": 50, "holdout": 50}
    assert {name: found.units for name, found in whole.items()} == {"train": 120, "holdout": 120}
    for name in ("train", "holdout"):
        names = data.part(name).frame["id"].to_numpy()[few[name].rows]
        assert len(names) == 150
        assert [len(set(names[few[name].unit == unit])) for unit in range(50)] == [1] * 50
        assert len(set(names)) == 50
        assert len(set(names) & set(data.part(name).units[:50])) < 40
        assert np.bincount(whole[name].unit).tolist() == [2] * 120
        assert len(set(few[name].rows)) == 150
        assert np.bincount(whole[name].rows % 3, minlength=3).min() > 50


def test_copies_that_stand_first_or_last_count_as_much_when_only_some_units_are_attacked() -> None:
    data = compared(lambda random: {f"n{place}": random.integers(0, 10**6, UNITS) for place in range(4)})
    for copied in (np.arange(120), np.arange(UNITS - 120, UNITS)):
        units = data.train.take(copied)
        frame = pd.concat([units.frame, data.synthetic.take(np.arange(120, UNITS)).frame], ignore_index=True)
        leaked = replace(data, synthetic=by_unit(data.table, frame))
        some = replace(leaked, effort=Effort(attacked_units=200, linked_units=200, inferred_units=200))
        for measure in (singling_out, linkability, inference):
            assert measure(some, seed=1).value == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize(
    ("train", "holdout", "synthetic", "rate", "control"),
    [(1, 0, 1, 1, 0), (0, 1, 1, 0, 1), (2, 1, 1, 0, 1), (1, 3, 1, 1, 0), (1, 1, 2, 0, 0), (1, 1, 0, 0, 0)],
)
def test_a_unit_is_singled_out_by_what_one_synthetic_unit_has_and_nobody_else(
    train: int, holdout: int, synthetic: int, rate: int, control: int
) -> None:
    """So many units of each part have the one rare value."""
    parts = [
        part({"place": np.where(np.arange(UNITS) < rare, "rare", "common")}, start=UNITS * place)
        for place, rare in enumerate((train, holdout, synthetic))
    ]
    found = singling_out(Comparison(parts[0].table, *parts), seed=0).detail["attacks"]["one column"]
    assert (found["rate"] * UNITS, found["control"] * UNITS) == pytest.approx((rate, control))


@pytest.mark.parametrize("measure", [linkability, inference])
def test_rows_that_equal_a_synthetic_one_by_luck_find_it_beyond_the_searched_sample_in_either_part(measure) -> None:
    def draw(random: np.random.Generator) -> dict[str, np.ndarray]:
        return dict(zip("abc", random.integers(0, 8, size=(3, UNITS)), strict=True))

    found = [
        attack
        for seed in range(4)
        for attack in measure(replace(compared(draw, seed), effort=Effort(references=60)), seed=seed)
        .detail["attacks"]
        .values()
    ]
    assert np.mean([attack["rate"] - attack["control"] for attack in found]) == pytest.approx(0.0, abs=0.02)


def test_naive_singling_out_by_one_column_draws_from_all_that_occur() -> None:
    """All values differ, and a third are the holdout's: a drawn third hits a third of it, the synthetic ones none."""
    values = np.random.default_rng(0).permutation(3 * UNITS)
    parts = [part({"place": some}, start=1000 * place) for place, some in enumerate(np.split(values, 3))]
    attack = singling_out(Comparison(parts[0].table, *parts), seed=0).detail["attacks"]["one column"]
    assert (attack["rate"], attack["control"]) == (0.0, 0.0)
    assert attack["naive"] == pytest.approx(1 / 3, abs=0.06)


@pytest.mark.parametrize("tied", [False, True])
def test_naive_singling_out_by_several_columns_loses_what_ties_them_together(tied: bool) -> None:
    def draw(random: np.random.Generator) -> dict[str, np.ndarray]:
        first = random.integers(0, 500 if tied else 25, UNITS)
        return {"first": first, "second": (7 * first) % 500 if tied else random.integers(0, 25, UNITS)}

    attack = singling_out(compared(draw), seed=0).detail["attacks"]["several columns"]
    assert attack["control"] > 0.1
    assert attack["naive"] == pytest.approx(0.0 if tied else attack["control"], abs=0.06)


def test_halves_are_dealt_in_turns_from_the_columns_that_tell_most_rows_apart() -> None:
    def draw(random: np.random.Generator) -> dict[str, np.ndarray]:
        return {f"v{values}": random.integers(0, values, UNITS) for values in (8, 2, 64, 3, 16, 32)}

    data = compared(draw)
    dealt = [[data.names[column] for column in half] for half in halves(data.records)]
    assert dealt == [["v64", "v8", "v3"], ["v32", "v16", "v2"]]


@pytest.mark.parametrize("tied", [False, True])
def test_naive_linking_takes_the_other_half_of_somebody_else(tied: bool) -> None:
    def draw(random: np.random.Generator) -> dict[str, np.ndarray]:
        first, second = random.integers(0, 10**6, size=(2, UNITS))
        return {"n0": first, "n1": 3 * first if tied else second}

    attack = linkability(compared(draw), seed=0).detail["attacks"]["10 nearest rows"]
    assert attack["control"] > (0.9 if tied else 0.1)
    assert attack["naive"] == pytest.approx((20 if tied else 10 * 10) / UNITS, abs=0.02 if tied else 0.06)


def test_naive_inference_guesses_the_value_of_any_synthetic_row() -> None:
    def draw(random: np.random.Generator) -> dict[str, np.ndarray]:
        first = random.choice(4, UNITS, p=[0.4, 0.3, 0.2, 0.1])
        return {"first": first, "second": first}

    attack = inference(compared(draw), seed=0).detail["attacks"]["all guesses"]
    assert (attack["rate"], attack["control"]) == (1.0, 1.0)
    assert attack["naive"] == pytest.approx(0.4**2 + 0.3**2 + 0.2**2 + 0.1**2, abs=0.05)


def test_a_unit_is_singled_out_that_alone_lies_beyond_all_synthetic_numbers() -> None:
    body = np.arange(UNITS) % 10 + 10
    parts = [
        part({"n0": np.concatenate([edges, body[len(edges) :]])}, start=UNITS * place)
        for place, edges in enumerate([[5, 25, 25], [5, 5, 30], [8, 22]])
    ]
    found = singling_out(Comparison(parts[0].table, *parts), seed=0).detail["attacks"]["one column"]
    assert (found["rate"] * UNITS, found["control"] * UNITS) == pytest.approx((1, 1))


def test_nobody_is_linked_by_rows_of_which_more_are_as_near_than_are_looked_at() -> None:
    data = compared(lambda random: dict(zip("ab", random.integers(0, 2, size=(2, UNITS)), strict=True)))
    for attack in linkability(data, seed=0).detail["attacks"].values():
        assert (attack["rate"], attack["control"]) == (0.0, 0.0)


def test_what_nothing_tells_of_is_inferred_as_often_as_by_chance() -> None:
    data = compared(lambda random: dict(zip("abc", random.choice(3, size=(3, UNITS), p=[0.5, 0.3, 0.2]), strict=True)))
    attack = inference(data, seed=0).detail["attacks"]["all guesses"]
    for who in ("rate", "control", "naive"):
        assert attack[who] == pytest.approx(0.5**2 + 0.3**2 + 0.2**2, abs=0.06)
    for found in attack["columns"].values():
        assert found["interval"] == pytest.approx(relative_excess(found["rate"], found["control"], UNITS, z=Z95)[1])


def test_numbers_are_guessed_right_within_five_percent_of_the_rows_and_two_percent_of_guesses_are_sure() -> None:
    apart = compared(lambda random: dict(zip(("n0", "n1"), random.integers(0, 10**6, size=(2, UNITS)), strict=True)))
    assert inference(apart, seed=0).detail["attacks"]["all guesses"]["control"] == pytest.approx(0.05, abs=0.02)

    def tied(random: np.random.Generator) -> dict[str, np.ndarray]:
        first = random.integers(0, 10**6, UNITS)
        return {"n0": first, "n1": 3 * first}

    attacks = inference(compared(tied), seed=0).detail["attacks"]
    assert attacks["all guesses"]["control"] > 0.98
    assert attacks["surest guesses"]["control"] == pytest.approx(0.02, abs=0.014)


def test_of_a_unit_of_several_rows_the_row_that_is_known_best_is_guessed() -> None:
    """Every second row of train is a synthetic row; the others are strangers to it, as the rows of the holdout are."""
    random = np.random.default_rng(0)
    names = [f"n{place}" for place in range(4)]
    rows = [dict(zip(names, random.integers(0, 10**6, size=(4, 2 * UNITS)), strict=True)) for _ in range(2)]
    copies = part({name: values[1::2] for name, values in rows[0].items()}, start=4 * UNITS)
    train, holdout = (part(values, start=UNITS * place, rows=2) for place, values in enumerate(rows))
    attack = inference(Comparison(train.table, train, holdout, copies), seed=0).detail["attacks"]["all guesses"]
    assert attack["rate"] > 0.95
    assert attack["control"] < 0.1
