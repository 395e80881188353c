"""Logits of the codes of all columns, read from one hidden vector a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.engines.closings import CLOSED
from shared.engines.encoded import Positions
from shared.engines.rows.waves import HEAVY, WAVES, features
from shared.engines.sequence.network import cross_entropies
from shared.training.ghost_layers import BlockLinear


@dataclass(frozen=True)
class _Group:
    """Columns of one padded size; ``smooth``: their logits are combinations of smooth functions of the code."""

    smooth: bool
    padded: int
    columns: list[int]

    @property
    def outputs(self) -> int:
        """Numbers that are learned of each column."""
        return WAVES + HEAVY if self.smooth else self.padded


class CodeHeads(nn.Module):
    """Columns of like size share one product. What is learned is added to the logarithms of the marginals.

    ``smooth`` says of each column whether its codes are those of a number (:mod:`shared.engines.rows.waves`).
    """

    def __init__(self, sizes: Sequence[int], smooth: Sequence[bool], width: int) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        padded = [1 << (size - 1).bit_length() for size in sizes]
        kinds = list(zip(smooth, padded, strict=True))
        self.groups = [_Group(*kind, [j for j, k in enumerate(kinds) if k == kind]) for kind in sorted(set(kinds))]
        self.total = sum(padded)
        layers = [BlockLinear(1, width, len(group.columns) * group.outputs) for group in self.groups]
        self.layers = nn.ModuleList(layers)
        for index, group in enumerate(self.groups):
            self.register_buffer(f"base_{index}", torch.full((len(group.columns), group.padded), CLOSED))
            if group.smooth:
                functions = torch.zeros(len(group.columns), group.outputs, group.padded)
                self.register_buffer(f"functions_{index}", functions)

    def reset(
        self,
        marginals: Sequence[NDArray[np.float64]],
        positions: Sequence[Positions],
        generator: torch.Generator,
    ) -> None:
        """Weights near zero; codes start at the logarithms of their frequencies, one added to each count."""
        for index, (layer, group) in enumerate(zip(self.layers, self.groups, strict=True)):
            assert isinstance(layer, BlockLinear)
            layer.reset(generator, scale=0.1)
            for block, column in enumerate(group.columns):
                counts, places = np.maximum(marginals[column], 0) + 1.0, positions[column]
                logs = torch.from_numpy(np.log(counts / counts.sum())).float()
                self.get_buffer(f"base_{index}")[block, : len(counts)] = logs
                if group.smooth and places is not None:
                    found = torch.from_numpy(features(counts, places)).float()
                    self.get_buffer(f"functions_{index}")[block, :, : len(counts)] = found.T

    @torch.no_grad()
    def move(self, marginals: Sequence[NDArray[np.float64]]) -> None:
        """Further data have other marginals: what is learned is added to the logarithms of theirs from now on.

        That is all there is to learn where only shares moved, and otherwise a better start: a code that was next to
        never seen would take long to become common. The shares so far weigh as much as one row for each code.
        """
        for index, group in enumerate(self.groups):
            for block, column in enumerate(group.columns):
                base = self.get_buffer(f"base_{index}")[block, : self.sizes[column]]
                counts = torch.from_numpy(np.maximum(marginals[column], 0)).to(base.device, torch.float64)
                shares = counts + len(base) * torch.softmax(base.double(), dim=0)
                base.copy_(torch.log(shares / shares.sum()))

    def grouped(self, hidden: Tensor) -> Iterator[tuple[list[int], Tensor]]:
        """Columns of a group and their logits ``(columns, rows, padded size)``, of ``hidden`` ``(rows, width)``."""
        for index, (layer, group) in enumerate(zip(self.layers, self.groups, strict=True)):
            learned = layer(hidden[None])[0].view(len(hidden), len(group.columns), group.outputs).transpose(0, 1)
            base = self.get_buffer(f"base_{index}")[:, None, :]
            if group.smooth:
                yield group.columns, torch.baddbmm(base, learned, self.get_buffer(f"functions_{index}"))
            else:
                yield group.columns, learned + base

    def losses(self, hidden: Tensor, codes: Tensor) -> Tensor:
        """Cross-entropy of rows, summed over columns, shape ``(rows,)``."""
        parts = [cross_entropies(logits, codes[:, columns].T).sum(0) for columns, logits in self.grouped(hidden)]
        return torch.stack(parts).sum(0)

    def logits(self, hidden: Tensor) -> list[Tensor]:
        """Logits of each column, shape ``(rows, size)``."""
        return self.apart(self.grouped(hidden))

    def apart(self, grouped: Iterable[tuple[list[int], Tensor]]) -> list[Tensor]:
        """What lies in groups as :meth:`grouped` gives them, column by column, each ``(rows, size)``."""
        found: dict[int, Tensor] = {}
        for columns, parts in grouped:
            pairs = zip(columns, parts.unbind(0), strict=True)
            found |= {column: part.narrow(1, 0, self.sizes[column]) for column, part in pairs}
        return [found[column] for column in range(len(self.sizes))]
