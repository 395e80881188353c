"""The GAN engine: rows of a table by a conditional Wasserstein GAN.

It learns rows, not units: how many rows a unit has is drawn from the counts that the codec learned, and the
rows of a unit know nothing of one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from shared.access.contract import Access
from shared.devices import device_named
from shared.engines import storing
from shared.engines.contract import FitSummary
from shared.engines.encoded import CodeExclusion, Encoded, Given, Shape
from shared.engines.gan.columns import Columns
from shared.engines.gan.conditions import ConditionTable
from shared.engines.gan.config import NETWORK, GanConfig
from shared.engines.gan.drawing import GeneratedRows
from shared.engines.gan.game import Game
from shared.engines.gan.networks import Critic, GanShape, Generator
from shared.engines.rows.drawing import Drawing
from shared.engines.rows.layout import Examples, Layout, plan_of
from shared.engines.settings import check_same_network
from shared.errors import DataError
from shared.randomness import torch_generator
from shared.training.checkpoints import Checkpoints
from shared.training.loop import Part, train
from shared.training.reporter import Reporter

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class GanState:
    """What is saved beside the weights: plain values, none of them an exact count of records in a private run.

    ``marginals`` are as the access answered them, and ``positions`` (``None`` for missing) as the codecs learned
    them: from them follow the modes of numbers. ``frequencies``, of a model that went on, are the marginals of the
    data that it learned last, by which conditions are drawn; ``None``: ``marginals``.
    """

    format: int
    settings: GanConfig
    network: GanShape
    layout: Layout
    marginals: tuple[tuple[float, ...], ...]
    positions: tuple[tuple[float | None, ...] | None, ...]
    frequencies: tuple[tuple[float, ...], ...] | None = None

    def columns(self, device: torch.device) -> Columns:
        """How rows are seen."""
        positions = [None if p is None else np.array([np.nan if x is None else x for x in p]) for p in self.positions]
        return Columns.build([np.array(counts) for counts in self.marginals], positions, device)


class GanEngine:
    """Learns rows. Build one with :meth:`fresh`, or :meth:`load` it."""

    name = "gan"
    software = "Simulacra"

    def __init__(self, state: GanState, generator: Generator, critic: Critic, device: torch.device) -> None:
        self.state = state
        self.device = device
        self.seen_as = state.columns(device)
        self.networks = torch.nn.ModuleDict({"generator": generator, "critic": critic}).to(device)
        self.generator, self.critic = generator, critic
        frequencies: Sequence[NDArray[np.float64]] = self.seen_as.marginals
        if state.frequencies is not None:
            frequencies = self.seen_as.choices_of([np.array(counts) for counts in state.frequencies])
        self.conditions = ConditionTable.build(frequencies, state.settings.boost, device)

    @property
    def columns(self) -> dict[str, int]:
        """The code columns and their sizes."""
        return dict(zip(self.state.layout.names, self.state.layout.sizes, strict=True))

    @classmethod
    def fresh(cls, settings: GanConfig, shape: Shape, *, seed: int, device: str = "cpu") -> Self:
        """An untrained engine for data of that shape; its choices start at the shape's marginals.

        Raises ``ConfigurationError`` for units with columns of their own.
        """
        layout, on = Layout.of(shape, cls.name), device_named(device)
        positions = shape.row_positions or (None,) * len(layout.sizes)
        columns = Columns.build(shape.row_marginals, positions, on)
        network = GanShape(
            sizes=columns.sizes,
            numbers=len(columns.numbers),
            seen=columns.width,
            noise=settings.noise,
            hidden=settings.hidden,
            condition=settings.condition,
            pack=settings.pack,
            spectral=settings.spectral,
        )
        generator, critic = Generator(network), Critic(network)
        random = torch_generator(seed, "weights")
        generator.reset(columns.marginals, random)
        critic.reset(random)
        state = GanState(
            format=FORMAT,
            settings=settings,
            network=network,
            layout=layout,
            marginals=_plain(shape),
            positions=tuple(None if p is None else tuple(_finite(p)) for p in positions),
        )
        return cls(state, generator, critic, on)

    def continued(self, settings: GanConfig, shape: Shape) -> GanEngine:
        """The same networks with other settings, for further data; see the contract.

        Modes of numbers stay; conditions are drawn as frequently as they are in the further data, whose marginals the
        generator begins at. The generator goes on from its averaged weights and the critic, which is saved with it,
        from its last ones: it judged the generator that was averaged, not the average, and nothing is done about that
        but that steps are small at first. Both optimisers begin anew.
        """
        check_same_network(self.name, self.state.settings, settings, NETWORK)
        layout = self.state.layout.onward(shape, self.name)
        state = replace(self.state, settings=settings, layout=layout, frequencies=_plain(shape))
        self.generator.heads.move(self.seen_as.choices_of(shape.row_marginals))
        return GanEngine(state, self.generator, self.critic, self.device)

    def fit(
        self,
        data: Encoded,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
    ) -> FitSummary:
        """Learn from ``data`` through ``access``; see the contract. Only the critic's phase touches records."""
        settings = self.state.settings
        examples = Examples(data, self.state.layout, self.device)
        randomness = torch.Generator(device=self.device)
        game = Game(self.generator, self.critic, self.seen_as, self.conditions, settings, randomness)
        self.networks.train()
        trained = train(
            [
                Part(phase=game.critic_phase(examples), config=settings.critic_training, name="critic loss"),
                Part(
                    phase=game.generator_phase(),
                    config=settings.generator_training,
                    every=settings.critic_steps,
                    name="generator loss",
                ),
            ],
            access,
            plan=plan_of(access, settings),
            units=data.examples,
            seed=seed,
            reporter=reporter,
            randomness=randomness,
            checkpoints=checkpoints,
        )
        self.networks.eval()
        return FitSummary(trained.steps, sum(p.numel() for p in self.networks.parameters()), trained.curves)

    def sample(
        self, n: int, *, seed: int, given: Given | None = None, exclusions: Sequence[CodeExclusion] = ()
    ) -> Iterator[Encoded]:
        """Give ``n`` units as a stream of batches; see the contract.

        Exclusions and what is given are kept by drawing rows anew. Raises ``ConditionError`` for what cannot
        occur or next to never does, ``DataError`` where rows break exclusions again and again.
        """
        source = GeneratedRows(self.generator, self.seen_as, self.conditions)
        yield from Drawing(source, self.state.layout, exclusions, self.device).stream(n, seed=seed, given=given)

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``weights.safetensors``."""
        storing.save(folder, self.state, self.networks)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote. ``DataError`` if it is not that."""
        state = storing.load_state(folder, GanState, cls.name, version=FORMAT)
        sizes = state.layout.sizes
        places = [len(counts if p is None else p) for counts, p in zip(state.marginals, state.positions, strict=False)]
        known = [state.marginals, state.marginals if state.frequencies is None else state.frequencies]
        if any(tuple(map(len, counts)) != sizes for counts in known) or tuple(places) != sizes:
            raise DataError(f"{folder}: the columns of config.json differ in size; fit the model again")
        engine = cls(state, Generator(state.network), Critic(state.network), device_named(device))
        if engine.seen_as.sizes != state.network.sizes or engine.seen_as.width != state.network.seen:
            raise DataError(f"{folder}: network and columns of config.json differ in size; fit the model again")
        storing.fill(folder / storing.WEIGHTS, engine.networks)
        engine.networks.eval()
        return engine


def _plain(shape: Shape) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(counts.tolist()) for counts in shape.row_marginals)


def _finite(positions: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float | None]:
    return [None if np.isnan(x) else float(x) for x in positions]
