"""What draws columns given some that come later: a correction of the network's logits.

The exact conditional of a column given those before it and an event E about later ones is
p(x | before) p(E | before, x), up to a constant. The network gives the first factor; this module
learns the logarithm of the second from the network's own samples. Its draws are a proposal: what it
gets wrong, importance weights make good (see :mod:`shared.engines.sequence.particles`). Without an event
about later columns it is switched off, and the draws are the network's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.engines.sequence.network import Heads, NetworkShape
from shared.training.ghost_layers import BlockLinear, MaskedBlockLinear

WIDTH = 8  # of the vector that tells what is known of a column
HIDDEN = 48


class Known(nn.Module):
    """What is known of columns, as vectors: the mean vector of the codes that are allowed, less that of all codes.

    Codes are weighted by how often they occur. A column of which nothing is known has the vector zero.
    Columns are grouped by padded size as in :class:`~shared.engines.sequence.network.Heads`.
    """

    def __init__(self, sizes: Sequence[int], groups: Sequence[tuple[int, list[int]]]) -> None:
        super().__init__()
        self.sizes, self.groups = tuple(sizes), tuple(groups)
        self.weights = nn.ParameterList(torch.empty(len(columns), width, WIDTH) for width, columns in groups)
        for index, (width, columns) in enumerate(groups):
            self.register_buffer(f"marginals_{index}", torch.zeros(len(columns), 1, width))

    def reset(self, marginals: Sequence[NDArray[np.float64]], generator: torch.Generator) -> None:
        """Vectors from a normal distribution; ``marginals``: how often each code occurs."""
        for index, (_, columns) in enumerate(self.groups):
            nn.init.normal_(self.weights[index], generator=generator)
            for block, column in enumerate(columns):
                shares = (marginals[column] + 1.0) / (marginals[column] + 1.0).sum()
                self.get_buffer(f"marginals_{index}")[block, 0, : len(shares)] = torch.from_numpy(shares)

    def group(self, index: int, shares: Tensor) -> Tensor:
        """Vectors of allowed shares ``(columns, sets, padded size)`` of one group, ``(columns, sets, WIDTH)``."""
        marginals = self.get_buffer(f"marginals_{index}")
        mass = shares * marginals
        return torch.bmm(mass / mass.sum(2, keepdim=True).clamp(min=1e-12) - marginals, self.weights[index])

    def column(self, column: int, shares: Tensor) -> Tensor:
        """Vectors of allowed shares ``(sets, size)`` of one column, shape ``(sets, WIDTH)``."""
        index = next(index for index, (_, columns) in enumerate(self.groups) if column in columns)
        width, columns = self.groups[index]
        padded = shares.new_zeros(len(columns), len(shares), width)
        block = columns.index(column)
        padded[block, :, : self.sizes[column]] = shares
        return self.group(index, padded)[block]


class Proposal(nn.Module):
    """Corrections of the logits of every column, given what is known of the columns after it.

    Sources of its first layer are those of the network, then what is known of each column of this row and,
    unless the table is flat, the mean of what is known of each row column in the unit's later rows.
    """

    def __init__(self, shape: NetworkShape, extra: int) -> None:
        super().__init__()
        self.columns, self.later = len(shape.sizes), 0 if shape.flat else len(shape.row_sizes)
        columns, later = self.columns, self.later
        after = torch.ones(columns, columns, dtype=torch.bool).tril(-1)
        visible = torch.cat([torch.ones(extra, columns, dtype=torch.bool), after.T])
        self.first = MaskedBlockLinear(visible, shape.embedding, HIDDEN)
        visible = torch.cat([after, torch.ones(later, columns, dtype=torch.bool)])
        self.given = MaskedBlockLinear(visible, WIDTH, HIDDEN)
        self.second = BlockLinear(columns, HIDDEN, HIDDEN)
        self.heads = Heads(shape.sizes, HIDDEN)
        self.known = Known(shape.sizes, self.heads.groups)

    def reset(self, marginals: Sequence[NDArray[np.float64]], generator: torch.Generator) -> None:
        """Fresh parameters, with which the corrections are near zero."""
        self.known.reset(marginals, generator)
        for layer in (self.first, self.given, self.second):
            layer.reset(generator)
        self.heads.reset([np.zeros(size) for size in self.heads.sizes], generator)

    def hidden(self, sources: Tensor, known: Tensor) -> Tensor:
        """What the heads read, shape ``(columns, rows, HIDDEN)``.

        ``sources`` are the network's, ``known`` has shape ``(rows, columns + later row columns, WIDTH)``.
        """
        hidden = torch.relu(self.first(sources) + self.given(known))
        return torch.relu(self.second(hidden))
