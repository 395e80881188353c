"""Rows from latents, column by column, with codes closed that exclusions forbid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from shared.engines.closings import Closings, close, compiled
from shared.engines.encoded import CodeExclusion
from shared.engines.rows.layout import Layout
from shared.engines.sequence.sampling import drawn
from shared.engines.vae.network import VaeNetwork

_LOGITS = 1 << 24  # held at a time: 64 MB


@dataclass(frozen=True, eq=False)
class Redrawn:
    """Where the latents of rows lie, ``(rows, latent)``; ``log_widths`` of ``None``: exactly there."""

    means: Tensor
    log_widths: Tensor | None

    def latents(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Latents of some of the rows."""
        means = self.means[rows]
        if self.log_widths is None:
            return means
        noise = torch.randn(means.shape, generator=generator, device=means.device)
        return means + self.log_widths[rows].exp() * noise


@dataclass(frozen=True, eq=False)
class Kept:
    """Codes ``(rows, columns)`` that rows have, and which of them stay."""

    codes: Tensor
    stays: Tensor


@dataclass(frozen=True, eq=False)
class Decoder:
    """Draws rows from the prior, or around given latents; see :class:`shared.engines.rows.drawing.RowSource`."""

    network: VaeNetwork
    closings: Closings
    redrawn: Redrawn | None = None
    kept: Kept | None = None

    @classmethod
    def build(
        cls, network: VaeNetwork, layout: Layout, exclusions: Sequence[CodeExclusion], device: torch.device
    ) -> Self:
        """From the prior. Raises ``SchemaError`` for an exclusion of a column that there is not."""
        return cls(network, compiled(exclusions, layout.names, layout.sizes, 0, device))

    def around(self, redrawn: Redrawn, kept: Kept | None) -> Decoder:
        """From given latents, row by row."""
        return replace(self, redrawn=redrawn, kept=kept)

    @property
    def alike(self) -> bool:
        """Whether one row may be drawn for another."""
        return self.redrawn is None

    @torch.no_grad()
    def draw(self, slots: Tensor, last: Tensor, generator: torch.Generator) -> Tensor:
        """Codes ``(rows, columns)`` for the rows ``slots``."""
        size = max(1, _LOGITS // self.network.heads.total)
        parts = zip(torch.split(slots, size), torch.split(last, size), strict=True)
        return torch.cat([self._drawn(rows, ends, generator) for rows, ends in parts])

    def _drawn(self, rows: Tensor, last: Tensor, generator: torch.Generator) -> Tensor:
        if self.redrawn is None:
            latents = self.network.sampled_prior(len(rows), generator)
        else:
            latents = self.redrawn.latents(rows, generator)
        codes = torch.zeros(len(rows), len(self.network.shape.sizes), dtype=torch.int64, device=last.device)
        # Closings ask of a row at place 0 whether it is the last of so many.
        counts = torch.where(last, 1, 2)
        for column, logits in enumerate(self.network.heads.logits(self.network.hidden(latents))):
            closings = self.closings.get(column, ())
            if closings:
                logits = logits.clone()
                close(logits, closings, codes, 0, counts)
            codes[:, column] = drawn(torch.softmax(logits, dim=1), generator)
            if self.kept is not None:
                stays = self.kept.stays[rows, column]
                codes[:, column] = torch.where(stays, self.kept.codes[rows, column], codes[:, column])
        return codes
