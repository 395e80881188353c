"""What a row knows of all earlier rows of its unit: causal attention, with its gradients of rows in closed form.

Blocks of attention and a small network each (Vaswani et al. 2017, arXiv:1706.03762), normalised before (Xiong et al.
2020, arXiv:2002.04745) without parameters. How far back a row lies lowers its score by a fixed slope a head (Press,
Smith and Lewis 2022, arXiv:2108.12409), so that nothing is learned of places. Only maps of single rows have
parameters; what happens between the rows of a unit has none, so that the norm of a unit's gradient stays a sum over
pairs of its rows (:mod:`shared.training.example_norms`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shared.training.ghost_layers import BlockLinear

HEADS = 4  # or fewer, where they do not divide the width
WIDENING = 2  # of the network after the attention


@dataclass(frozen=True, eq=False)
class Spans:
    """Runs of consecutive rows of one unit each, as a batch has them one after another.

    ``starts`` and ``lengths`` have shape ``(spans,)``, ``span`` and ``position`` ``(rows,)``: which span a row is in,
    and how many rows of it are before.
    """

    starts: Tensor
    lengths: Tensor
    span: Tensor
    position: Tensor

    @classmethod
    def of(cls, lengths: Tensor) -> Spans:
        """Spans of these lengths, each at least 1."""
        starts = lengths.cumsum(0) - lengths
        span = torch.repeat_interleave(lengths)
        position = torch.arange(len(span), device=lengths.device) - starts[span]
        return cls(starts, lengths, span, position)


class Cache:
    """Keys and values of the rows of units that are being drawn, those of the last ``window`` rows at most."""

    def __init__(self, blocks: int, window: int) -> None:
        self.window = window
        self.blocks: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(blocks)]

    def add(self, block: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep one more row of each unit; all that is kept, each of shape ``(units, rows, width)``."""
        kept = self.blocks[block]
        kept.append((keys, values))
        del kept[: -self.window]
        return torch.stack([k for k, _ in kept], 1), torch.stack([v for _, v in kept], 1)

    def keep(self, units: Tensor) -> None:
        """Go on with some of the units."""
        self.blocks = [[(k[units], v[units]) for k, v in kept] for kept in self.blocks]


class Block(nn.Module):
    """One block: states of rows ``(rows, width)`` to states of rows."""

    slopes: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        heads = math.gcd(HEADS, width)
        self.project = BlockLinear(1, width, 3 * width)
        self.out = BlockLinear(1, width, width)
        self.up = BlockLinear(1, width, WIDENING * width)
        self.down = BlockLinear(1, WIDENING * width, width)
        self.register_buffer("slopes", 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads), persistent=False)

    def reset(self, generator: torch.Generator) -> None:
        """Fresh parameters; what the block adds starts small."""
        for layer in (self.project, self.up):
            layer.reset(generator)
        for layer in (self.out, self.down):
            layer.reset(generator, scale=0.5)

    def forward(self, states: Tensor, spans: Spans, window: int) -> Tensor:
        queries, keys, values = self._projected(states)
        longest = int(spans.lengths.max())
        starts = range(0, longest, window)
        parts = [self._attended(queries, keys, values, spans, start, window) for start in starts]
        mixed = torch.cat([found for _, found in parts])
        if len(parts) > 1:
            mixed = mixed.index_select(0, torch.argsort(torch.cat([rows for rows, _ in parts])))
        return self._after(states, mixed)

    def step(self, states: Tensor, cache: Cache, block: int) -> Tensor:
        """The same for one more row of each unit, shape ``(units, width)``; earlier rows are in the cache."""
        queries, key, value = self._projected(states)
        keys, values = cache.add(block, key, value)
        rows = keys.shape[1]
        back = torch.arange(rows - 1, -1, -1, device=states.device)
        q, k, v = (self._heads(x) for x in (queries[:, None], keys, values))
        scores = self._products(q, k) - self.slopes[:, None, None] * back
        return self._after(states, (torch.softmax(scores, 3) @ v).transpose(1, 2).reshape(len(states), self.width))

    def _projected(self, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        queries, keys, values = self.project(_normal(states)[None])[0].chunk(3, 1)
        return queries, keys, values

    def _attended(
        self, queries: Tensor, keys: Tensor, values: Tensor, spans: Spans, start: int, window: int
    ) -> tuple[Tensor, Tensor]:
        """Rows at positions ``start`` to ``start + window`` of their spans: which they are, and what they see."""
        chosen = torch.nonzero(spans.lengths > start).squeeze(1)
        lengths = spans.lengths[chosen]
        stop = min(start + window, int(lengths.max()))
        first = max(0, start - window + 1)
        asked = torch.arange(start, stop, device=queries.device)
        seen = torch.arange(first, stop, device=queries.device)
        last = len(queries) - 1
        begin = spans.starts[chosen][:, None]
        q = self._heads(queries[(begin + asked).clamp(max=last)])
        k, v = (self._heads(x[(begin + seen).clamp(max=last)]) for x in (keys, values))
        back = asked[:, None] - seen[None, :]
        scores = self._products(q, k) - self.slopes[:, None, None] * back
        scores = scores.masked_fill((back < 0) | (back >= window), -torch.inf)
        found = (torch.softmax(scores, 3) @ v).transpose(1, 2).flatten(2)
        there = asked[None, :] < lengths[:, None]
        return (begin + asked)[there], found[there]

    def _heads(self, rows: Tensor) -> Tensor:
        """``(spans, rows, width)`` to ``(spans, heads, rows, width of a head)``."""
        return rows.view(*rows.shape[:2], len(self.slopes), -1).transpose(1, 2)

    def _products(self, queries: Tensor, keys: Tensor) -> Tensor:
        return queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[-1])

    def _after(self, states: Tensor, mixed: Tensor) -> Tensor:
        states = states + self.out(mixed[None])[0]
        return states + self.down(torch.relu(self.up(_normal(states)[None])))[0]


class Memory(nn.Module):
    """Blocks one after another; a row sees itself and the ``window - 1`` rows before it."""

    def __init__(self, blocks: int, width: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))

    def reset(self, generator: torch.Generator) -> None:
        """Fresh parameters."""
        for block in self._blocks():
            block.reset(generator)

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]

    def forward(self, states: Tensor, spans: Spans) -> Tensor:
        """States of rows ``(rows, width)``, each of which has seen the rows of its span before it."""
        for block in self._blocks():
            states = block(states, spans, self.window)
        return states

    def cache(self) -> Cache:
        """Nothing seen yet."""
        return Cache(len(self.blocks), self.window)

    def step(self, states: Tensor, cache: Cache) -> Tensor:
        """States of one more row of each unit, shape ``(units, width)``."""
        for index, block in enumerate(self._blocks()):
            states = block.step(states, cache, index)
        return states


def _normal(states: Tensor) -> Tensor:
    return nn.functional.layer_norm(states, states.shape[-1:])
