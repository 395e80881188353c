"""The marginal engine: rows of a narrow table from a graphical model of selected marginals.

It learns rows, not units: how many rows a unit has is drawn from the counts that the codec learned, and the
rows of a unit know nothing of one another. It has no training: records are touched by the access's marginals alone,
and what is kept are tables of chances, from which sampling needs neither them nor mbi.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.access.contract import Access
from shared.devices import device_named
from shared.engines import storing
from shared.engines.contract import FitSummary
from shared.engines.encoded import CodeExclusion, Encoded, Given, Shape
from shared.engines.marginal.config import MarginalConfig
from shared.engines.marginal.estimation import Conditional
from shared.engines.marginal.selecting import Selecting
from shared.engines.rows.drawing import Drawing
from shared.engines.rows.layout import Layout
from shared.errors import ConfigurationError, DataError
from shared.training.checkpoints import Checkpoints
from shared.training.reporter import Reporter

Chain = tuple[tuple[int, tuple[int, ...]], ...]

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class MarginalState:
    """What is saved beside the tables: plain values. ``chain`` is each column with its parents, as they are drawn."""

    format: int
    settings: MarginalConfig
    layout: Layout
    chain: Chain = ()


class Tables(nn.Module):
    """The chances of each column's codes given its parents', in the order of the chain."""

    def __init__(self, chain: Chain, sizes: Sequence[int]) -> None:
        super().__init__()
        for column, parents in chain:
            shape = [*(sizes[parent] for parent in parents), sizes[column]]
            self.register_buffer(f"column_{column}", torch.zeros(shape, dtype=torch.float64))

    def of(self, column: int) -> Tensor:
        """Shape (parents' sizes…, the column's size)."""
        return self.get_buffer(f"column_{column}")


class MarginalEngine:
    """Learns rows. Build one with :meth:`fresh`, or :meth:`load` it."""

    name = "marginal"
    software = "Simulacra"

    def __init__(self, state: MarginalState, tables: Tables, device: torch.device) -> None:
        self.state = state
        self.tables = tables.to(device)
        self.device = device

    @property
    def columns(self) -> dict[str, int]:
        """The code columns and their sizes."""
        return dict(zip(self.state.layout.names, self.state.layout.sizes, strict=True))

    @classmethod
    def fresh(cls, settings: MarginalConfig, shape: Shape, *, seed: int, device: str = "cpu") -> Self:
        """An engine that has learned nothing but the shape's marginals: columns are independent.

        Raises ``ConfigurationError`` for units with columns of their own.
        """
        del seed  # nothing is drawn
        layout = Layout.of(shape, "marginal")
        state = MarginalState(format=FORMAT, settings=settings, layout=layout)
        engine = cls(state, Tables((), layout.sizes), device_named(device))
        known = [np.maximum(marginal, 0.0) for marginal in shape.row_marginals]
        chances = [one / one.sum() if one.sum() > 0 else np.full(len(one), 1 / len(one)) for one in known]
        engine._keep([Conditional(column, (), values) for column, values in enumerate(chances)])
        return engine

    def fit(
        self,
        data: Encoded,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
    ) -> FitSummary:
        """Select, measure, generate: learn from ``data`` through the marginals of ``access``.

        There are no steps to go on from: a fit that was killed is repeated whole. Raises ``ConfigurationError`` without
        the package mbi, or for fewer rounds than the algorithm needs.
        """
        del seed, checkpoints  # nothing is drawn but the access's noise
        settings, layout = self.state.settings, self.state.layout
        layout.check(data)
        if data.groups is not None:
            raise ConfigurationError("engine marginal learns units one by one, and these are grouped; take 'sequence'")
        rounds = access.marginals.rounds(settings.planned(len(layout.sizes)))
        with reporter.stage("marginals", rounds) as stage:
            model, measured = Selecting(settings, access.marginals, data, stage).run(rounds)
            self._keep(model.conditionals())
        cells = sum(one.counts.size for one in measured)
        return FitSummary(len(measured), cells, {})

    def _keep(self, conditionals: Sequence[Conditional]) -> None:
        chain = tuple((one.column, one.parents) for one in conditionals)
        layout, settings = self.state.layout, self.state.settings
        self.state = MarginalState(format=FORMAT, settings=settings, layout=layout, chain=chain)
        self.tables = Tables(chain, layout.sizes).to(self.device)
        for one in conditionals:
            self.tables.of(one.column).copy_(torch.from_numpy(np.ascontiguousarray(one.chances)))

    def sample(
        self, n: int, *, seed: int, given: Given | None = None, exclusions: Sequence[CodeExclusion] = ()
    ) -> Iterator[Encoded]:
        """Give ``n`` units as a stream of batches; see the contract.

        Exclusions and what is given are kept by drawing rows anew. Raises ``ConditionError`` for what cannot occur or
        next to never does.
        """
        source = _Source(self.tables, self.state.chain, len(self.state.layout.sizes))
        yield from Drawing(source, self.state.layout, exclusions, self.device).stream(n, seed=seed, given=given)

    def log_density(self, data: Encoded) -> NDArray[np.float64]:
        """Natural log of the probability of each unit with its number of rows, shape ``(units,)``."""
        layout = self.state.layout
        layout.check(data)
        chances = np.log(np.maximum(layout.rows_per_unit, 1e-12))
        densities: NDArray[np.float64] = chances[np.minimum(data.rows_per_unit, len(chances) - 1)]
        codes = torch.from_numpy(data.rows.at(np.arange(len(data.rows)))).to(self.device)
        rows = np.zeros(len(data.rows))
        for column, parents in self.state.chain:
            places = tuple(codes[:, place] for place in (*parents, column))
            rows += self.tables.of(column)[places].clamp(min=1e-12).log().cpu().numpy()
        owner = np.repeat(np.arange(len(data)), data.rows_per_unit)
        return densities + np.bincount(owner, rows, minlength=len(data))

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``weights.safetensors``."""
        storing.save(folder, self.state, self.tables)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote. ``DataError`` if it is not that."""
        state = storing.load_state(folder, MarginalState, "marginal", version=FORMAT)
        _check(state, folder)
        tables = Tables(state.chain, state.layout.sizes)
        storing.fill(folder / storing.WEIGHTS, tables)
        for column, _ in state.chain:
            table = tables.of(column)
            if float(table.min()) < 0 or not torch.allclose(
                table.sum(-1), torch.ones((), dtype=table.dtype), atol=1e-6
            ):
                raise DataError(f"{folder}: the chances of a column do not add up to 1; fit the model again")
        return cls(state, tables, device_named(device))


@dataclass(frozen=True, eq=False)
class _Source:
    """Rows drawn along the chain."""

    tables: Tables
    chain: Chain
    columns: int

    alike = True

    def draw(self, slots: Tensor, last: Tensor, generator: torch.Generator) -> Tensor:
        """Codes ``(rows, columns)``; see :class:`~shared.engines.rows.drawing.RowSource`."""
        del last
        codes = torch.zeros(len(slots), self.columns, dtype=torch.int64, device=slots.device)
        for column, parents in self.chain:
            sums = self.tables.of(column)[tuple(codes[:, parent] for parent in parents)].cumsum(-1)
            luck = torch.rand(len(slots), 1, generator=generator, dtype=torch.float64, device=slots.device)
            if not parents:
                sums = sums.expand(len(slots), -1)
            codes[:, column] = (luck * sums[:, -1:] >= sums).sum(-1).clamp(max=sums.shape[-1] - 1)
        return codes


def _check(state: MarginalState, folder: Path) -> None:
    """Raise ``DataError`` unless each column is drawn once, after its parents."""
    order = [column for column, _ in state.chain]
    drawn = [set(order[:place]) for place in range(len(order))]
    apt = all(set(parents) <= before for (_, parents), before in zip(state.chain, drawn, strict=True))
    if sorted(order) != list(range(len(state.layout.sizes))) or not apt:
        raise DataError(f"{folder}: the columns of config.json are not drawn one after another; fit the model again")
