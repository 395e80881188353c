"""The network of the sequence engine: all columns of a row in one pass, each given those before it.

A masked autoregressive network over blocks (after MADE, Germain et al. 2015, arXiv:1502.03509): a
column has an embedding and a hidden block of its own, the first layer lets a block see the columns
before it, the second stays inside the block, and a head gives the logits of the column's codes.
Rows of a unit with several are given their place, the number of rows and, by attention, the rows before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.engines.closings import CLOSED
from shared.engines.encoded import Applies
from shared.engines.sequence.memory import Cache, Memory, Spans
from shared.engines.sequence.places import bucket_sizes
from shared.engines.sequence.recall import Earlier, Recall
from shared.training.ghost_layers import BlockLinear, ColumnEmbedding, MaskedBlockLinear


@dataclass(frozen=True)
class NetworkShape:
    """Plain values that fix the network: ``sizes`` of all columns, those of the unit first.

    ``most_rows`` is the highest number of rows of a unit, ``empty_units`` whether some have none, ``given_units``
    whether the units' own columns and numbers of rows are always given, so that they carry no loss. ``window`` is how
    many rows a row sees, itself included, ``attention`` the number of blocks with which it does.
    """

    unit_columns: int
    sizes: tuple[int, ...]
    most_rows: int
    embedding: int
    hidden: int
    context: int
    empty_units: bool = False
    given_units: bool = False
    window: int = 64
    attention: int = 1
    words: tuple[tuple[int, ...], ...] = ()
    recall: bool = True
    applies: tuple[Applies, ...] = ()

    @property
    def row_sizes(self) -> tuple[int, ...]:
        return self.sizes[self.unit_columns :]

    @property
    def flat(self) -> bool:
        """Whether every unit has one row, so that there is no context to be given."""
        return self.most_rows == 1 and not self.empty_units and not self.given_units


@dataclass(frozen=True)
class RowInputs:
    """Rows as the network takes them.

    ``codes`` ``(rows, columns)``; ``previous`` ``(rows, row columns)``, the codes of the row before,
    shifted by one so that 0 stands for "none"; ``place`` ``(rows, 3)``: see :mod:`shared.engines.sequence.places`;
    ``spans``: which rows follow one another. The last three are ``None`` for a flat table.
    """

    codes: Tensor
    previous: Tensor | None
    place: Tensor | None
    spans: Spans | None


class Heads(nn.Module):
    """Logits of all columns; columns of like size share one batched product."""

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        padded = [1 << (size - 1).bit_length() for size in sizes]
        self.groups = [(width_, [j for j, p in enumerate(padded) if p == width_]) for width_ in sorted(set(padded))]
        self.layers = nn.ModuleList(BlockLinear(len(columns), width, outputs) for outputs, columns in self.groups)
        for index, (outputs, columns) in enumerate(self.groups):
            closed = torch.tensor([[code >= self.sizes[j] for code in range(outputs)] for j in columns])
            self.register_buffer(f"closed_{index}", CLOSED * closed.float()[:, None, :], persistent=False)
            self.register_buffer(f"columns_{index}", torch.tensor(columns), persistent=False)
        # Columns are put into the order of the groups once, rather than picked group by group.
        order = torch.tensor([column for _, columns in self.groups for column in columns], dtype=torch.int64)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("places", torch.argsort(order), persistent=False)

    def reset(self, marginals: Sequence[NDArray[np.float64]], generator: torch.Generator) -> None:
        """Weights near zero; biases at the log frequencies of the codes, one added to each count."""
        for layer, (_, columns) in zip(self._layers(), self.groups, strict=True):
            layer.reset(generator, scale=0.1)
            for block, column in enumerate(columns):
                counts = np.maximum(marginals[column], 0) + 1.0
                layer.bias.data[block, : len(counts)] = torch.from_numpy(np.log(counts / counts.sum())).float()

    def _layers(self) -> Iterator[BlockLinear]:
        for layer in self.layers:
            assert isinstance(layer, BlockLinear)
            yield layer

    def grouped(self, hidden: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Columns of one padded size, and their logits ``(columns, rows, padded size)``, group by group."""
        ordered = hidden.index_select(0, self.get_buffer("order"))
        parts = torch.split(ordered, [len(columns) for _, columns in self.groups])
        for index, (layer, part) in enumerate(zip(self._layers(), parts, strict=True)):
            yield self.get_buffer(f"columns_{index}"), layer(part, self.get_buffer(f"closed_{index}"))

    def losses(self, grouped: Iterable[tuple[Tensor, Tensor]], codes: Tensor) -> Tensor:
        """Cross-entropy, shape ``(rows, columns)``, of logits as :meth:`grouped` gives them."""
        parts = [cross_entropies(logits, codes.T.index_select(0, columns)) for columns, logits in grouped]
        return torch.cat(parts).index_select(0, self.get_buffer("places")).T

    def logits(self, column: int, hidden: Tensor) -> Tensor:
        """Logits of one column, shape ``(rows, size)``, of its hidden block ``(rows, width)``."""
        for layer, (_, columns) in zip(self._layers(), self.groups, strict=True):
            if column in columns:
                block, size = columns.index(column), self.sizes[column]
                return torch.addmm(layer.bias[block, :size], hidden, layer.weight[block, :, :size])
        raise IndexError(column)


def cross_entropies(logits: Tensor, targets: Tensor) -> Tensor:
    """Of logits ``(columns, rows, size)`` and codes ``(columns, rows)``, which is the shape."""
    losses = nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), reduction="none")
    return losses.view(targets.shape)


class RowNetwork(nn.Module):
    """See the module's docstring."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        columns = len(shape.sizes)
        self.embedding = ColumnEmbedding(shape.sizes, shape.embedding)
        self.extra = 0
        if not shape.flat:
            # Context enters the first layer as further sources that every column sees.
            self.extra = -(-shape.context // shape.embedding)
            context = self.extra * shape.embedding
            self.previous = ColumnEmbedding([size + 1 for size in shape.row_sizes], shape.embedding)
            places = bucket_sizes(shape.most_rows, shape.window)
            self.place = ColumnEmbedding(places, shape.embedding)
            self.summary = BlockLinear(1, (len(shape.row_sizes) + len(places)) * shape.embedding, context)
            self.memory = Memory(shape.attention, context, shape.window)
        before = torch.ones(columns, columns, dtype=torch.bool).triu(1)
        visible = torch.cat([torch.ones(self.extra, columns, dtype=torch.bool), before])
        self.first = MaskedBlockLinear(visible, shape.embedding, shape.hidden)
        self.second = BlockLinear(columns, shape.hidden, shape.hidden)
        self.heads = Heads(shape.sizes, shape.hidden)
        if self.extra and shape.recall:
            self.recall = Recall(shape.sizes, shape.unit_columns, shape.hidden, shape.words)

    def reset(self, marginals: Sequence[NDArray[np.float64]], generator: torch.Generator) -> None:
        """Fresh parameters; heads start at the marginals."""
        for module in (self.embedding, self.first, self.second):
            module.reset(generator)
        if self.extra:
            for layer in (self.previous, self.place, self.summary):
                layer.reset(generator)
            self.memory.reset(generator)
        if self.recalls:
            self.recall.reset()
        self.heads.reset(marginals, generator)

    @property
    def recalls(self) -> bool:
        return self.extra > 0 and self.shape.recall

    def _states(self, previous: Tensor, place: Tensor) -> Tensor:
        """The row before and the place of rows, as one vector each, shape ``(rows, context)``."""
        known = torch.cat([self.previous(previous), self.place(place)], dim=1)
        states: Tensor = self.summary(known.flatten(1)[None])[0]
        return states

    def context(self, inputs: RowInputs) -> Tensor | None:
        """Shape ``(rows, extra, embedding)``: what is known of the unit before the row is drawn."""
        if inputs.previous is None or inputs.place is None or inputs.spans is None:
            return None
        states = self.memory(self._states(inputs.previous, inputs.place), inputs.spans)
        return torch.relu(states).view(len(states), self.extra, self.shape.embedding)

    def next_context(self, previous: Tensor, place: Tensor, cache: Cache) -> Tensor:
        """The same, shape ``(units, extra * embedding)``, for one more row of units whose earlier rows are cached."""
        return torch.relu(self.memory.step(self._states(previous, place), cache))

    def sources(self, inputs: RowInputs) -> Tensor:
        """What the first layer reads, shape ``(rows, extra + columns, embedding)``."""
        sources: Tensor = self.embedding(inputs.codes)
        context = self.context(inputs)
        return sources if context is None else torch.cat([context, sources], dim=1)

    def hidden(self, sources: Tensor) -> Tensor:
        """What the heads read, shape ``(columns, rows, hidden)``."""
        hidden = torch.relu(self.first(sources))
        return torch.relu(self.second(hidden))

    def grouped(self, inputs: RowInputs, sources: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Columns of one padded size, and their logits ``(columns, rows, padded size)``, group by group."""
        hidden = self.hidden(sources)
        groups = self.heads.grouped(hidden)
        if inputs.spans is None or not self.recalls:
            yield from groups
            return
        earlier = Earlier.of(inputs.spans, self.shape.window)
        gates = self.recall.gates(hidden)
        for columns, logits in groups:
            yield columns, self.recall.lifted(logits, columns, gates, inputs.codes, earlier)

    def losses(self, inputs: RowInputs) -> Tensor:
        """Cross-entropy of each column of each row, shape ``(rows, columns)``."""
        return self.heads.losses(self.grouped(inputs, self.sources(inputs)), inputs.codes)

    def cache(self) -> Cache | None:
        """What sampling keeps of rows, nothing yet; ``None`` for a flat table."""
        return self.memory.cache() if self.extra else None

    def embed(self, column: int, codes: Tensor) -> Tensor:
        """The vectors of one column's codes, shape ``(rows, embedding)``."""
        return self.embedding.weight[codes + self.embedding.offsets[column]]

    def logits(self, column: int, sources: Tensor, matrix: Tensor, codes: Tensor, history: Tensor | None) -> Tensor:
        """Logits of one column given the sources before it, shape ``(rows, size)``.

        ``sources`` has shape ``(rows, (extra + column) * embedding)``; ``matrix`` is the first
        layer's masked weight; ``codes`` ``(rows, columns)`` holds those before the column, ``history`` the rows before.
        """
        width = self.shape.hidden
        block = matrix[: sources.shape[1], column * width : (column + 1) * width]
        hidden = torch.relu(torch.addmm(self.first.bias[column], sources, block))
        hidden = torch.relu(torch.addmm(self.second.bias[column], hidden, self.second.weight[column]))
        logits = self.heads.logits(column, hidden)
        if history is not None and self.recalls:
            self.recall.lift(logits, column, hidden, codes, history)
        return logits
