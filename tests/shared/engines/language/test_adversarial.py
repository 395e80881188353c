"""SeqGAN: a generator that goes on from maximum likelihood against a discriminator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_models import PROMPTS, TEXTS, StepsAlone

from shared.engines.language.adversarial import AdversarialConfig, AdversarialEngine, _Game
from shared.engines.language.config import LanguageConfig
from shared.engines.language.engine import LanguageEngine
from shared.errors import ConfigurationError
from shared.training.checkpoints import Checkpoints
from shared.training.reporter import SilentReporter


def pair(*, epochs: float = 2, seed: int = 0, **against) -> AdversarialEngine:
    settings = {"network": "lstm", "hidden": 24, "embedding": 12, "layers": 1, "most_tokens": 64, "batch_units": 4}
    config = LanguageConfig.with_settings({**settings, "epochs": epochs, "learning_rate": 3e-2}, private=False)
    small = {"steps": 4, "rollouts": 2, "points": 3, "most_new": 16, **against}
    return AdversarialEngine.opposed(config, AdversarialConfig.with_settings(small, private=False), seed=seed)


def fitted(engine, *, access=None, checkpoints=None, seed=5):
    data = engine.encoded(PROMPTS, TEXTS)
    access = StepsAlone(len(data)) if access is None else access
    return engine.fit(data, access, seed=seed, reporter=SilentReporter(), checkpoints=checkpoints)


def test_both_sides_move_and_each_has_a_curve():
    engine = pair()
    before = [p.detach().clone() for p in engine.discriminator.parameters()]
    summary = fitted(engine)
    assert {"loss", "discriminator loss", "generator loss"} <= set(summary.curves)
    assert all(not torch.equal(a, b) for a, b in zip(before, engine.discriminator.parameters(), strict=True))
    alone = LanguageEngine.fresh(engine.state.settings, seed=0)
    fitted(alone)
    moved = zip(alone.network.parameters(), engine.network.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in moved)


def test_the_discriminator_learns_to_tell_real_from_written():
    curve = dict(fitted(pair(epochs=0.1, steps=40, generator_every=100, discriminator_rate=3e-2)).curves)
    losses = [value for _, value in curve["discriminator loss"]]
    assert losses[-1] < 0.5 * losses[0]


def test_the_generator_follows_a_reward():
    """A discriminator that likes one letter, set by hand, teaches the generator to write it."""
    engine = pair(epochs=0.1, steps=60, generator_every=1, generator_rate=3e-2, discriminator_rate=1e-9, points=4)
    liked = ord("z")
    judge = engine.discriminator
    judge.hidden = lambda tokens: torch.cumsum((tokens == liked).float(), dim=1)[:, :, None]
    judge.logits = lambda hidden: 0.5 * hidden - 2
    data = engine.encoded(PROMPTS, TEXTS)

    def share() -> float:
        written = np.concatenate([b.tokens for b in engine.sample(4, seed=2, given=data)])
        return float((written == liked).mean())

    with torch.no_grad():
        engine.network.head.bias[engine.tokeniser.end] = -3.0
    game = _Game(engine, data, torch.Generator())
    optimiser = torch.optim.Adam(engine.network.parameters(), lr=3e-2)
    before = share()
    for step in range(40):
        game._random.manual_seed(step)
        optimiser.zero_grad()
        game.written(np.arange(4)).values.mean().backward()
        optimiser.step()
    assert share() > before + 0.2


def test_a_token_is_rewarded_by_the_next_point():
    game = _Game(pair(points=4), pair().encoded(PROMPTS, TEXTS), torch.Generator())
    assert game._point_of_token([8, 2], 8)[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert game._point_of_token([1], 1).tolist() == [[0]]


def test_a_killed_fit_goes_on_to_the_same_weights(tmp_path):
    whole = pair()
    fitted(whole)

    class Killed(StepsAlone):
        steps = 0

        def step(self, phase, units):
            self.steps += 1
            if self.steps > 5:
                raise KeyboardInterrupt
            return super().step(phase, units)

    with pytest.raises(KeyboardInterrupt):
        fitted(pair(), access=Killed(4), checkpoints=Checkpoints(tmp_path, seconds=0))
    resumed = pair()
    fitted(resumed, checkpoints=Checkpoints(tmp_path))
    assert all(torch.equal(a, b) for a, b in zip(whole.network.parameters(), resumed.network.parameters(), strict=True))


def test_the_generator_is_kept_as_a_language_engine(tmp_path):
    engine = pair()
    fitted(engine)
    engine.save(tmp_path)
    data = engine.encoded(PROMPTS, TEXTS)
    assert np.array_equal(LanguageEngine.load(tmp_path).log_density(data), engine.log_density(data))
    with pytest.raises(ConfigurationError, match="load the generator"):
        AdversarialEngine.load(tmp_path)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigurationError, match="a private run pays for one"):
        AdversarialConfig.with_settings({}, private=True)
    with pytest.raises(ConfigurationError, match="rollouts is 0"):
        AdversarialConfig(rollouts=0)
    with pytest.raises(ConfigurationError, match="its settings are steps"):
        AdversarialConfig.with_settings({"colour": 1}, private=False)
    with pytest.raises(ConfigurationError, match="its generator is an lstm"):
        AdversarialEngine.opposed(LanguageConfig(), AdversarialConfig(), seed=0)
