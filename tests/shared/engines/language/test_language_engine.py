"""What an engine of text promises, for every network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import PROMPTS, TEXTS, StepsAlone, save_llama

from shared.engines.encoded import Texts
from shared.engines.language.config import LanguageConfig
from shared.engines.language.engine import LanguageEngine
from shared.engines.language.generation import Decoding
from shared.errors import ConfigurationError, DataError, TrainingDiverged
from shared.training.checkpoints import Checkpoints
from shared.training.reporter import SilentReporter

NETWORKS = ("lstm", "transformer", "pretrained")
GREEDY = Decoding(temperature=0, most_new=20)


def learned(engine: LanguageEngine, *, checkpoints: Checkpoints | None = None, seed: int = 5) -> LanguageEngine:
    data = engine.encoded(PROMPTS, TEXTS)
    engine.fit(data, StepsAlone(len(data)), seed=seed, reporter=SilentReporter(), checkpoints=checkpoints)
    return engine


def greedy(engine: LanguageEngine, prompts: list[str]) -> list[str]:
    given = engine.encoded(prompts, [""] * len(prompts))
    return [t for b in engine.sample(len(given), seed=1, given=given, decoding=GREEDY) for t in engine.decoded(b)]


def weights(engine: LanguageEngine) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in engine.network.learned.state_dict().items()}


def test_text_follows_its_prompt_once_it_is_learned(engine_of):
    engine = engine_of("transformer", epochs=50, learning_rate=1e-2)
    before = greedy(engine, PROMPTS)
    assert greedy(learned(engine), PROMPTS) == TEXTS
    assert before != TEXTS


@pytest.mark.parametrize(
    ("network", "share", "settings"),
    [
        ("lstm", 0.7, {"learning_rate": 3e-2, "layers": 1, "forwards": 1}),
        ("transformer", 0.7, {"learning_rate": 1e-2}),
        # Adapters hardly move a base whose weights are random: it has nothing to offer.
        ("pretrained", 0.95, {"learning_rate": 3e-2}),
        ("pretrained", 0.7, {"learning_rate": 1e-2, "rank": 0}),
    ],
)
def test_what_was_learned_is_much_more_probable_than_before(engine_of, network, share, settings):
    engine = engine_of(network, epochs=20, **settings)
    data = engine.encoded(PROMPTS, TEXTS)
    before = engine.log_density(data).mean()
    assert learned(engine).log_density(data).mean() > share * before


@pytest.mark.parametrize("network", NETWORKS)
def test_generation_with_a_cache_and_padded_prompts_is_that_of_whole_texts(engine_of, network):
    engine = engine_of(network, seed=3)
    given = engine.encoded(["a", "a longer prompt", "abc"], [""] * 3)
    (batch,) = engine.sample(3, seed=1, given=given, decoding=GREEDY)
    for text in range(3):
        tokens = torch.from_numpy(batch.ids(text).astype(np.int64))[None]
        logits = engine.network.logits(engine.network.hidden(tokens))[0]
        start = int(batch.prompts[text])
        assert logits[start - 1 : -1].argmax(1).tolist() == tokens[0, start:].tolist()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_density_sums_to_one_over_all_next_tokens(engine_of, network):
    engine = engine_of(network)
    prompt = engine.prompt("ab")
    size = engine.tokeniser.size
    every = Texts.of([prompt] * size, [[token] for token in range(size)], size)
    assert np.exp(engine.log_density(every)).sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_saved_is_what_is_loaded(engine_of, network, tmp_path, llama):
    engine = learned(engine_of(network, epochs=3))
    engine.save(tmp_path / "saved")
    again = LanguageEngine.load(tmp_path / "saved", models=llama.parent)
    data = engine.encoded(PROMPTS, TEXTS)
    assert np.array_equal(again.log_density(data), engine.log_density(data))
    assert greedy(again, PROMPTS) == greedy(engine, PROMPTS)
    assert str(llama.parent) not in (tmp_path / "saved" / "config.json").read_text()


def test_a_public_tokeniser_goes_with_the_engine(engine_of, tmp_path, llama):
    engine = learned(engine_of("transformer", tokeniser=str(llama), epochs=2))
    engine.save(tmp_path)
    assert LanguageEngine.load(tmp_path).tokeniser.encode("I like red") == engine.tokeniser.encode("I like red")


def test_adapters_alone_are_trained_and_saved(engine_of, tmp_path):
    engine = engine_of("pretrained", epochs=3)
    frozen = {k: v.clone() for k, v in engine.network.model.state_dict().items() if "lora" not in k}
    before = weights(engine)
    learned(engine).save(tmp_path)
    after = weights(engine)
    assert all("lora" in name for name in after)
    assert all(not torch.equal(before[name], after[name]) for name in after)
    assert all(torch.equal(v, frozen[k]) for k, v in engine.network.model.state_dict().items() if "lora" not in k)
    assert (tmp_path / "weights.safetensors").stat().st_size < 60_000


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_seed_gives_the_same_bytes_and_leaves_torchs_state_alone(engine_of, network):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, two = learned(engine_of(network, epochs=2)), learned(engine_of(network, epochs=2))
    assert all(torch.equal(weights(one)[name], value) for name, value in weights(two).items())
    other = learned(engine_of(network, epochs=2, seed=9), seed=9)
    assert any(not torch.equal(weights(one)[name], value) for name, value in weights(other).items())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_killed_fit_goes_on_to_the_same_weights(engine_of, network, tmp_path):
    settings = {"epochs": 6, "averaging": (0.5, 0.1)}
    whole = weights(learned(engine_of(network, **settings)))

    class Killed(StepsAlone):
        steps = 0

        def step(self, phase, units):
            self.steps += 1
            if self.steps > 3:
                raise KeyboardInterrupt
            return super().step(phase, units)

    engine = engine_of(network, **settings)
    data = engine.encoded(PROMPTS, TEXTS)
    checkpoints = Checkpoints(tmp_path, seconds=0)
    with pytest.raises(KeyboardInterrupt):
        engine.fit(data, Killed(len(data)), seed=5, reporter=SilentReporter(), checkpoints=checkpoints)
    resumed = weights(learned(engine_of(network, **settings), checkpoints=Checkpoints(tmp_path)))
    assert all(torch.equal(whole[name], value) for name, value in resumed.items())


def test_losses_count_what_follows_the_prompt_alone(engine_of):
    engine = engine_of("transformer", loss="sum", forwards=1)
    data = engine.encoded(["a", "b"], ["xyz", ""])
    losses = engine._losses(data)(np.array([0, 1])).values
    assert losses.detach().numpy() == pytest.approx(-engine.log_density(data), rel=1e-5)
    mean = engine_of("transformer", loss="mean", forwards=1)
    assert float(mean._losses(data)(np.array([0])).values[0].detach()) == pytest.approx(
        float(losses[0].detach()) / 4, rel=1e-5
    )


def test_several_passes_give_the_losses_of_one(engine_of):
    one, four = engine_of("lstm", forwards=1), engine_of("lstm", forwards=4)
    data = one.encoded(["a", "bb", "c", "dd", "e"], ["x", "long text", "xy", "another", "z"])
    drawn = np.array([4, 0, 3, 1])
    assert four._losses(data)(drawn).values.tolist() == pytest.approx(
        one._losses(data)(drawn).values.tolist(), rel=1e-5
    )


def test_an_example_is_a_unit_with_all_its_texts(engine_of):
    engine = engine_of("transformer")
    data = engine.encoded(list("abcde"), list("vwxyz"), groups=np.array([0, 2, 2, 5]))
    assert data.examples == 3
    losses = engine._losses(data)(np.array([2, 1, 0]))
    assert losses.unit_of_row.tolist() == [0, 0, 0, 2, 2]
    single = engine._losses(replace(data, groups=None))(np.array([2, 3, 4, 0, 1])).values
    assert losses.values.tolist() == pytest.approx(single.tolist(), rel=1e-5)
    assert len(engine._losses(data)(np.array([1])).values) == 0


def test_sampling_depends_on_its_seed_alone(engine_of):
    engine = engine_of("lstm")
    given = engine.encoded(["a"] * 40, [""] * 40)
    decoding = Decoding(most_new=5)

    def tokens(seed: int) -> list[int]:
        return np.concatenate([b.tokens for b in engine.sample(40, seed=seed, given=given, decoding=decoding)]).tolist()

    assert tokens(1) == tokens(1) != tokens(2)


def test_a_base_of_other_content_is_refused(engine_of, tmp_path, llama):
    learned(engine_of("pretrained", epochs=1)).save(tmp_path / "saved")
    save_llama(tmp_path / "other" / llama.name, seed=1)
    with pytest.raises(DataError, match="is not the model that"):
        LanguageEngine.load(tmp_path / "saved", models=tmp_path / "other")
    with pytest.raises(DataError, match="say in which folder"):
        LanguageEngine.load(tmp_path / "saved")


def test_broken_folders_are_refused(engine_of, tmp_path):
    engine = engine_of("lstm")
    with pytest.raises(DataError, match="holds no language engine"):
        LanguageEngine.load(tmp_path)
    engine.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "format": 99}))
    with pytest.raises(DataError, match="format 99"):
        LanguageEngine.load(tmp_path)
    config["settings"]["hidden"] = 64
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="do not fit"):
        LanguageEngine.load(tmp_path)


def test_texts_of_another_tokeniser_are_refused(engine_of):
    engine = engine_of("lstm")
    with pytest.raises(DataError, match="tokeniser of 9 tokens"):
        engine.log_density(Texts.of([[1]], [[2]], 9))
    with pytest.raises(DataError, match="give one for each"):
        next(engine.sample(3, seed=1, given=engine.encoded(["a"], [""])))


def test_a_training_that_leaves_the_numbers_says_so(engine_of):
    engine = engine_of("transformer", epochs=2)
    with torch.no_grad():
        engine.network.head.weight.fill_(float("nan"))
    with pytest.raises(TrainingDiverged):
        learned(engine)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"network": "rnn"}, "lstm, transformer, pretrained"),
        ({"network": "pretrained"}, "needs the folder"),
        ({"network": "lstm", "base": "somewhere"}, "no other has one"),
        ({"hidden": 30}, "multiple of heads"),
        ({"epochs": 0}, "must be positive"),
        ({"most_tokens": 1}, "need 2 or more"),
        ({"rank": -1}, "rank is -1"),
        ({"colour": 3}, "its settings are network"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, wanted):
    with pytest.raises(ConfigurationError, match=wanted):
        LanguageConfig.with_settings(settings, private=False)


def test_a_private_run_reads_a_batch_in_one_pass():
    assert LanguageConfig.with_settings({}, private=True).forwards == 1
    with pytest.raises(ConfigurationError, match="need one pass"):
        LanguageConfig.with_settings({"forwards": 2}, private=True)
    with pytest.raises(ConfigurationError, match="nobody paid for"):
        LanguageConfig.with_settings({"validation": 0.1}, private=True)


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no tokeniser file"):
        LanguageEngine.fresh(LanguageConfig(network="pretrained", base=str(tmp_path)), seed=0)
