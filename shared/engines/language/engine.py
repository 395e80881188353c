"""The language engine: text given structured fields, from a causal network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from shared.access.contract import Access, BatchPlan, Phase, RowLosses
from shared.devices import device_named
from shared.engines import storing
from shared.engines.contract import FitSummary
from shared.engines.encoded import Texts
from shared.engines.language.batches import text_losses
from shared.engines.language.config import LanguageConfig
from shared.engines.language.generation import Constraint, Decoding, generate
from shared.engines.language.networks import CausalNetwork, LstmNetwork, TransformerNetwork, reset, unborn
from shared.engines.language.pretrained import end_of, fingerprint, pretrained
from shared.engines.language.tokenisers import BYTES, FILE, Tokeniser, tokeniser_from
from shared.errors import ConfigurationError, DataError
from shared.randomness import torch_generator
from shared.training.checkpoints import Checkpoints
from shared.training.loop import Part, train
from shared.training.reporter import Reporter

FORMAT = 1
BATCH_TEXTS = 32  # generated, or scored, at once


@dataclass(frozen=True, kw_only=True)
class LanguageState:
    """What is saved beside the weights: plain values. ``base`` names a pretrained model by the hash of its content."""

    format: int
    settings: LanguageConfig
    vocabulary: int
    end: int
    base: str = ""


class LanguageEngine:
    """Learns texts given their prompts. Build one with :meth:`fresh`, or :meth:`load` it."""

    def __init__(
        self, state: LanguageState, network: CausalNetwork, tokeniser: Tokeniser, device: torch.device
    ) -> None:
        self.state = state
        self.network = network.to(device)
        self.tokeniser = tokeniser
        self.device = device

    @classmethod
    def fresh(cls, settings: LanguageConfig, *, seed: int, device: str = "cpu") -> Self:
        """An engine that has learned nothing from records: from scratch, or the pretrained base itself."""
        tokeniser = _tokeniser(settings)
        network = _network(settings, tokeniser.size, torch_generator(seed, "weights"))
        base = fingerprint(Path(settings.base)) if settings.base else ""
        # Folders of this machine are no part of what is learned: a base is known by its content.
        kept = replace(settings, base=Path(settings.base).name) if settings.base else settings
        if settings.tokeniser != BYTES:
            kept = replace(kept, tokeniser=FILE)
        state = LanguageState(format=FORMAT, settings=kept, vocabulary=tokeniser.size, end=tokeniser.end, base=base)
        return cls(state, network.eval(), tokeniser, device_named(device))

    def encoded(
        self,
        prompts: Sequence[str],
        texts: Sequence[str],
        *,
        rows: NDArray[np.int64] | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> Texts:
        """Prompts and what follows them as token ids, each text with its end; what is too long is cut at its end."""
        most = self.network.most_tokens
        heads = [self.prompt(prompt) for prompt in prompts]
        bodies = [[*self.tokeniser.encode(text), self.tokeniser.end] for text in texts]
        cut = [body[: most - len(head)] for head, body in zip(heads, bodies, strict=True)]
        return Texts.of(heads, cut, self.tokeniser.size, rows=rows, groups=groups)

    def prompt(self, prompt: str) -> list[int]:
        """A prompt as token ids: never empty, with room for a text, its end kept if it is too long."""
        ids = [self.tokeniser.end, *self.tokeniser.encode(prompt)]
        return ids[-max(1, self.network.most_tokens // 2) :]

    def decoded(self, texts: Texts) -> list[str]:
        """What was written after each prompt."""
        return [self.tokeniser.decode(texts.written(text).tolist()) for text in range(len(texts))]

    def fit(
        self,
        data: Texts,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
    ) -> FitSummary:
        """Learn from ``data`` through ``access``; see the contract. A text's loss counts what follows its prompt."""
        settings = self.state.settings
        self._check(data)
        batch = min(settings.batch_units, access.units)
        preferred = BatchPlan(batch_units=batch, steps=max(1, math.ceil(settings.epochs * access.units / batch)))
        plan = access.plan(preferred)
        self.network.train()
        phase = Phase(self.network.learned, self._losses(data))
        trained = train(
            [Part(phase=phase, config=settings.training)],
            access,
            plan=plan,
            units=data.examples,
            seed=seed,
            reporter=reporter,
            checkpoints=checkpoints,
            validation=settings.early_stopping,
        )
        self.network.eval()
        learned = sum(p.numel() for p in self.network.learned.parameters() if p.requires_grad)
        return FitSummary(trained.steps, learned, trained.curves)

    def _losses(self, data: Texts) -> Callable[[NDArray[np.int64]], RowLosses]:
        settings = self.state.settings

        def losses(drawn: NDArray[np.int64]) -> RowLosses:
            which, places = data.of_examples(drawn)
            values = text_losses(
                self.network,
                data,
                which,
                mean=settings.loss == "mean",
                forwards=settings.forwards,
                device=self.device,
            )
            return RowLosses(values, torch.from_numpy(places).to(self.device))

        return losses

    def _check(self, data: Texts) -> None:
        if data.size != self.tokeniser.size:
            raise DataError(
                f"texts of a tokeniser of {data.size} tokens, and the engine's has {self.tokeniser.size}; encode "
                "them with the engine's own"
            )

    def sample(
        self,
        n: int,
        *,
        seed: int,
        given: Texts,
        decoding: Decoding | None = None,
        constraint: Callable[[int], Constraint] | None = None,
    ) -> Iterator[Texts]:
        """One text for each of ``n`` given prompts, in their order, as a stream of batches.

        What ``given`` holds after its prompts is not looked at. A ``constraint`` is made for each text, by its place.
        """
        self._check(given)
        if n != len(given):
            raise DataError(f"{n} texts were asked for, with {len(given)} prompts; give one for each")
        decoding = Decoding(most_new=self.network.most_tokens) if decoding is None else decoding
        most = int(given.prompts.max(initial=0)) + decoding.most_new
        if constraint is not None and n and constraint(0).bounded and most > self.network.most_tokens:
            raise ConfigurationError(
                f"most_tokens is {self.network.most_tokens}, and a text of a declared form with its prompt may need "
                f"{most}; give an engine that many, or a smaller form"
            )
        for start in range(0, n, BATCH_TEXTS):
            which = range(start, min(start + BATCH_TEXTS, n))
            prompts = [given.ids(text)[: given.prompts[text]].tolist() for text in which]
            written = generate(
                self.network,
                prompts,
                end=self.tokeniser.end,
                decoding=decoding,
                generator=torch_generator(seed, "texts", start, device=self.device.type),
                device=self.device,
                constraints=None if constraint is None else [constraint(text) for text in which],
            )
            yield Texts.of(prompts, written, given.size, rows=given.rows[start : start + len(which)])

    def log_density(self, data: Texts) -> NDArray[np.float64]:
        """Natural log of the probability of each text given its prompt, its end included, shape ``(texts,)``."""
        self._check(data)
        densities = np.zeros(len(data))
        order = np.argsort(data.lengths, kind="stable")
        with torch.no_grad():
            for start in range(0, len(data), BATCH_TEXTS):
                which = order[start : start + BATCH_TEXTS]
                losses = text_losses(self.network, data, which, mean=False, forwards=1, device=self.device)
                densities[which] = -losses.double().cpu().numpy()
        return densities

    def save(self, folder: Path) -> None:
        """Write ``config.json``, ``weights.safetensors`` (of adapters, they alone) and a public tokeniser's file."""
        storing.save(folder, self.state, self.network.learned)
        if not self.state.base:
            self.tokeniser.save(folder)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", models: Path | None = None) -> Self:
        """Read what :meth:`save` wrote. ``DataError`` if it is not that.

        A pretrained base is looked for in the folder ``models``, by its name, and must have the content it had.
        """
        state = storing.load_state(folder, LanguageState, "language", version=FORMAT)
        settings = _located(state, folder, models)
        tokeniser = _tokeniser(settings, end=state.end)
        if tokeniser.size != state.vocabulary:
            raise DataError(f"{folder}: the tokeniser has {tokeniser.size} tokens, not {state.vocabulary}; fit again")
        network = _network(settings, state.vocabulary, torch_generator(0, "weights"))
        storing.fill(folder / storing.WEIGHTS, network.learned)
        return cls(state, network.eval(), tokeniser, device_named(device))


def _located(state: LanguageState, folder: Path, models: Path | None) -> LanguageConfig:
    """The settings with folders of this machine; the base is checked to be the one that was trained on."""
    settings = state.settings
    if settings.tokeniser != BYTES:
        settings = replace(settings, tokeniser=str(folder))
    if not settings.base:
        return settings
    if models is None:
        raise DataError(f"{folder}: the engine stands on {settings.base!r}; say in which folder its model lies")
    base = models / settings.base
    if not base.is_dir() or fingerprint(base) != state.base:
        raise DataError(f"{base} is not the model that {folder} was trained on (sha256 {state.base[:12]}…); provide it")
    return replace(settings, base=str(base))


def _tokeniser(settings: LanguageConfig, *, end: int | None = None) -> Tokeniser:
    if settings.base:
        base = Path(settings.base)
        return tokeniser_from(settings.base, end_id=end_of(base) if (base / "config.json").is_file() else None)
    return tokeniser_from(settings.tokeniser, end_id=end)


def _network(settings: LanguageConfig, vocabulary: int, generator: torch.Generator) -> CausalNetwork:
    if settings.base:
        return pretrained(
            Path(settings.base),
            rank=settings.rank,
            scale=settings.scale,
            precision=settings.precision,
            most_tokens=settings.most_tokens,
            generator=generator,
        )
    with unborn():
        network: CausalNetwork = (
            LstmNetwork(
                vocabulary,
                embedding=settings.embedding,
                hidden=settings.hidden,
                layers=settings.layers,
                most_tokens=settings.most_tokens,
            )
            if settings.network == "lstm"
            else TransformerNetwork(
                vocabulary,
                hidden=settings.hidden,
                layers=settings.layers,
                heads=settings.heads,
                most_tokens=settings.most_tokens,
            )
        )
    return reset(network, generator)
