"""How the GAN sees rows: a choice for each column, and a place in its mode for each number, as numbers that mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
        choices: list[NDArray[np.float64]] = []
        for counts, mode in zip(marginals, modes, strict=True):
            counts = np.maximum(counts, 0.0)
            choices.append(
                counts if mode is None else np.bincount(mode.mode, counts, minlength=len(mode)).astype(np.float64)
            )
        generator = torch.Generator().manual_seed(_PROJECTION_SEED)
        tables = [_table(len(counts), generator).to(device) for counts in choices]
        return cls(tuple(len(counts) for counts in choices), tuple(modes), tuple(choices), tuple(tables))

    @property
    def numbers(self) -> list[int]:
        """Places of the columns that are numbers."""
        return [column for column, modes in enumerate(self.modes) if modes is not None]

    @property
    def width(self) -> int:
        """Numbers by which a critic sees a row."""
        return sum(table.shape[1] for table in self.tables) + len(self.numbers)

    def split(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Choices ``(rows, columns)`` and places ``(rows, numbers)`` of codes ``(rows, columns)``."""
        choices, places = codes.clone(), []
        for column in self.numbers:
            modes = self.modes[column]
            assert modes is not None
            choices[:, column] = torch.from_numpy(modes.mode).to(codes.device)[codes[:, column]]
            places.append(torch.from_numpy(modes.place).float().to(codes.device)[codes[:, column]])
        return choices, torch.stack(places, 1) if places else torch.zeros(len(codes), 0, device=codes.device)

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
            modes = self.modes[column]
            assert modes is not None
            found = modes.codes(choices[:, column].cpu().numpy(), places[:, place].double().cpu().numpy())
            codes[:, column] = torch.from_numpy(found).to(codes.device)
        return codes


def _table(size: int, generator: torch.Generator) -> Tensor:
    if size <= WHOLE:
        return torch.eye(size)
    directions = torch.randn(size, PROJECTED, generator=generator)
    return directions / directions.norm(dim=1, keepdim=True)
