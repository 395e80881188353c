"""The adversarial baseline of the literature: SeqGAN (Yu et al. 2017, arXiv:1609.05473).

An LSTM writes, a recurrent discriminator says how real a text is, and the writer follows the policy gradient of that
reward; prefixes are judged by rollouts. It begins from maximum likelihood. It is here to be compared with: texts that
please a discriminator lose variety, and their likelihood falls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from shared.access.contract import Access, BatchPlan, Phase, RowLosses
from shared.engines.contract import FitSummary
from shared.engines.encoded import Texts
from shared.engines.language.batches import batch_of, token_losses
from shared.engines.language.config import LanguageConfig
from shared.engines.language.engine import LanguageEngine
from shared.engines.language.generation import Decoding, generate
from shared.engines.language.networks import LstmNetwork, reset, unborn
from shared.engines.settings import configured
from shared.errors import ConfigurationError
from shared.randomness import torch_generator
from shared.training.checkpoints import Checkpoints
from shared.training.loop import Part, TrainingConfig, train
from shared.training.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig:
    """Settings of the adversarial training, after that by maximum likelihood.

    For ``steps`` steps the discriminator learns, and each ``generator_every``-th the generator. A text is judged at
    ``points`` prefixes, each the mean of ``rollouts`` completions, and a token is rewarded by the next of them.
    """

    steps: int = 100
    generator_every: int = 2
    rollouts: int = 2
    points: int = 4
    most_new: int = 120
    generator_rate: float = 1e-4
    discriminator_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("steps", "generator_every", "rollouts", "points", "most_new"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"adversarial: {name} is {getattr(self, name)}; it must be at least 1")

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> AdversarialConfig:
        """The defaults, changed by ``settings``. A private run is refused: its steps are paid for one training."""
        if private:
            raise ConfigurationError(
                "adversarial: it learns in two trainings, both of records, and a private run pays for one; use another"
            )
        return configured(cls, "adversarial", settings)


class AdversarialEngine(LanguageEngine):
    """A language engine whose LSTM goes on from maximum likelihood against a discriminator.

    What it saves is its generator alone, which :class:`LanguageEngine` loads.
    """

    against: AdversarialConfig
    discriminator: LstmNetwork

    @classmethod
    def opposed(cls, settings: LanguageConfig, against: AdversarialConfig, *, seed: int, device: str = "cpu") -> Self:
        """An untrained pair; the discriminator is as wide as the generator."""
        if settings.network != "lstm":
            raise ConfigurationError(f"adversarial: network is {settings.network}; its generator is an lstm")
        engine = cls.fresh(settings, seed=seed, device=device)
        with unborn():
            judge = LstmNetwork(
                engine.tokeniser.size,
                embedding=settings.embedding,
                hidden=settings.hidden,
                layers=1,
                most_tokens=settings.most_tokens,
                outputs=1,
            )
        engine.against = against
        engine.discriminator = reset(judge, torch_generator(seed, "discriminator")).to(engine.device)
        return engine

    def fit(
        self,
        data: Texts,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
    ) -> FitSummary:
        """Maximum likelihood first, then the adversarial steps; each has a checkpoint of its own."""
        first = super().fit(
            data,
            access,
            seed=seed,
            reporter=reporter,
            checkpoints=None if checkpoints is None else checkpoints.of("likelihood"),
        )
        randomness = torch_generator(seed, "adversary", device=self.device.type)
        game = _Game(self, data, randomness)
        rates = (self.against.discriminator_rate, self.against.generator_rate)
        judging, writing = (TrainingConfig(learning_rate=rate, warm_up=0.1, final_fraction=0.1) for rate in rates)
        self.network.train()
        trained = train(
            [
                Part(phase=Phase(self.discriminator, game.judged), config=judging, name="discriminator loss"),
                Part(
                    phase=Phase(self.network, game.written),
                    config=writing,
                    every=self.against.generator_every,
                    name="generator loss",
                ),
            ],
            access,
            plan=BatchPlan(batch_units=min(self.state.settings.batch_units, access.units), steps=self.against.steps),
            units=data.examples,
            seed=seed,
            reporter=reporter,
            name="adversarial training",
            randomness=randomness,
            checkpoints=None if checkpoints is None else checkpoints.of("adversarial"),
        )
        self.network.eval()
        return FitSummary(first.steps + trained.steps, first.parameters, {**first.curves, **trained.curves})

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", models: Path | None = None) -> Self:
        """Refused: what is saved is a generator, which :meth:`LanguageEngine.load` reads."""
        del device, models
        raise ConfigurationError(f"{folder}: an adversary is not kept; load the generator as a language engine")


class _Game:
    """The losses of both sides, drawn from one randomness."""

    def __init__(self, engine: AdversarialEngine, data: Texts, randomness: torch.Generator) -> None:
        self._engine = engine
        self._data = data
        self._random = randomness

    def judged(self, drawn: NDArray[np.int64]) -> RowLosses:
        """The discriminator's: real texts are real, and texts written for the same prompts are not."""
        which, places = self._data.of_examples(drawn)
        prompts = self._prompts(which)
        real = self._scores(self._data, which)
        made = Texts.of(prompts, self._completed(prompts, [[] for _ in prompts]), self._data.size)
        fake = self._scores(made, np.arange(len(made)))
        losses = F.binary_cross_entropy_with_logits(real, torch.ones_like(real), reduction="none")
        losses = losses + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake), reduction="none")
        return RowLosses(losses / 2, torch.from_numpy(places))

    def written(self, drawn: NDArray[np.int64]) -> RowLosses:
        """The generator's: minus the log probability of each token times its advantage, mean over a text's tokens.

        The reward is the discriminator's probability; that of the mean text of the batch at the same point is taken
        off, which leaves the gradient's mean as it is and makes it vary less (Williams 1992).
        """
        which, places = self._data.of_examples(drawn)
        prompts = self._prompts(which)
        texts = self._completed(prompts, [[] for _ in prompts])
        batch = batch_of(Texts.of(prompts, texts, self._data.size), np.arange(len(prompts)), self._engine.device)
        rewards = self._rewards(prompts, texts)
        advantages = rewards - rewards.mean(0, keepdim=True)
        at = self._point_of_token([len(text) for text in texts], batch.present.shape[1])
        values = token_losses(self._engine.network, batch) * advantages.gather(1, at)
        return RowLosses(values.sum(1) / batch.present.sum(1).clamp(min=1), torch.from_numpy(places))

    def _prompts(self, which: NDArray[np.int64]) -> list[list[int]]:
        return [self._data.ids(int(text))[: self._data.prompts[text]].tolist() for text in which]

    def _completed(self, prompts: Sequence[Sequence[int]], begun: Sequence[Sequence[int]]) -> list[list[int]]:
        """Texts that go on from what is begun; those that have ended stay as they are."""
        engine = self._engine
        end = engine.tokeniser.end
        open_ = [i for i, text in enumerate(begun) if not (text and text[-1] == end)]
        went = generate(
            engine.network,
            [[*prompts[i], *begun[i]] for i in open_],
            end=end,
            decoding=Decoding(most_new=engine.against.most_new),
            generator=self._random,
            device=engine.device,
        )
        whole = [list(text) for text in begun]
        for i, more in zip(open_, went, strict=True):
            whole[i] += more
        return whole

    def _scores(self, texts: Texts, which: NDArray[np.int64]) -> Tensor:
        """The discriminator's logits after the last token of each text, shape ``(texts,)``."""
        batch = batch_of(texts, which, self._engine.device)
        judge = self._engine.discriminator
        last = torch.from_numpy(np.maximum(texts.lengths[which] - 1, 0)).to(self._engine.device)
        return judge.logits(judge.hidden(batch.tokens)[torch.arange(len(which)), last])[:, 0]

    def _rewards(self, prompts: Sequence[Sequence[int]], texts: Sequence[Sequence[int]]) -> Tensor:
        """How real each text looks after each of its points, shape ``(texts, points)``."""
        against, size = self._engine.against, self._data.size
        columns = []
        with torch.no_grad():
            for point in range(against.points):
                cuts = [_cut(len(text), point, against.points) for text in texts]
                begun = [list(text[:cut]) for text, cut in zip(texts, cuts, strict=True)]
                times = 1 if point == against.points - 1 else against.rollouts
                whole = self._completed(list(prompts) * times, begun * times) if times > 1 else begun
                made = Texts.of(list(prompts) * times, whole, size)
                chances = torch.sigmoid(self._scores(made, np.arange(len(made))))
                columns.append(chances.view(times, len(texts)).mean(0))
        return torch.stack(columns, dim=1)

    def _point_of_token(self, lengths: Sequence[int], most: int) -> Tensor:
        """The point that rewards each token, shape ``(texts, most)``: the first at or after it."""
        points = self._engine.against.points
        found = np.zeros((len(lengths), most), dtype=np.int64)
        for row, length in enumerate(lengths):
            cuts = [_cut(length, point, points) for point in range(points)]
            found[row] = np.minimum(np.searchsorted(cuts, np.arange(1, most + 1)), points - 1)
        return torch.from_numpy(found).to(self._engine.device)


def _cut(length: int, point: int, points: int) -> int:
    """How many tokens of a text a point looks at; the last looks at all."""
    return max(1, round(length * (point + 1) / points))
