"""What the GAN engine learns, gives back and keeps."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from shared.engines.encoded import Allowed, CodeExclusion, Given, Histories, Rows, flat
from shared.engines.gan.config import GanConfig
from shared.engines.gan.engine import GanEngine
from shared.errors import ConditionError, ConfigurationError, DataError
from shared.training.checkpoints import Checkpoints
from shared.training.reporter import SilentReporter

SMALL = {"hidden": 64, "noise": 16, "condition": 16, "batch_units": 128, "generator_batch": 128, "epochs": 1}
SETTINGS = GanConfig(
    **SMALL, least_steps=250, pack=2, critic_steps=1, critic_rate=4e-3, learning_rate=3e-3, averaging=(0.1, 0.03)
)
SLOWER = GanConfig(**SMALL, least_steps=500, pack=2)
SHORT = dataclasses.replace(SETTINGS, least_steps=8)


@pytest.fixture(scope="module")
def fitted(row_shape, row_access):
    """``fitted(data, positions, settings, seed)``: an engine that has learned."""

    def build(data, positions=(), settings=SETTINGS, seed=0, checkpoints=None, killed_at=None):
        engine = GanEngine.fresh(settings, row_shape(data, positions, empty_units=True), seed=seed)
        engine.fit(data, row_access(data, killed_at), seed=seed, reporter=SilentReporter(), checkpoints=checkpoints)
        return engine

    return build


@pytest.fixture(scope="module")
def engine(fitted, mixed_rows, mixed_positions):
    return fitted(mixed_rows, mixed_positions)


def _sampled(engine, n, seed=0, **more) -> Histories:
    return Histories.joined(list(engine.sample(n, seed=seed, **more)))


def _codes(engine, n, seed=0, **more):
    return _sampled(engine, n, seed, **more).rows.codes


def test_all_of_25_modes_are_found_and_none_is_starved(fitted):
    """A grid of normals (Srivastava et al. 2017, arXiv:1705.07761, section 4.1), 60 codes to an axis."""
    random = np.random.default_rng(0)
    centres = np.array([6, 18, 30, 42, 54])
    cells = random.integers(0, 5, (4000, 2))
    codes = np.clip(np.rint(centres[cells] + random.normal(0, 1.0, (4000, 2))), 0, 59).astype(np.int32)
    grid = flat(codes, (60, 60), ("x", "y"))
    made = _codes(fitted(grid, (np.arange(60.0),) * 2, SLOWER), 5000)
    near = np.abs(made[:, :, None] - centres).argmin(axis=2)
    within = (np.abs(made - centres[near]) <= 3).all(axis=1)
    counts = np.bincount(near[within, 0] * 5 + near[within, 1], minlength=25)
    assert within.mean() > 0.9
    assert counts.min() / 5000 > (1 / 25) / 3


def test_columns_keep_their_shares_and_their_dependence(engine, mixed_rows):
    made = _codes(engine, 4000)
    shares = [np.bincount(rows[:, 0], minlength=3) / len(rows) for rows in (made, mixed_rows.rows.codes)]
    assert np.abs(shares[0] - shares[1]).max() < 0.06
    assert (made[:, 0] == made[:, 1]).mean() > 0.85
    for a, peak in enumerate([6, 20, 34]):
        assert (np.abs(made[made[:, 0] == a, 2] - peak) <= 5).mean() > 0.8


def test_rare_categories_are_learned_with_what_goes_with_them(fitted):
    """Three rows of a hundred have the rare code, and always the second code of the other column with it."""
    random = np.random.default_rng(0)
    rare = random.random(3000) < 0.03
    other = np.where(rare, 1, random.choice([0, 2], 3000))
    data = flat(np.stack([rare, other], axis=1).astype(np.int32), (2, 3), ("rare", "other"))
    made = _codes(fitted(data), 5000)
    assert 0.015 < made[:, 0].mean() < 0.06
    assert (made[made[:, 0] == 1, 1] == 1).mean() > 0.7
    assert (made[made[:, 0] == 0, 1] == 1).mean() < 0.03


def test_missing_numbers_are_a_mode_of_their_own(fitted):
    """Missing goes with the first category; numbers with the second."""
    random = np.random.default_rng(0)
    a = random.integers(0, 2, 2000)
    x = np.where(a == 0, 30, np.clip(np.rint(random.normal(15, 2, 2000)), 0, 29)).astype(np.int64)
    data = flat(np.stack([a, x], axis=1).astype(np.int32), (2, 31), ("a", "x"))
    made = _codes(fitted(data, (None, np.append(np.arange(30.0), np.nan))), 2000)
    assert ((made[:, 1] == 30) == (made[:, 0] == 0)).mean() > 0.9


def test_wide_categories_take_no_large_one_hot(fitted):
    random = np.random.default_rng(0)
    a = random.integers(0, 500, 1000)
    data = flat(np.stack([a, a % 2], axis=1).astype(np.int32), (500, 2), ("a", "b"))
    engine = fitted(data, settings=SHORT)
    assert engine.state.network.seen < 40
    assert len(np.unique(_codes(engine, 2000)[:, 0])) > 300


def test_the_same_seed_gives_the_same_and_another_seed_gives_other(fitted, mixed_rows):
    first, again, other = (fitted(mixed_rows, settings=SHORT, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(_codes(first, 300), _codes(again, 300))
    assert not np.array_equal(_codes(first, 300), _codes(other, 300))
    assert not np.array_equal(_codes(first, 300, seed=1), _codes(first, 300, seed=2))


@pytest.mark.parametrize("killed_at", [5, 10])
def test_a_killed_fit_that_goes_on_ends_with_the_same_weights(fitted, mixed_rows, killed, killed_at, tmp_path):
    """Killed before a step of the critic, or of the generator."""
    unbroken = fitted(mixed_rows, settings=SHORT)
    with pytest.raises(killed):
        fitted(mixed_rows, settings=SHORT, checkpoints=Checkpoints(tmp_path, seconds=0), killed_at=killed_at)
    resumed = fitted(mixed_rows, settings=SHORT, checkpoints=Checkpoints(tmp_path, seconds=0))
    for left, right in zip(unbroken.networks.parameters(), resumed.networks.parameters(), strict=True):
        assert np.array_equal(left.detach().numpy(), right.detach().numpy())


def test_exclusions_are_never_broken(engine):
    exclusion = CodeExclusion((("a", frozenset({0})), ("x", frozenset(range(0, 7)))))
    made = _codes(engine, 1000, exclusions=(exclusion,))
    assert not ((made[:, 0] == 0) & (made[:, 2] < 7)).any()


def test_what_is_given_is_kept_and_the_rest_follows_it(engine):
    made = _codes(engine, 300, given=Given({"a": Allowed(np.array([[0.0, 1.0, 0.0]]))}))
    assert (made[:, 0] == 1).all()
    assert (np.abs(made[:, 2] - 20) <= 5).mean() > 0.75


def test_what_cannot_be_drawn_is_an_error(engine, monkeypatch):
    monkeypatch.setattr("shared.engines.rows.drawing.CANDIDATES", 5_000)
    with pytest.raises(ConditionError, match="what is given of unit 0 was not drawn"):
        _codes(engine, 4, given=Given({"a": Allowed(np.zeros((1, 3)))}))


def test_units_have_the_numbers_of_rows_that_were_learned(fitted, several_rows):
    made = _sampled(fitted(several_rows, settings=SHORT), 4000)
    assert np.abs(np.bincount(made.rows_per_unit) / 4000 - [0.2, 0.2, 0.4, 0.2]).max() < 0.03


def test_a_saved_engine_is_the_same(engine, tmp_path):
    engine.save(tmp_path)
    loaded = GanEngine.load(tmp_path)
    assert loaded.state == engine.state
    assert np.array_equal(_codes(loaded, 200), _codes(engine, 200))


def test_a_damaged_folder_is_refused(engine, tmp_path):
    with pytest.raises(DataError, match="holds no gan engine"):
        GanEngine.load(tmp_path)
    engine.save(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    changes = [
        ({"format": 99}, "engine format 99"),
        ({"network": None}, "holds no gan engine"),
        ({"marginals": content["marginals"][:2]}, "differ in size"),
        ({"network": {**content["network"], "seen": 3}}, "differ in size"),
        ({"network": {**content["network"], "hidden": 65}}, "do not fit config.json"),
    ]
    for change, message in changes:
        (tmp_path / "config.json").write_text(json.dumps({**content, **change}))
        with pytest.raises(DataError, match=message):
            GanEngine.load(tmp_path)


def test_columns_of_units_are_refused(row_shape, mixed_rows):
    codes = np.zeros((len(mixed_rows), 1), dtype=np.int32)
    data = Histories(Rows(codes, (2,), ("sex",)), mixed_rows.rows, mixed_rows.offsets)
    with pytest.raises(ConfigurationError, match="columns of their own \\(sex\\)"):
        GanEngine.fresh(SETTINGS, row_shape(data), seed=0)


@pytest.mark.parametrize(
    ("settings", "private", "message"),
    [
        ({"pack": 0}, False, "pack is 0"),
        ({"temperature": 0.0}, False, "temperature is 0"),
        ({"boost": 0.5}, False, "boost is 0.5"),
        ({"spectral": True}, False, "use one of them"),
        ({"penalty": 0.0}, False, "use one of them"),
        ({"colour": 1}, False, "its settings are noise"),
        ({"pack": 4}, True, "a private run needs 1"),
        ({"penalty": 10.0}, True, "a private run needs 0"),
        ({"boost": 3.0}, True, "a private run needs 1"),
        ({"spectral": False}, True, "a private run needs True"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, private, message):
    with pytest.raises(ConfigurationError, match=message):
        GanConfig.with_settings(settings, private=private)
