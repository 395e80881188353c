"""The VAE engine: rows of a table through a few continuous latents.

It learns rows, not units: how many rows a unit has is drawn from the counts that the codec learned, and the
rows of a unit know nothing of one another.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from shared.access.contract import Access, Phase, RowLosses
from shared.devices import device_named
from shared.engines import storing
from shared.engines.contract import FitSummary
from shared.engines.encoded import CodeExclusion, Encoded, Given, Histories, Shape
from shared.engines.rows.drawing import Drawing
from shared.engines.rows.layout import Examples, Layout, plan_of
from shared.engines.rows.waves import smooth
from shared.engines.settings import check_same_network
from shared.engines.vae.config import NETWORK, VaeConfig
from shared.engines.vae.decoding import Decoder, Kept, Redrawn
from shared.engines.vae.density import log_densities
from shared.engines.vae.network import VaeNetwork, VaeShape
from shared.errors import DataError
from shared.randomness import derive, torch_generator
from shared.training.checkpoints import Checkpoints
from shared.training.loop import Part, train
from shared.training.reporter import Reporter

ACTIVE = 0.01  # variance of a latent's posterior mean (Burda et al. 2016, section 5.2)
_ROWS = 4096  # encoded at once

_log = logging.getLogger(__name__)

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class VaeState:
    """What is saved beside the weights: plain values, none of them an exact count of records in a private run."""

    format: int
    settings: VaeConfig
    network: VaeShape
    layout: Layout


class VaeEngine:
    """Learns rows. Build one with :meth:`fresh`, or :meth:`load` it."""

    name = "vae"
    software = "Simulacra"

    def __init__(self, state: VaeState, network: VaeNetwork, device: torch.device) -> None:
        self.state = state
        self.network = network.to(device)
        self.device = device

    @property
    def columns(self) -> dict[str, int]:
        """The code columns and their sizes."""
        return dict(zip(self.state.layout.names, self.state.layout.sizes, strict=True))

    @classmethod
    def fresh(cls, settings: VaeConfig, shape: Shape, *, seed: int, device: str = "cpu") -> Self:
        """An untrained engine for data of that shape; its heads start at the shape's marginals.

        Raises ``ConfigurationError`` for units with columns of their own.
        """
        layout = Layout.of(shape, "vae")
        fields = asdict(settings)
        widths = {name: fields[name] for name in NETWORK}
        positions = shape.row_positions or (None,) * len(layout.sizes)
        network_shape = VaeShape(
            sizes=layout.sizes, smooth=tuple(map(smooth, shape.row_marginals, positions)), **widths
        )
        network = VaeNetwork(network_shape)
        network.reset(shape.row_marginals, positions, torch_generator(seed, "weights"))
        state = VaeState(format=FORMAT, settings=settings, network=network_shape, layout=layout)
        return cls(state, network, device_named(device))

    def continued(self, settings: VaeConfig, shape: Shape) -> VaeEngine:
        """The same networks with other settings, for further data; see the contract.

        Heads begin at the marginals of the further data, beside what was learned of their differences.
        """
        check_same_network(self.name, self.state.settings, settings, NETWORK)
        state = replace(self.state, settings=settings, layout=self.state.layout.onward(shape, self.name))
        self.network.heads.move(shape.row_marginals)
        return VaeEngine(state, self.network, self.device)

    def fit(
        self,
        data: Encoded,
        access: Access,
        *,
        seed: int,
        reporter: Reporter,
        checkpoints: Checkpoints | None = None,
    ) -> FitSummary:
        """Learn from ``data`` through ``access``; see the contract.

        Beside the curves of the training stands how many latents are active, measured on samples of the model.
        """
        settings = self.state.settings
        examples = Examples(data, self.state.layout, self.device)
        randomness = torch.Generator(device=self.device)
        self.network.train()
        phase = Phase(self.network, lambda drawn: self.row_losses(examples, drawn, randomness))
        trained = train(
            [Part(phase=phase, config=settings.training)],
            access,
            plan=plan_of(access, settings),
            units=data.examples,
            seed=seed,
            reporter=reporter,
            randomness=randomness,
            checkpoints=checkpoints,
            validation=settings.early_stopping,
        )
        self.network.eval()
        active = self.active_latents(seed=seed)
        if active == 0:
            _log.warning("no latent of the VAE is active: its columns are independent; raise free_nats, or lower beta")
        curves = {**trained.curves, "active latents": ((trained.steps, float(active)),)}
        return FitSummary(trained.steps, sum(p.numel() for p in self.network.parameters()), curves)

    def row_losses(self, examples: Examples, drawn: NDArray[np.int64], randomness: torch.Generator) -> RowLosses:
        """Negative β-ELBO of each row, whose latents cost nothing below ``free_nats``."""
        settings = self.state.settings
        codes, unit_of_row = examples.take(drawn)
        reconstruction, cost = self.network.parts(codes, randomness, free=settings.free_nats)
        return RowLosses(reconstruction + settings.beta * cost, unit_of_row)

    @torch.no_grad()
    def active_latents(self, *, seed: int, rows: int = 2048) -> int:
        """How many latents tell rows apart, measured on rows that the model draws itself: none is a collapse."""
        drawn = Histories.joined(list(self.sample(rows, seed=derive(seed, "active"))))
        if len(drawn.rows) < 2:
            return 0
        means, _ = self.network.encode(torch.from_numpy(drawn.rows.codes.astype(np.int64)).to(self.device))
        return int((means.var(dim=0) > ACTIVE).sum())

    def sample(
        self, n: int, *, seed: int, given: Given | None = None, exclusions: Sequence[CodeExclusion] = ()
    ) -> Iterator[Encoded]:
        """Give ``n`` units as a stream of batches; see the contract.

        Exclusions close codes of the column that is drawn last; what is given is kept by drawing rows anew.
        Raises ``ConditionError`` for what cannot occur or next to never does.
        """
        layout = self.state.layout
        source = Decoder.build(self.network, layout, exclusions, self.device)
        yield from Drawing(source, layout, exclusions, self.device).stream(n, seed=seed, given=given)

    @torch.no_grad()
    def log_density(self, data: Encoded) -> NDArray[np.float64]:
        """Natural log of the probability of each unit with its number of rows, shape ``(units,)``.

        Estimated by importance weights (:mod:`shared.engines.vae.density`), always the same for the same rows.
        """
        examples = Examples(data, self.state.layout, self.device)
        chances = np.log(np.maximum(self.state.layout.rows_per_unit, 1e-12))
        densities: NDArray[np.float64] = chances[np.minimum(data.rows_per_unit, len(chances) - 1)]
        size = max(1, _ROWS // max(1, math.ceil(len(data.rows) / max(1, len(data)))))
        for start in range(0, len(data), size):
            drawn = np.arange(start, min(start + size, len(data)))
            codes, owner = examples.take(drawn)
            randomness = torch_generator(0, "density", start, device=str(self.device))
            rows = log_densities(self.network, codes, randomness)
            sums = torch.zeros(len(drawn), dtype=torch.float64).index_add_(0, owner.cpu(), rows.double().cpu())
            densities[drawn] += sums.numpy()
        return densities

    @torch.no_grad()
    def encode(self, data: Encoded) -> NDArray[np.float32]:
        """The posterior means of all rows, shape ``(rows, latent)``. Of real records they are internal."""
        examples = Examples(data, self.state.layout, self.device)
        parts = []
        for start in range(0, len(data), _ROWS):
            codes, _ = examples.take(np.arange(start, min(start + _ROWS, len(data))))
            parts.append(self.network.encode(codes)[0].cpu().numpy())
        return np.concatenate([np.zeros((0, self.state.network.latent), dtype=np.float32), *parts])

    def decode(self, latents: NDArray[np.float32], *, seed: int, exclusions: Sequence[CodeExclusion] = ()) -> Histories:
        """A row for each of ``latents`` ``(rows, latent)``, as units of one row."""
        if latents.ndim != 2 or latents.shape[1] != self.state.network.latent:
            raise DataError(f"latents of shape {latents.shape}; give (rows, {self.state.network.latent})")
        placed = torch.from_numpy(np.ascontiguousarray(latents, dtype=np.float32)).to(self.device)
        return self._redrawn(Redrawn(placed, None), None, seed, exclusions)

    def interpolate(self, first: Encoded, second: Encoded, shares: Sequence[float], *, seed: int) -> list[Histories]:
        """Rows between those of two tables of equal length, for each share of the way from ``first`` to ``second``."""
        begin, end = self.encode(first), self.encode(second)
        if len(begin) != len(end):
            raise DataError(f"there are {len(begin)} and {len(end)} rows; give as many of both")
        mixed = [(begin + np.float32(share) * (end - begin)).astype(np.float32) for share in shares]
        return [self.decode(latents, seed=derive(seed, "interpolate", i)) for i, latents in enumerate(mixed)]

    @torch.no_grad()
    def augment(
        self,
        data: Encoded,
        *,
        seed: int,
        share: float = 1.0,
        spread: float = 3.0,
        fixed: Sequence[str] = (),
        exclusions: Sequence[CodeExclusion] = (),
    ) -> Histories:
        """Rows like those of ``data``, one for each.

        Latents are drawn from its posterior made ``spread`` times as wide, since with a small ``beta`` the posterior
        itself gives back little but the row. A ``share`` of the columns, chosen for each row at random, is drawn from
        the decoder; the others stay, and so do all code columns that are ``fixed``. Made from given records: internal.
        """
        if spread < 0:
            raise DataError(f"spread is {spread}; it must not be negative, 1 is the posterior itself")
        if not 0 < share <= 1:
            raise DataError(f"share is {share}; it is the part of the columns that is redrawn, above 0 and at most 1")
        examples = Examples(data, self.state.layout, self.device)
        codes, _ = examples.take(np.arange(len(data)))
        means, widths = self.network.encode(codes)
        generator = torch_generator(seed, "augment", device=str(self.device))
        kept = torch.rand(codes.shape, generator=generator, device=self.device) >= share
        kept |= torch.tensor([name in fixed for name in self.columns], device=self.device)
        redrawn = Redrawn(means, widths + math.log(max(spread, 1e-9)))
        return self._redrawn(redrawn, Kept(codes, kept), seed, exclusions, data.rows_per_unit)

    def _redrawn(
        self,
        redrawn: Redrawn,
        kept: Kept | None,
        seed: int,
        exclusions: Sequence[CodeExclusion],
        counts: NDArray[np.int64] | None = None,
    ) -> Histories:
        layout = self.state.layout
        counts = np.ones(len(redrawn.means), dtype=np.int64) if counts is None else counts
        source = Decoder.build(self.network, layout, exclusions, self.device).around(redrawn, kept)
        drawing = Drawing(source, layout, exclusions, self.device)
        return drawing.lot(torch_generator(seed, "decode", device=str(self.device)), counts)

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``weights.safetensors``."""
        storing.save(folder, self.state, self.network)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote. ``DataError`` if it is not that."""
        state = storing.load_state(folder, VaeState, "vae", version=FORMAT)
        if state.network.sizes != state.layout.sizes:
            raise DataError(f"{folder}: network and columns of config.json differ in size; fit the model again")
        network = VaeNetwork(state.network)
        storing.fill(folder / storing.WEIGHTS, network)
        return cls(state, network.eval(), device_named(device))
