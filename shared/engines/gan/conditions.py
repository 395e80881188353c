"""Conditions of the conditional GAN: a choice of one column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ConditionTable:
    """All choices of all columns one after another: ``natural`` and ``balanced`` are their chances as conditions.

    A column is chosen evenly, then a choice of it: by its frequency, or so that rare ones are trained more often
    ("training by sampling" by log-frequency, Xu et al. 2019, arXiv:1907.00503, section 4.3), at most ``boost`` times.
    """

    starts: Tensor
    natural: Tensor
    balanced: Tensor

    @classmethod
    def build(cls, marginals: Sequence[NDArray[np.float64]], boost: float, device: torch.device) -> Self:
        """From the frequencies of choices, exact or noisy."""
        sizes = [len(counts) for counts in marginals]
        natural, balanced = [], []
        for counts in marginals:
            share = (counts + 1e-9) / (counts + 1e-9).sum()
            logs = np.log1p(np.maximum(counts, 0.0)) + 1e-9
            aimed = np.minimum(logs / logs.sum(), boost * share)
            natural.append(share / len(sizes))
            balanced.append(aimed / aimed.sum() / len(sizes))
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        return cls(
            torch.from_numpy(starts).to(device),
            torch.from_numpy(np.concatenate(natural)).float().to(device),
            torch.from_numpy(np.concatenate(balanced)).float().to(device),
        )

    def of_rows(self, choices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """For each row a column, drawn evenly, and the row's own choice of it: columns and conditions ``(rows,)``."""
        rows, columns = choices.shape
        column = torch.randint(columns, (rows,), generator=generator, device=choices.device)
        return column, self.starts[column] + choices.gather(1, column[:, None])[:, 0]

    def drawn(self, rows: int, generator: torch.Generator, *, balanced: bool) -> tuple[Tensor, Tensor]:
        """Columns and conditions ``(rows,)``."""
        chances = self.balanced if balanced else self.natural
        condition = torch.multinomial(chances, rows, replacement=True, generator=generator)
        column = torch.searchsorted(self.starts, condition, right=True) - 1
        return column, condition

    def weights(self, conditions: Tensor) -> Tensor:
        """How much more often a condition is to be seen than rows have it, shape ``(rows,)``."""
        return self.balanced[conditions] / self.natural[conditions].clamp(min=1e-12)
