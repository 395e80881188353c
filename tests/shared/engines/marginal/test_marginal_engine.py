"""What the marginal engine promises: marginals that it measured, nothing that is excluded, tables that can be read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shared.access.marginals import Candidate, MarginalQuestion, PlainMarginals, counted
from shared.access.plain import PlainAccess
from shared.engines.encoded import Allowed, CodeExclusion, Given, Histories, Rows, Shape, flat
from shared.engines.marginal.config import MarginalConfig
from shared.engines.marginal.engine import MarginalEngine
from shared.engines.marginal.estimation import pairs
from shared.engines.rows import drawing
from shared.errors import ConditionError, ConfigurationError, DataError
from shared.training.reporter import SilentReporter

NAMES, SIZES = ("a", "b", "c", "d"), (3, 3, 4, 2)


class MarginalsAlone(PlainAccess):
    """A plain access of which nothing is asked but marginals."""

    def __init__(self) -> None:
        pass


def chain(n: int = 4000, seed: int = 0) -> Histories:
    """Each column depends on the one before it: a tree says it all."""
    random = np.random.default_rng(seed)
    a = random.choice(3, n, p=[0.6, 0.3, 0.1])
    b = np.where(random.random(n) < 0.8, a, random.integers(0, 3, n))
    c = np.where(random.random(n) < 0.7, b + 1, random.integers(0, 4, n))
    d = np.where(random.random(n) < 0.9, c % 2, 1 - c % 2)
    return flat(np.stack([a, b, c, d], axis=1).astype(np.int32), SIZES, NAMES)


def triangle(n: int = 4000) -> Histories:
    """The third column is the sum of two others modulo 2 but for noise, with a fourth that hangs on two of them."""
    random = np.random.default_rng(1)
    a, b = random.integers(0, 2, n), random.choice(2, n, p=[0.3, 0.7])
    c = np.where(random.random(n) < 0.8, a, b)
    d = np.where(random.random(n) < 0.5, a, b)
    return flat(np.stack([a, b, c, d], axis=1).astype(np.int32), (2, 2, 2, 2), NAMES)


def shape_of(data: Histories, rows_per_unit: tuple[float, ...] = (0.0, 1.0)) -> Shape:
    marginals = tuple(
        np.bincount(c, minlength=s).astype(float) for c, s in zip(data.rows.codes.T, data.rows.sizes, strict=True)
    )
    return Shape((), (), data.rows.names, marginals, np.array(rows_per_unit))


def learned(data: Histories, **settings: object) -> MarginalEngine:
    few = {"iterations": 300, **settings}
    engine = MarginalEngine.fresh(MarginalConfig.with_settings(few, private=False), shape_of(data), seed=0)
    engine.fit(data, MarginalsAlone(), seed=0, reporter=SilentReporter())
    return engine


def drawn(engine: MarginalEngine, n: int, **more) -> Histories:
    return Histories.joined(list(engine.sample(n, seed=3, **more)))


def distance(one: Histories, other: Histories, columns: tuple[int, ...]) -> float:
    """Total variation distance of a marginal."""
    shares = [counted(data.rows, MarginalQuestion(columns)) / len(data.rows) for data in (one, other)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


@pytest.fixture(scope="module")
def tree() -> MarginalEngine:
    return learned(chain())


def test_a_tree_gives_back_all_pairs_of_what_is_a_tree(tree):
    samples = drawn(tree, 20_000)
    assert max(distance(samples, chain(), pair) for pair in pairs(4)) < 0.03


def test_without_a_fit_columns_are_independent():
    data = chain()
    fresh = MarginalEngine.fresh(MarginalConfig(), shape_of(data), seed=0)
    samples = drawn(fresh, 20_000)
    assert max(distance(samples, data, (column,)) for column in range(4)) < 0.02
    assert distance(samples, data, (0, 1)) > 0.2


def test_aim_gives_back_pairs_that_no_tree_holds():
    data = triangle()
    errors = {
        algorithm: max(
            distance(drawn(learned(data, algorithm=algorithm, rounds=5), 20_000), data, pair) for pair in pairs(4)
        )
        for algorithm in ("mst", "aim")
    }
    assert errors["aim"] < 0.02 < errors["mst"]


def test_a_model_that_must_stay_small_ends_early():
    data = triangle(500)
    engine = learned(data, algorithm="aim", most_megabytes=1e-9)
    assert all(parents == () for _, parents in engine.state.chain)


def test_the_same_seed_gives_the_same_rows(tree):
    one, again = drawn(tree, 500), drawn(tree, 500)
    assert np.array_equal(one.rows.codes, again.rows.codes)
    other = Histories.joined(list(tree.sample(500, seed=4)))
    assert not np.array_equal(one.rows.codes, other.rows.codes)


def test_no_exclusion_is_broken_and_what_is_given_is_kept(tree):
    exclusion = CodeExclusion((("a", frozenset({0})), ("b", frozenset({0}))))
    given = Given({"d": Allowed.codes(np.ones(300, dtype=np.int32), 2)})
    codes = drawn(tree, 300, given=given, exclusions=[exclusion]).rows.codes
    assert (codes[:, 3] == 1).all()
    assert not ((codes[:, 0] == 0) & (codes[:, 1] == 0)).any()


def test_what_cannot_occur_is_told(tree, monkeypatch):
    monkeypatch.setattr(drawing, "CANDIDATES", 1000)
    never = CodeExclusion((("d", frozenset({1})),))
    with pytest.raises(ConditionError, match="unit 0"):
        drawn(tree, 5, given=Given({"d": Allowed.codes(np.ones(5, dtype=np.int32), 2)}), exclusions=[never])


def test_units_have_as_many_rows_as_were_counted():
    data = chain(600)
    none = Rows(np.zeros((300, 0), dtype=np.int32), (), ())
    twos = Histories(none, data.rows, np.arange(0, 601, 2))
    engine = MarginalEngine.fresh(MarginalConfig(), shape_of(twos, (0.0, 1.0, 3.0)), seed=0)
    assert np.bincount(drawn(engine, 4000).rows_per_unit) / 4000 == pytest.approx([0, 0.25, 0.75], abs=0.03)


def test_the_density_adds_up_to_one_over_all_rows(tree):
    every = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), axis=-1).reshape(-1, 4).astype(np.int32)
    assert np.exp(tree.log_density(flat(every, SIZES, NAMES))).sum() == pytest.approx(1.0, abs=1e-9)


def test_what_is_saved_is_what_is_loaded_and_needs_no_mbi(tree, tmp_path, monkeypatch):
    tree.save(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "mbi", None)
    again = MarginalEngine.load(tmp_path)
    assert again.state == tree.state
    assert np.array_equal(drawn(again, 200).rows.codes, drawn(tree, 200).rows.codes)


def test_without_mbi_a_fit_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mbi", None)
    with pytest.raises(ConfigurationError, match="its extra marginal"):
        learned(chain(50))


def test_a_damaged_folder_is_refused(tree, tmp_path):
    with pytest.raises(DataError, match="holds no marginal engine"):
        MarginalEngine.load(tmp_path)
    tree.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"chain": config["chain"][::-1]}))
    with pytest.raises(DataError, match="not drawn one after another"):
        MarginalEngine.load(tmp_path)
    tree.tables.of(0).mul_(2)
    tree.save(tmp_path)
    tree.tables.of(0).div_(2)
    with pytest.raises(DataError, match="do not add up to 1"):
        MarginalEngine.load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithm": "dualquery"}, "algorithm is 'dualquery'; it is mst or aim"),
        ({"rounds": -1}, "rounds is -1"),
        ({"most_megabytes": 0}, "most_megabytes is 0"),
        ({"iterations": 3}, "iterations is 3"),
        ({"depth": 3}, "its settings are algorithm, rounds"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        MarginalConfig.with_settings(settings, private=False)


def test_too_few_rounds_for_a_tree_are_refused():
    with pytest.raises(ConfigurationError, match="rounds is 2, but 4 code columns need 3; declare rounds: 3"):
        learned(chain(50), rounds=2)


def test_a_plain_selection_takes_what_is_most_wrong_less_its_penalty():
    data = chain(100)
    right, wrong = counted(data.rows, MarginalQuestion((0, 1))), np.zeros((4, 2))
    first = Candidate(MarginalQuestion((0, 1)), right)
    second = Candidate(MarginalQuestion((2, 3)), wrong)
    assert PlainMarginals().select(data, [first, second]) == 1
    spared = Candidate(MarginalQuestion((2, 3)), wrong, penalty=200.0)
    assert PlainMarginals().select(data, [first, spared]) == 0


def test_a_marginal_too_large_to_hold_is_refused():
    data = flat(np.zeros((2, 2), dtype=np.int32), (1 << 13, 1 << 13), ("x", "y"))
    with pytest.raises(DataError, match="fewer codes"):
        counted(data.rows, MarginalQuestion((0, 1)))
