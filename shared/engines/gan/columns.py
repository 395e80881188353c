"""How the GAN sees rows: a choice for each column, and a place in its mode for each number, as numbers that mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.encoded import Positions
from shared.engines.gan.modes import Modes, modes_of

WHOLE = 32  # choices up to which a column is seen as one number for each of them
PROJECTED = 24  # numbers that stand for a choice among more
_PROJECTION_SEED = 0x6A09E667


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of choices: the codes of a category, the modes of a number.

    ``modes`` has an entry for each column, ``None`` for a category. ``tables`` maps choices to the numbers by which a
    critic sees them, ``(choices, numbers)``: each its own where they are few, else fixed random
    directions (Johnson and Lindenstrauss), so that no large one-hot enters the critic.
    """

    sizes: tuple[int, ...]
    modes: tuple[Modes | None, ...]
    marginals: tuple[NDArray[np.float64], ...]
    tables: tuple[Tensor, ...]

    @classmethod
    def build(
        cls, marginals: Sequence[NDArray[np.float64]], positions: Sequence[Positions], device: torch.device
    ) -> Self:
        """From what a shape says; the same for the same shape."""
        modes = [None if p is None else modes_of(c, p) for c, p in zip(marginals, positions, strict=True)]
        choices = _choices(marginals, modes)
        generator = torch.Generator().manual_seed(_PROJECTION_SEED)
        tables = [_table(len(counts), generator).to(device) for counts in choices]
        return cls(tuple(len(counts) for counts in choices), tuple(modes), tuple(choices), tuple(tables))

    def choices_of(self, marginals: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        """How often each choice occurs where codes occur so often."""
        return _choices(marginals, self.modes)

    @cached_property
    def numbers(self) -> list[int]:
        """Places of the columns that are numbers."""
        return [column for column, modes in enumerate(self.modes) if modes is not None]

    @cached_property
    def _starts(self) -> Tensor:
        """Of each number, where its codes lie in the two tensors below."""
        sizes = [len(self._known(column).mode) for column in self.numbers]
        return torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)).to(self.device)

    @cached_property
    def _mode_of_code(self) -> Tensor:
        return torch.from_numpy(np.concatenate([self._known(column).mode for column in self.numbers])).to(self.device)

    @cached_property
    def _place_of_code(self) -> Tensor:
        places = np.concatenate([self._known(column).place for column in self.numbers])
        return torch.from_numpy(places).float().to(self.device)

    def _known(self, column: int) -> Modes:
        modes = self.modes[column]
        assert modes is not None
        return modes

    @property
    def device(self) -> torch.device:
        """Where the tables lie."""
        return self.tables[0].device

    @property
    def width(self) -> int:
        """Numbers by which a critic sees a row."""
        return sum(table.shape[1] for table in self.tables) + len(self.numbers)

    def split(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Choices ``(rows, columns)`` and places ``(rows, numbers)`` of codes ``(rows, columns)``."""
        numbers = self.numbers
        if not numbers:
            return codes, torch.zeros(len(codes), 0, device=codes.device)
        mine = self._starts + codes[:, numbers]
        choices = codes.clone()
        choices[:, numbers] = self._mode_of_code[mine]
        return choices, self._place_of_code[mine]

    def seen(self, choices: Tensor, places: Tensor) -> Tensor:
        """What a critic sees of rows, shape ``(rows, width)``."""
        parts = [table[choices[:, column]] for column, table in enumerate(self.tables)]
        return torch.cat([*parts, places], dim=1)

    def seen_soft(self, chosen: Sequence[Tensor], places: Tensor) -> Tensor:
        """The same where each choice is a distribution ``(rows, choices)``, which gradients flow through."""
        parts = [part if len(t) == t.shape[1] else part @ t for part, t in zip(chosen, self.tables, strict=True)]
        return torch.cat([*parts, places], dim=1)

    def codes(self, choices: Tensor, places: Tensor) -> Tensor:
        """The inverse of :meth:`split`: for a number the code nearest to the value."""
        codes = choices.clone()
        for place, column in enumerate(self.numbers):
            modes = self._known(column)
            found = modes.codes(choices[:, column].cpu().numpy(), places[:, place].double().cpu().numpy())
            codes[:, column] = torch.from_numpy(found).to(codes.device)
        return codes


def _choices(marginals: Sequence[NDArray[np.float64]], modes: Sequence[Modes | None]) -> list[NDArray[np.float64]]:
    choices: list[NDArray[np.float64]] = []
    for counts, mode in zip(marginals, modes, strict=True):
        kept = np.maximum(counts, 0.0)
        choices.append(kept if mode is None else np.bincount(mode.mode, kept, minlength=len(mode)).astype(np.float64))
    return choices


def _table(size: int, generator: torch.Generator) -> Tensor:
    if size <= WHOLE:
        return torch.eye(size)
    directions = torch.randn(size, PROJECTED, generator=generator)
    return directions / directions.norm(dim=1, keepdim=True)
