"""Units of which something is given, drawn from the exact conditional by sampling-importance-resampling.

Each unit is chosen among weighted particles in proportion to their weights (Rubin 1987, JASA 82, pp. 543-546).
What is so chosen has the exact conditional distribution as the particles grow; how far it is from it shows in
the effective sample size (Kong, Liu and Wong 1994, JASA 89). Particles are added until that suffices.
Units of which the same is given choose among the same particles, so that they need few each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from shared.engines.encoded import Histories
from shared.engines.sequence.conditions import Conditions
from shared.engines.sequence.particles import Particles, Walk
from shared.engines.sequence.proposal import Proposal
from shared.engines.sequence.sampling import Sampler
from shared.errors import ConditionError
from shared.randomness import torch_generator

Floats = NDArray[np.float64]
ALIKE_UNITS = 4096  # units of a batch of which the same is given
UNITS = 512  # units of any other batch
CHUNK = 16_384  # particles drawn at once
LEAST_EFFECTIVE = 32.0  # effective particles that a unit is chosen from
PER_UNIT = 5.0  # and further ones for each unit that chooses among them
FIRST_SHARE = 0.5  # of particles that are expected to be effective, before any were drawn
MOST_PARTICLES = 200_000  # for one unit, and
MOST_PER_UNIT = 1_000  # for each unit that chooses among them
CELLS = 32_000_000  # codes of all particles of a batch; one that needs more is cut in halves


@dataclass(frozen=True, eq=False)
class Assessment:
    """How probable what is given of each unit is, and how well it is drawn.

    ``log_chances`` ``(units,)``: natural log of an unbiased estimate of its probability, minus infinity where all
    particles failed; ``effective`` ``(units,)``: effective sample size over the number of particles.
    """

    log_chances: Floats
    effective: Floats


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws units of given conditions with a sampler and, if there is one, a proposal."""

    sampler: Sampler
    proposal: Proposal | None

    def stream(self, conditions: Conditions, *, seed: int) -> Iterator[Histories]:
        """A stream of batches of the conditions' units. Raises ``ConditionError`` for one that cannot be drawn."""
        size = ALIKE_UNITS if conditions.alike and conditions.counts is None else UNITS
        for batch, start in enumerate(range(0, conditions.units, size)):
            generator = torch_generator(seed, "given", batch, device=str(conditions.device))
            yield from self._batch(conditions, start, min(start + size, conditions.units), generator)

    def assess(self, conditions: Conditions, *, particles: int, seed: int) -> Assessment:
        """The probability of what is given of each unit, from so many particles each."""
        generator = torch_generator(seed, "assess", device=str(conditions.device))
        walk = Walk.build(self.sampler, conditions, self.proposal)
        pools = conditions.pools()
        _, first = np.unique(pools, return_index=True)
        drawn = _Pooled.of(self._drawn(walk, np.repeat(first, particles), generator), pools)
        chances = drawn.log_sums - np.log(particles)
        return Assessment(chances[pools], drawn.effective[pools] / particles)

    def _batch(self, conditions: Conditions, start: int, stop: int, generator: torch.Generator) -> Iterator[Histories]:
        """The units from ``start`` to ``stop``, in one batch if their particles fit into memory."""
        part = conditions.batch(start, stop)
        walk = Walk.build(self.sampler, part, self.proposal)
        if part.direct(self.sampler.network.shape):
            everyone = np.arange(part.units)
            particles = self._drawn(walk, everyone, generator)
            _refuse(~np.isfinite(particles.log_weights.cpu().numpy()), start + everyone)
            yield self.sampler.histories(particles.codes.int(), particles.counts)
            return
        drawn = self._enough(walk, start, generator)
        if drawn is None:
            middle = (start + stop) // 2
            yield from self._batch(conditions, start, middle, generator)
            yield from self._batch(conditions, middle, stop, generator)
            return
        chosen = torch.from_numpy(drawn.chosen(generator)).to(part.device)
        counts = drawn.particles.counts[chosen]
        codes = drawn.particles.codes[chosen, : max(1, int(counts.max()))]
        yield self.sampler.histories(codes.int(), counts)

    def _enough(self, walk: Walk, start: int, generator: torch.Generator) -> _Pooled | None:
        """Particles of every pool, as many as its effective sample size asks for; ``None`` if they are too many."""
        pools = walk.conditions.pools()
        _, first, members = np.unique(pools, return_index=True, return_counts=True)
        wanted = LEAST_EFFECTIVE + PER_UNIT * members
        most = MOST_PARTICLES + MOST_PER_UNIT * members
        missing = np.ceil(wanted / FIRST_SHARE).astype(np.int64)
        have, parts = np.zeros(len(first), dtype=np.int64), list[Particles]()
        while True:
            parts.append(self._drawn(walk, np.repeat(first, missing), generator))
            have += missing
            drawn = _Pooled.of(_joined(parts), pools)
            short = drawn.effective < wanted
            if not short.any():
                return drawn
            _refuse(short & (have >= most), start + first)
            rate = np.maximum(drawn.effective, 1e-3) / have
            missing = np.clip(np.ceil(1.2 * wanted / rate - have), have // 4 + 1, 4 * have).astype(np.int64)
            missing = np.where(short, np.minimum(missing, most - have), 0)
            cells = int((have + missing).sum()) * int(np.prod(drawn.particles.codes.shape[1:]))
            if cells > CELLS and walk.conditions.units > 1:
                return None

    def _drawn(self, walk: Walk, units: NDArray[np.int64], generator: torch.Generator) -> Particles:
        everyone = torch.from_numpy(units).to(walk.conditions.device)
        size = min(CHUNK, self.sampler.most_units)
        return _joined([walk.draw(part, generator) for part in torch.split(everyone, size)])


@dataclass(frozen=True, eq=False)
class _Pooled:
    """Particles by the pool of units that chooses among them.

    ``weights`` ``(particles,)`` add up to 1 in each pool; ``log_sums`` and ``effective`` ``(pools,)``: logarithm of
    the sum of the weights, and effective sample size.
    """

    particles: Particles
    pools: NDArray[np.int64]
    pool: NDArray[np.int64]
    weights: Floats
    log_sums: Floats
    effective: Floats

    @classmethod
    def of(cls, particles: Particles, pools: NDArray[np.int64]) -> _Pooled:
        """``pools``: that of each unit."""
        pool = pools[particles.units.cpu().numpy()]
        count = int(pools.max()) + 1
        logs = particles.log_weights.cpu().numpy()
        best = np.full(count, -np.inf)
        np.maximum.at(best, pool, logs)
        best = np.where(np.isfinite(best), best, 0.0)
        weights = np.exp(logs - best[pool])
        sums = np.bincount(pool, weights, minlength=count)
        with np.errstate(divide="ignore"):
            log_sums = np.log(sums) + best
        alive = np.maximum(sums, np.finfo(float).tiny)
        weights /= alive[pool]
        squares = np.bincount(pool, weights**2, minlength=count)
        effective = np.where(sums > 0, 1 / np.maximum(squares, np.finfo(float).tiny), 0.0)
        return cls(particles, pools, pool, weights, log_sums, effective)

    def chosen(self, generator: torch.Generator) -> NDArray[np.int64]:
        """A particle for each unit, in proportion to the weights; shape ``(units,)``.

        Systematic within a pool, so that no particle is chosen twice whose weight is below a unit's share.
        """
        alive = np.flatnonzero(self.weights > 0)
        order = alive[np.argsort(self.pool[alive], kind="stable")]
        ends = np.cumsum(self.weights[order])
        # Each pool's weights add up to 1: where a pool begins and ends is known without rounding errors.
        last = np.cumsum(np.bincount(self.pool[order], minlength=int(self.pools.max()) + 1))
        members = np.bincount(self.pools)
        luck = torch.rand(len(members), generator=generator, device=generator.device).double().cpu().numpy()
        by_pool = np.argsort(self.pools, kind="stable")
        rank = np.empty(len(self.pools), dtype=np.int64)
        rank[by_pool] = np.arange(len(self.pools)) - np.repeat(np.cumsum(members) - members, members)
        point = self.pools + (rank + luck[self.pools]) / members[self.pools]
        place = np.searchsorted(ends, point, side="right")
        return order[np.clip(place, (last - np.bincount(self.pool[order]))[self.pools], last[self.pools] - 1)]


def _joined(parts: list[Particles]) -> Particles:
    places = max(part.codes.shape[1] for part in parts)
    padded = [torch.nn.functional.pad(part.codes, (0, 0, 0, places - part.codes.shape[1])) for part in parts]
    return Particles(
        torch.cat(padded),
        torch.cat([part.counts for part in parts]),
        torch.cat([part.units for part in parts]),
        torch.cat([part.log_weights for part in parts]),
    )


def _refuse(failed: NDArray[np.bool_], units: NDArray[np.int64]) -> None:
    """Raise ``ConditionError`` for the first unit that failed."""
    if failed.any():
        unit = int(units[failed].min())
        raise ConditionError(f"what is given of unit {unit + 1} cannot occur together, or next to never", unit)
