"""The sequence engine: an autoregressive network over the columns of rows and the rows of units."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from shared.access.contract import Access, BatchPlan, Phase, RowLosses
from shared.devices import device_named
from shared.engines import storing
from shared.engines.contract import FitSummary
from shared.engines.encoded import CodeExclusion, Encoded, Given, Histories, Shape
from shared.engines.sequence import distillation
from shared.engines.sequence.conditions import Conditions, check_counts, check_units
from shared.engines.sequence.config import NETWORK, SequenceConfig
from shared.engines.sequence.drawing import Assessment, Draws
from shared.engines.sequence.inputs import Examples
from shared.engines.sequence.network import NetworkShape, RowNetwork
from shared.engines.sequence.proposal import Proposal
from shared.engines.sequence.sampling import Sampler
from shared.engines.settings import check_same_network
from shared.errors import DataError
from shared.randomness import derive, torch_generator
from shared.training.checkpoints import Checkpoints
from shared.training.loop import Part, train
from shared.training.reporter import Reporter

FORMAT = 2
PROPOSAL = "proposal.safetensors"
DENSITY_UNITS, DENSITY_ROWS = 4096, 32_768  # units scored at once, or those of about so many rows
LEAST_UNITS = 8  # of a batch, however many rows they have


@dataclass(frozen=True, kw_only=True)
class SequenceState:
    """What is saved beside the weights: plain values, none of them an exact count of records in a private run."""

    format: int
    settings: SequenceConfig
    network: NetworkShape
    names: tuple[str, ...]
    rows_per_unit: tuple[float, ...]


class SequenceEngine:
    """Learns units with their rows. Build one with :meth:`fresh`, or :meth:`load` it."""

    name = "sequence"
    software = "Simulacra"

    def __init__(self, state: SequenceState, network: RowNetwork, device: torch.device) -> None:
        self.state = state
        self.network = network.to(device)
        self.device = device
        self.proposal: Proposal | None = None

    @property
    def columns(self) -> dict[str, int]:
        """The code columns, those of units first, and their sizes."""
        return dict(zip(self.state.names, self.state.network.sizes, strict=True))

    @classmethod
    def fresh(cls, settings: SequenceConfig, shape: Shape, *, seed: int, device: str = "cpu") -> Self:
        """An untrained engine for data of that shape; its heads start at the shape's marginals."""
        network_shape = NetworkShape(
            unit_columns=len(shape.unit_names),
            sizes=shape.unit_sizes + shape.row_sizes,
            most_rows=max(1, len(shape.rows_per_unit) - 1),
            embedding=settings.embedding,
            hidden=settings.hidden,
            context=settings.context,
            attention=settings.attention,
            window=settings.window,
            words=shape.words,
            recall=settings.recall,
            applies=shape.applies,
            empty_units=shape.empty_units,
            given_units=shape.given_units,
        )
        network = RowNetwork(network_shape)
        network.reset(shape.unit_marginals + shape.row_marginals, torch_generator(seed, "weights"))
        state = SequenceState(
            format=FORMAT,
            settings=settings,
            network=network_shape,
            names=shape.unit_names + shape.row_names,
            rows_per_unit=_count_chances(shape),
        )
        return cls(state, network, device_named(device))

    def continued(self, settings: SequenceConfig, shape: Shape) -> SequenceEngine:
        """The same network with other settings, for further data; see the contract."""
        check_same_network(self.name, self.state.settings, settings, NETWORK)
        state = replace(self.state, settings=settings, rows_per_unit=_count_chances(shape))
        return SequenceEngine(state, self.network, self.device)

    def fit(
        self,
        data: Encoded,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
    ) -> FitSummary:
        """Learn from ``data`` through ``access``; see the contract."""
        settings = self.state.settings
        examples = Examples(data, self.state.network, self.device)
        # Long units make small batches: what a step costs, and how many steps there are, goes by rows.
        rows = max(1.0, float(np.minimum(data.rows_per_unit, settings.window).sum()) / max(1, data.examples))
        batch = min(settings.batch_units, access.units, max(LEAST_UNITS, round(settings.batch_rows / rows)))
        preferred = BatchPlan(batch_units=batch, steps=max(1, math.ceil(settings.epochs * access.units / batch)))
        plan = access.plan(preferred)
        self.network.train()
        windows = torch.Generator()  # which rows of long units a step sees: seeded by the loop, at every step
        phase = Phase(self.network, lambda drawn: self._losses(examples, drawn, windows))
        trained = train(
            [Part(phase=phase, config=settings.training)],
            access,
            plan=plan,
            units=data.examples,
            seed=seed,
            reporter=reporter,
            randomness=windows,
            checkpoints=checkpoints,
            validation=settings.early_stopping,
        )
        self.network.eval()
        return FitSummary(trained.steps, sum(p.numel() for p in self.network.parameters()), trained.curves)

    def _losses(
        self, examples: Examples, drawn: NDArray[np.int64], windows: torch.Generator | None = None
    ) -> RowLosses:
        inputs, weights, unit_of_row = examples.take(drawn, windows)
        losses = self.network.losses(inputs)
        return RowLosses((losses if weights is None else losses * weights).sum(1), unit_of_row)

    def sample(
        self, n: int, *, seed: int, given: Given | None = None, exclusions: Sequence[CodeExclusion] = ()
    ) -> Iterator[Encoded]:
        """Give ``n`` units as a stream of batches; see the contract.

        What is given is kept by sampling-importance-resampling (:mod:`shared.engines.sequence.drawing`); where it
        concerns no column after a free one, draws are direct. Raises ``ConditionError`` for what cannot occur.
        """
        sampler = self._sampler(exclusions)
        if self.state.network.given_units and (given is None or given.units is None):
            raise DataError("the engine draws rows of units that are given; give them, with their numbers of rows")
        if given is None or not (given.columns or given.never):
            counts = None if given is None else given.rows_per_unit
            units = None if given is None else given.units
            check_counts(counts, n, self.state.network)
            check_units(units, n, self.state.network)
            yield from sampler.stream(n, seed=seed, row_counts=counts, units=units)
            return
        yield from Draws(sampler, self.proposal).stream(self._conditions(given, n), seed=seed)

    def assess(
        self, n: int, given: Given, *, seed: int, exclusions: Sequence[CodeExclusion] = (), particles: int = 512
    ) -> Assessment:
        """How probable what is given of each of ``n`` units is, and how many of the particles are effective."""
        draws = Draws(self._sampler(exclusions), self.proposal)
        return draws.assess(self._conditions(given, n), particles=particles, seed=seed)

    def direct(self, n: int, given: Given) -> bool:
        """Whether what is given concerns nothing after a free column, so that a proposal would help nothing."""
        return self._conditions(given, n).direct(self.state.network)

    def learn_proposal(self, *, seed: int, reporter: Reporter, exclusions: Sequence[CodeExclusion] = ()) -> None:
        """Learn to draw what is given more surely, from samples of this engine: no record is touched."""
        units = max(1, min(distillation.UNITS, distillation.CELLS // self._cells))
        samples = Histories.joined(list(self.sample(units, seed=derive(seed, "samples"), exclusions=exclusions)))
        self.proposal = distillation.distilled(self.network, samples, seed=seed, reporter=reporter)

    @property
    def _cells(self) -> int:
        """Code columns of an average unit."""
        rows = float(np.arange(len(self.state.rows_per_unit)) @ np.asarray(self.state.rows_per_unit))
        return math.ceil(max(1.0, rows) * len(self.state.names))

    def _sampler(self, exclusions: Sequence[CodeExclusion]) -> Sampler:
        names, sizes = self.state.names, dict(zip(self.state.names, self.state.network.sizes, strict=True))
        kept = [
            exclusion
            for part in self.state.network.applies
            for exclusion in part.exclusions(sizes[part.column], sizes.get(part.by or "", 0))
        ]
        return Sampler.build(self.network, names, self.state.rows_per_unit, (*exclusions, *kept), self.device)

    def _conditions(self, given: Given, n: int) -> Conditions:
        return Conditions.build(given, n, self.state.names, self.state.network, self.device)

    def log_density(self, data: Encoded) -> NDArray[np.float64]:
        """Natural log of the probability of each example, shape ``(examples,)``.

        Its numbers of rows are part of it unless they are always given, as are then the units' own columns.
        """
        examples = Examples(data, self.state.network, self.device)
        if self.state.network.given_units:
            densities = np.zeros(data.examples)
        else:
            chances = np.log(np.maximum(self.state.rows_per_unit, 1e-12))
            densities = chances[np.minimum(data.rows_per_unit, len(chances) - 1)]
        with torch.no_grad():
            size = max(1, min(DENSITY_UNITS, DENSITY_ROWS * data.examples // max(1, len(data.rows))))
            for start in range(0, data.examples, size):
                drawn = np.arange(start, min(start + size, data.examples))
                losses = self._losses(examples, drawn)
                sums = torch.zeros(len(drawn), dtype=torch.float64)
                sums.index_add_(0, losses.unit_of_row.cpu(), losses.values.double().cpu())
                densities[drawn] -= sums.numpy()
        return densities

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``weights.safetensors``, and ``proposal.safetensors`` if it was learned."""
        storing.save(folder, self.state, self.network)
        if self.proposal is not None:
            self.save_proposal(folder)

    def save_proposal(self, folder: Path) -> None:
        """Write ``proposal.safetensors`` beside the engine that lies in ``folder``, in one step."""
        assert self.proposal is not None
        building = folder / f".{PROPOSAL}-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            save_file(storing.tensors(self.proposal), building)
            building.replace(folder / PROPOSAL)
        finally:
            building.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote. ``DataError`` if it is not that."""
        state = storing.load_state(folder, SequenceState, cls.name, version=FORMAT)
        network = RowNetwork(state.network)
        storing.fill(folder / storing.WEIGHTS, network)
        engine = cls(state, network.eval(), device_named(device))
        if (folder / PROPOSAL).is_file():
            engine.proposal = engine._loaded_proposal(folder / PROPOSAL)
        return engine

    def _loaded_proposal(self, path: Path) -> Proposal:
        proposal = Proposal(self.network.shape, self.network.extra)
        storing.fill(path, proposal, remedy="delete it, it is learned again when needed")
        return proposal.to(self.device).eval()


def _count_chances(shape: Shape) -> tuple[float, ...]:
    """How likely each number of rows is."""
    counts = np.maximum(shape.rows_per_unit, 0)
    possible = np.arange(len(counts)) >= (0 if shape.empty_units else 1)
    counts = np.where(possible, counts, 0.0)
    counts = counts if counts.sum() > 0 else possible.astype(np.float64)
    return tuple((counts / counts.sum()).tolist())
