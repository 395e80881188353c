"""Networks that give the next token: an LSTM and a decoder-only transformer, small enough to train from scratch.

Both consist of layers that opacus knows, treat their rows apart from one another, and keep no state between calls.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Protocol, Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


class Cache(Protocol):
    """What is known of the tokens so far, of each row."""

    def select(self, rows: Tensor) -> Self:
        """The same of some rows, ``rows`` an index."""
        ...


class CausalNetwork(nn.Module, ABC):
    """Gives logits of the next token.

    Training reads whole texts, padded on the right (what follows is never seen). Generation starts with prompts that
    are padded on the left and goes on token by token.
    """

    @abstractmethod
    def hidden(self, tokens: Tensor) -> Tensor:
        """States after each token, shape ``(batch, length, width)``, for ``tokens`` of shape ``(batch, length)``."""

    @abstractmethod
    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of the next token, shape ``(batch, length, vocabulary)``."""

    @abstractmethod
    def begin(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Cache]:
        """Logits after the prompts, ``(batch, vocabulary)``; ``present`` is false where a prompt is padded (left)."""

    @abstractmethod
    def advance(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Logits after one more token of each row, ``tokens`` of shape ``(batch,)``."""

    @property
    @abstractmethod
    def most_tokens(self) -> int:
        """Longest text, prompt included."""

    @property
    def learned(self) -> nn.Module:
        """The part whose parameters are trained, saved and loaded: all of it, unless told otherwise."""
        return self


class LstmCache:
    """Hidden and cell states of each layer, shape ``(batch, width)``."""

    def __init__(self, states: list[tuple[Tensor, Tensor]]) -> None:
        self.states = states

    def select(self, rows: Tensor) -> LstmCache:
        return LstmCache([(hidden[rows], cell[rows]) for hidden, cell in self.states])


class LstmNetwork(CausalNetwork):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735).

    Made of linear layers, so that opacus has its gradients of single rows (``nn.LSTM`` has none). ``outputs`` is the
    width of its head, that of the vocabulary unless told otherwise.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        embedding: int,
        hidden: int,
        layers: int,
        most_tokens: int,
        outputs: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        widths = [embedding, *[hidden] * (layers - 1)]
        self.inputs = nn.ModuleList(nn.Linear(width, 4 * hidden) for width in widths)
        self.recurrences = nn.ModuleList(nn.Linear(hidden, 4 * hidden, bias=False) for _ in widths)
        self.head = nn.Linear(hidden, vocabulary if outputs is None else outputs)
        self._hidden = hidden
        self._most_tokens = most_tokens

    @property
    def most_tokens(self) -> int:
        return self._most_tokens

    def _start(self, batch: int) -> LstmCache:
        like = self.head.weight
        return LstmCache(
            [(like.new_zeros(batch, self._hidden), like.new_zeros(batch, self._hidden))] * len(self.inputs)
        )

    def hidden(self, tokens: Tensor) -> Tensor:
        return self._run(tokens, self._start(len(tokens)), None)[0]

    def _run(self, tokens: Tensor, cache: LstmCache, present: Tensor | None) -> tuple[Tensor, LstmCache]:
        """States of the last layer after each token, and of all layers after the last."""
        below, ends = self.embedding(tokens), []
        for inputs, recurrence, (hidden, cell) in zip(self.inputs, self.recurrences, cache.states, strict=True):
            signals, outputs = inputs(below), []
            for place in range(tokens.shape[1]):
                after, cell_after = _lstm_cell(signals[:, place] + recurrence(hidden), cell)
                if present is not None:
                    here = present[:, place, None]
                    after, cell_after = torch.where(here, after, hidden), torch.where(here, cell_after, cell)
                hidden, cell = after, cell_after
                outputs.append(hidden)
            below = torch.stack(outputs, dim=1)
            ends.append((hidden, cell))
        return below, LstmCache(ends)

    def logits(self, hidden: Tensor) -> Tensor:
        return self.head(hidden)

    def begin(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Cache]:
        hidden, cache = self._run(tokens, self._start(len(tokens)), present)
        return self.head(hidden[:, -1]), cache

    def advance(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        assert isinstance(cache, LstmCache)
        hidden, cache = self._run(tokens[:, None], cache, None)
        return self.head(hidden[:, -1]), cache


def _lstm_cell(signals: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden and cell state after one token; gates in the order input, forget, candidate, output."""
    enter, forget, candidate, leave = signals.chunk(4, dim=1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(candidate)
    return torch.sigmoid(leave) * torch.tanh(cell), cell


class TransformerCache:
    """Keys and values of each layer, ``(batch, heads, length, width)``; ``present`` ``(batch, length)``."""

    def __init__(self, layers: list[tuple[Tensor, Tensor]], present: Tensor) -> None:
        self.layers = layers
        self.present = present

    def select(self, rows: Tensor) -> TransformerCache:
        return TransformerCache([(keys[rows], values[rows]) for keys, values in self.layers], self.present[rows])


class _Block(nn.Module):
    """One layer of attention and one of two linear maps, each after a normalisation and beside what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.attended = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(
        self, states: Tensor, mask: Tensor | None, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        batch, length, width = states.shape
        parts = self.attended(self.before(states)).view(batch, length, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        if past is not None:
            keys, values = torch.cat([past[0], keys], dim=2), torch.cat([past[1], values], dim=2)
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=mask is None)
        states = states + self.joined(mixed.transpose(1, 2).reshape(batch, length, width))
        return states + self.narrow(F.gelu(self.wide(self.between(states)))), (keys, values)


class TransformerNetwork(CausalNetwork):
    """A decoder-only transformer, normalised before each layer, with learned positions (Radford et al. 2019)."""

    def __init__(self, vocabulary: int, *, hidden: int, layers: int, heads: int, most_tokens: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.positions = nn.Embedding(most_tokens, hidden)
        self.blocks = nn.ModuleList(_Block(hidden, heads) for _ in range(layers))
        self.last = nn.LayerNorm(hidden)
        self.head = nn.Linear(hidden, vocabulary)

    @property
    def most_tokens(self) -> int:
        return self.positions.num_embeddings

    def hidden(self, tokens: Tensor) -> Tensor:
        # Positions of shape (batch, length), not (1, length): opacus stacks by row.
        places = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        states = self.embedding(tokens) + self.positions(places)
        for block in self.blocks:
            states, _ = block(states, None, None)
        return self.last(states)

    def logits(self, hidden: Tensor) -> Tensor:
        return self.head(hidden)

    def begin(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Cache]:
        states = self.embedding(tokens) + self.positions((present.cumsum(1) - 1).clamp(min=0))
        length = tokens.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()
        # A padded place sees itself alone: what nothing is seen by must still be a number.
        itself = torch.eye(length, dtype=torch.bool, device=tokens.device)
        mask = (causal & present[:, None, :]) | itself
        kept = []
        for block in self.blocks:
            states, past = block(states, mask[:, None], None)
            kept.append(past)
        return self.head(self.last(states[:, -1:]))[:, 0], TransformerCache(kept, present)

    def advance(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        assert isinstance(cache, TransformerCache)
        place = cache.present.sum(1)[:, None]
        states = self.embedding(tokens[:, None]) + self.positions(place)
        present = torch.cat([cache.present, torch.ones_like(cache.present[:, :1])], dim=1)
        kept = []
        for block, past in zip(self.blocks, cache.layers, strict=True):
            states, past = block(states, present[:, None, None], past)
            kept.append(past)
        return self.head(self.last(states))[:, 0], TransformerCache(kept, present)


def unborn() -> AbstractContextManager[object]:
    """Modules made inside have no storage: what layers draw when they are made would come from torch's global state."""
    return torch.device("meta")


def reset(network: N, generator: torch.Generator) -> N:
    """Give an ``unborn`` network its first weights, all drawn from ``generator``; returns it.

    Forget gates of an LSTM start open (Jozefowicz et al. 2015).
    """
    network = network.to_empty(device="cpu")
    # A transformer normalises what it reads; an LSTM reads embeddings as they are.
    spread = 1.0 if isinstance(network, LstmNetwork) else 0.05
    for module in network.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=spread, generator=generator)
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    if isinstance(network, LstmNetwork):
        for inputs in network.inputs:
            assert isinstance(inputs, nn.Linear)
            width = inputs.out_features // 4
            with torch.no_grad():
                inputs.bias[width : 2 * width] = 1.0
    return network
