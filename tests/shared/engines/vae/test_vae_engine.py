"""What the VAE engine learns, gives back and keeps."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from shared.engines.encoded import Allowed, CodeExclusion, Given, Histories, Rows, Shape, flat
from shared.engines.vae.config import VaeConfig
from shared.engines.vae.engine import VaeEngine
from shared.errors import ConditionError, ConfigurationError, DataError, SchemaError
from shared.training.checkpoints import Checkpoints
from shared.training.reporter import SilentReporter

SETTINGS = VaeConfig(latent=4, hidden=32, prior_hidden=16, mixture=4, epochs=25, batch_units=128, learning_rate=1e-2)
SHORT = dataclasses.replace(SETTINGS, epochs=1, least_steps=12)


@pytest.fixture(scope="module")
def fitted(row_shape, row_access, mixed_positions):
    """``fitted(data, settings, seed)``: an engine that has learned."""

    def build(data, settings=SETTINGS, seed=0, checkpoints=None, killed_at=None):
        engine = VaeEngine.fresh(
            settings, row_shape(data, mixed_positions if len(data.rows.names) == 3 else (), empty_units=True), seed=seed
        )
        access = row_access(data, killed_at)
        engine.summary = engine.fit(data, access, seed=seed, reporter=SilentReporter(), checkpoints=checkpoints)
        return engine

    return build


@pytest.fixture(scope="module")
def engine(fitted, mixed_rows):
    return fitted(mixed_rows)


@pytest.fixture(scope="module")
def grouped_engine(fitted, several_rows):
    return fitted(several_rows, dataclasses.replace(SETTINGS, epochs=8))


def _sampled(engine, n, seed=0, **more) -> Histories:
    return Histories.joined(list(engine.sample(n, seed=seed, **more)))


def test_categories_keep_their_shares_and_their_dependence(engine, mixed_rows):
    made = _sampled(engine, 4000).rows.codes
    shares = [np.bincount(rows[:, 0], minlength=3) / len(rows) for rows in (made, mixed_rows.rows.codes)]
    assert np.abs(shares[0] - shares[1]).max() < 0.04
    assert (made[:, 0] == made[:, 1]).mean() > 0.9


def test_a_number_keeps_its_peaks_and_their_dependence(engine):
    made = _sampled(engine, 4000).rows.codes
    for a, peak in enumerate([6, 20, 34]):
        near = np.abs(made[made[:, 0] == a, 2] - peak) <= 5
        assert near.mean() > 0.85
    valley = np.isin(made[:, 2], [12, 13, 14, 26, 27, 28]).mean()
    assert valley < 0.03


def test_latents_are_active_and_their_number_is_reported(engine):
    assert engine.active_latents(seed=0) >= 2
    assert engine.summary.curves["active latents"][0][1] >= 2


def test_free_nats_keep_the_posterior_from_collapsing(fitted, mixed_rows, caplog):
    """Costly latents collapse without them, which is said aloud, and do not with them."""
    costly = dataclasses.replace(SETTINGS, beta=4.0, epochs=8)
    assert fitted(mixed_rows, dataclasses.replace(costly, free_nats=0.0)).active_latents(seed=0) == 0
    assert "no latent of the VAE is active" in caplog.text
    assert fitted(mixed_rows, dataclasses.replace(costly, free_nats=3.0)).active_latents(seed=0) > 0


def test_the_same_seed_gives_the_same_and_another_seed_gives_other(fitted, mixed_rows):
    first, again, other = (fitted(mixed_rows, SHORT, seed) for seed in (1, 1, 2))
    assert np.array_equal(_sampled(first, 300).rows.codes, _sampled(again, 300).rows.codes)
    assert not np.array_equal(_sampled(first, 300).rows.codes, _sampled(other, 300).rows.codes)
    assert not np.array_equal(_sampled(first, 300, seed=1).rows.codes, _sampled(first, 300, seed=2).rows.codes)


def test_a_killed_fit_that_goes_on_ends_with_the_same_weights(fitted, mixed_rows, killed, tmp_path):
    unbroken = fitted(mixed_rows, SHORT)
    with pytest.raises(killed):
        fitted(mixed_rows, SHORT, checkpoints=Checkpoints(tmp_path, seconds=0), killed_at=7)
    resumed = fitted(mixed_rows, SHORT, checkpoints=Checkpoints(tmp_path, seconds=0))
    for left, right in zip(unbroken.network.parameters(), resumed.network.parameters(), strict=True):
        assert np.array_equal(left.detach().numpy(), right.detach().numpy())


def test_exclusions_are_never_broken(engine):
    """Of columns in either order, and of one column alone."""
    exclusions = (
        CodeExclusion((("a", frozenset({0})), ("x", frozenset(range(0, 7))))),
        CodeExclusion((("b", frozenset({2})),)),
    )
    made = _sampled(engine, 2000, exclusions=exclusions).rows.codes
    assert not ((made[:, 0] == 0) & (made[:, 2] < 7)).any()
    assert not (made[:, 1] == 2).any()


def test_exclusions_that_leave_nothing_are_an_error(engine, monkeypatch):
    monkeypatch.setattr("shared.engines.rows.drawing.CANDIDATES", 5_000)
    with pytest.raises(DataError, match="rows break the exclusions in every one of"):
        _sampled(engine, 10, exclusions=(CodeExclusion((("a", frozenset({0, 1, 2})),)),))
    with pytest.raises(SchemaError, match="an exclusion names the code column 'z'"):
        _sampled(engine, 10, exclusions=(CodeExclusion((("z", frozenset({0})),)),))


def test_what_is_given_is_kept_and_the_rest_follows_it(engine):
    """Of 200 rows the second half is given another value than the first."""
    which = np.repeat([0, 1], 100)
    given = Given({"a": Allowed(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), which)})
    made = _sampled(engine, 200, given=given).rows.codes
    assert np.array_equal(made[:, 0], np.repeat([1, 2], 100))
    assert (np.abs(made[:100, 2] - 20) <= 5).mean() > 0.8
    assert (np.abs(made[100:, 2] - 34) <= 5).mean() > 0.8


def test_what_cannot_be_drawn_is_an_error_that_names_the_unit(engine, monkeypatch):
    monkeypatch.setattr("shared.engines.rows.drawing.CANDIDATES", 5_000)
    shares = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    given = Given({"a": Allowed(shares, np.array([0, 0, 1, 0]))})
    with pytest.raises(ConditionError, match="what is given of unit 2 was not drawn") as caught:
        _sampled(engine, 4, given=given)
    assert caught.value.unit == 2


def test_units_have_the_numbers_of_rows_that_were_learned(grouped_engine):
    made = _sampled(grouped_engine, 4000)
    assert np.abs(np.bincount(made.rows_per_unit) / 4000 - [0.2, 0.2, 0.4, 0.2]).max() < 0.03


def test_a_given_number_of_rows_is_kept(grouped_engine):
    counts = np.array([3, 0, 1, 2])
    made = _sampled(grouped_engine, 4, given=Given({"a": Allowed(np.array([[0.0, 1.0, 1.0]]))}, counts))
    assert np.array_equal(made.rows_per_unit, counts)
    assert (made.rows.codes[:, 0] > 0).all()


def test_numbers_of_rows_depend_on_what_is_given_of_all_of_them(grouped_engine):
    """A value that six rows of ten have makes units of three rows 0.6² times rarer beside those of one."""
    made = _sampled(grouped_engine, 3000, given=Given({"a": Allowed(np.array([[1.0, 0.0, 0.0]]))}))
    shares = np.array([0.2, 0.2 * 0.6, 0.4 * 0.36, 0.2 * 0.216])
    assert np.abs(np.bincount(made.rows_per_unit) / 3000 - shares / shares.sum()).max() < 0.05


def test_an_exclusion_can_concern_all_but_the_last_row(grouped_engine):
    made = _sampled(grouped_engine, 500, exclusions=(CodeExclusion((("a", frozenset({0})),), last_row=False),))
    last = np.zeros(len(made.rows), dtype=bool)
    last[made.offsets[1:][made.rows_per_unit > 0] - 1] = True
    assert (made.rows.codes[~last, 0] != 0).all()
    assert (made.rows.codes[last, 0] == 0).any()


def test_the_density_is_that_of_the_sample(fitted):
    """Of one column alone the densities of its codes add up to one, in the mean of many estimates."""
    codes = np.random.default_rng(0).choice(3, size=1000, p=[0.5, 0.3, 0.2])[:, None].astype(np.int32)
    one = fitted(flat(codes, (3,), ("a",)), dataclasses.replace(SHORT, least_steps=60), 0)
    each = np.repeat(np.arange(3, dtype=np.int32), 300)[:, None]
    density = np.exp(one.log_density(flat(each, (3,), ("a",)))).reshape(3, 300).mean(axis=1)
    assert density.sum() == pytest.approx(1, abs=0.03)
    made = np.bincount(_sampled(one, 20_000).rows.codes[:, 0], minlength=3) / 20_000
    assert np.abs(density - made).max() < 0.03


def test_the_density_of_a_unit_covers_its_rows_and_their_number(grouped_engine, several_rows):
    density = grouped_engine.log_density(several_rows)
    assert density[several_rows.rows_per_unit == 0] == pytest.approx(np.log(0.2))
    wrong = several_rows.rows.codes.copy()
    wrong[:, 1] = (wrong[:, 1] + 1) % 3
    rows = Rows(wrong, several_rows.rows.sizes, several_rows.rows.names)
    other = grouped_engine.log_density(Histories(several_rows.units, rows, several_rows.offsets))
    has = several_rows.rows_per_unit > 0
    assert density[has].mean() > other[has].mean() + 2


def test_latents_of_a_row_decode_to_it(engine, mixed_rows):
    some = mixed_rows.take(np.arange(500))
    latents = engine.encode(some)
    assert latents.shape == (500, 4)
    made = engine.decode(latents, seed=0).rows.codes
    assert (made[:, 0] == some.rows.codes[:, 0]).mean() > 0.9
    with pytest.raises(DataError, match="give \\(rows, 4\\)"):
        engine.decode(latents[:, :2], seed=0)


def test_interpolation_leads_from_one_row_to_the_other(engine, mixed_rows):
    codes = mixed_rows.rows.codes
    low, high = (mixed_rows.take(np.flatnonzero(codes[:, 0] == a)[:150]) for a in (0, 2))
    first, _, last = engine.interpolate(low, high, [0.0, 0.5, 1.0], seed=0)
    assert (first.rows.codes[:, 0] == 0).mean() > 0.9
    assert (last.rows.codes[:, 0] == 2).mean() > 0.8
    with pytest.raises(DataError, match="give as many of both"):
        engine.interpolate(low, mixed_rows, [0.5], seed=0)


def test_augmented_rows_are_like_those_given(engine, mixed_rows):
    """The wider the posterior, the less so."""
    some = mixed_rows.take(np.arange(600))
    near, far = (engine.augment(some, seed=0, spread=spread).rows.codes for spread in (1.0, 4.0))
    changed = [(made != some.rows.codes).any(axis=1).mean() for made in (near, far)]
    assert 0 < changed[0] < changed[1]
    assert np.abs(far[:, 2] - some.rows.codes[:, 2]).mean() < 5


def test_augmented_rows_keep_a_share_of_their_columns(engine, mixed_rows):
    some = mixed_rows.take(np.arange(600))
    every, third = (engine.augment(some, seed=0, share=share, spread=6.0).rows.codes for share in (1.0, 0.3))
    assert (third == some.rows.codes).mean() > (every == some.rows.codes).mean()
    with pytest.raises(DataError, match="share is 2"):
        engine.augment(some, seed=0, share=2)
    with pytest.raises(DataError, match="spread is -1"):
        engine.augment(some, seed=0, spread=-1)


def test_augmented_rows_keep_exclusions(engine, mixed_rows):
    free = mixed_rows.take(np.flatnonzero(mixed_rows.rows.codes[:, 2] > 8)[:300])
    exclusion = CodeExclusion((("x", frozenset(range(9))),))
    made = engine.augment(free, seed=0, share=0.9, exclusions=(exclusion,)).rows.codes
    assert (made[:, 2] > 8).all()


def test_a_saved_engine_is_the_same(engine, tmp_path):
    engine.save(tmp_path)
    loaded = VaeEngine.load(tmp_path)
    assert loaded.state == engine.state
    assert np.array_equal(_sampled(loaded, 200).rows.codes, _sampled(engine, 200).rows.codes)


def test_a_damaged_folder_is_refused(engine, tmp_path):
    with pytest.raises(DataError, match="holds no vae engine"):
        VaeEngine.load(tmp_path)
    engine.save(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    for change, message in [({"format": 99}, "engine format 99"), ({"network": None}, "holds no vae engine")]:
        (tmp_path / "config.json").write_text(json.dumps({**content, **change}))
        with pytest.raises(DataError, match=message):
            VaeEngine.load(tmp_path)
    content["network"]["latent"] = 5
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="do not fit config.json"):
        VaeEngine.load(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match="is damaged"):
        VaeEngine.load(tmp_path)


def test_columns_of_units_are_refused(row_shape, mixed_rows):
    codes = np.zeros((len(mixed_rows), 1), dtype=np.int32)
    data = Histories(Rows(codes, (2,), ("sex",)), mixed_rows.rows, mixed_rows.offsets)
    with pytest.raises(ConfigurationError, match="columns of their own \\(sex\\)"):
        VaeEngine.fresh(SETTINGS, row_shape(data), seed=0)
    with pytest.raises(ConfigurationError, match="lie below those of another"):
        VaeEngine.fresh(SETTINGS, row_shape(mixed_rows, given_units=True), seed=0)


def test_codes_of_another_codec_are_refused(engine):
    other = flat(np.zeros((5, 1), dtype=np.int32), (2,), ("z",))
    with pytest.raises(DataError, match="the engine learned a, b, x"):
        engine.encode(other)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latent": 0}, "latent is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"beta": 0.0}, "beta is 0"),
        ({"free_nats": -1.0}, "free_nats is -1"),
        ({"colour": 1}, "its settings are latent"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        VaeConfig.with_settings(settings, private=False)


def test_validation_of_a_private_run_is_refused():
    with pytest.raises(ConfigurationError, match="validation is"):
        VaeConfig.with_settings({"validation": 0.1}, private=True)


def test_a_shape_without_positions_has_categories_alone(mixed_rows, row_shape):
    shape: Shape = row_shape(mixed_rows)
    assert shape.row_positions == ()
    assert VaeEngine.fresh(SETTINGS, shape, seed=0).state.network.smooth == (False, False, False)
