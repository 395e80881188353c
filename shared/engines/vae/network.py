"""The networks of the VAE: encoder, decoder, and a prior that is learned with them.

Latents are continuous (Kingma and Welling 2014, arXiv:1312.6114). The decoder gives each column a distribution
over its codes, all independent given the latents, so what columns have to do with one another stands in the latents
alone. Their distribution over all rows is far from a normal one; a standard normal prior would leave its
gaps to be sampled from, so the prior is learned in the same pass: each latent is a mixture of normals whose parameters
depend on the latents before it (an autoregressive prior as in Chen et al. 2017, arXiv:1611.02731, with the
masks of MADE, Germain et al. 2015, arXiv:1502.03509).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.engines.encoded import Positions
from shared.engines.rows.heads import CodeHeads
from shared.engines.rows.waves import waves
from shared.training.ghost_layers import BlockLinear, ColumnEmbedding, MaskedBlockLinear

_LOG_WIDTHS = (-7.0, 3.0)  # of normals, of posterior and prior
_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, kw_only=True)
class VaeShape:
    """Plain values that fix the networks; see :class:`shared.engines.vae.config.VaeConfig`.

    ``smooth`` says of each column whether its codes are many points of a line.
    """

    sizes: tuple[int, ...]
    smooth: tuple[bool, ...]
    latent: int
    hidden: int
    embedding: int
    prior_hidden: int
    mixture: int


class VaeNetwork(nn.Module):
    """See the module's docstring. All parameters lie in ghost layers, each called once a pass."""

    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = ColumnEmbedding(shape.sizes, shape.embedding)
        self.encoder = nn.ModuleList(
            [
                BlockLinear(1, len(shape.sizes) * shape.embedding, shape.hidden),
                BlockLinear(1, shape.hidden, shape.hidden),
                BlockLinear(1, shape.hidden, 2 * shape.latent),
            ]
        )
        self.decoder = nn.ModuleList(
            [BlockLinear(1, shape.latent, shape.hidden), BlockLinear(1, shape.hidden, shape.hidden)]
        )
        self.heads = CodeHeads(shape.sizes, shape.smooth, shape.hidden)
        before = torch.ones(shape.latent, shape.latent, dtype=torch.bool).triu(1)
        self.prior_first = MaskedBlockLinear(before, 1, shape.prior_hidden)
        self.prior_second = BlockLinear(shape.latent, shape.prior_hidden, shape.prior_hidden)
        self.prior_last = BlockLinear(shape.latent, shape.prior_hidden, 3 * shape.mixture)

    def reset(
        self,
        marginals: Sequence[NDArray[np.float64]],
        positions: Sequence[Positions],
        generator: torch.Generator,
    ) -> None:
        """Fresh parameters; heads start at the marginals, neighbouring codes of a number with like embeddings."""
        self.embedding.reset(generator)
        start = 0
        for counts, places in zip(marginals, positions, strict=True):
            if places is not None:
                smooth = torch.from_numpy(waves(counts, places, most=8)).float()
                mixed = smooth @ torch.randn(smooth.shape[1], self.shape.embedding, generator=generator)
                known = torch.from_numpy(~np.isnan(places))
                self.embedding.weight.data[start : start + len(counts)][known] = mixed[known]
            start += len(counts)
        for layer in [*self.encoder, *self.decoder, self.prior_second, self.prior_last]:
            assert isinstance(layer, BlockLinear)
            layer.reset(generator)
        self.prior_first.reset(generator)
        self.heads.reset(marginals, positions, generator)
        mixture = self.shape.mixture
        with torch.no_grad():
            # Components begin apart from one another, or all would learn the same.
            self.prior_last.bias[:, mixture : 2 * mixture] = torch.linspace(-1.5, 1.5, mixture)

    def encode(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the standard deviation of each latent, both ``(rows, latent)``."""
        hidden = self.embedding(codes).flatten(1)[None]
        first, second, last = self.encoder
        hidden = torch.relu(second(torch.relu(first(hidden))))
        means, widths = last(hidden)[0].chunk(2, dim=1)
        return means, widths.clamp(*_LOG_WIDTHS)

    def hidden(self, latents: Tensor) -> Tensor:
        """What the heads read, shape ``(rows, hidden)``."""
        first, second = self.decoder
        hidden: Tensor = torch.relu(second(torch.relu(first(latents[None]))))
        return hidden[0]

    def components(self, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log weights, means, log widths of each latent's mixture given those before, ``(latent, rows, mixture)``."""
        hidden = torch.relu(self.prior_first(latents[:, :, None]))
        weights, means, widths = self.prior_last(torch.relu(self.prior_second(hidden))).chunk(3, dim=-1)
        return torch.log_softmax(weights, dim=-1), means, widths.clamp(*_LOG_WIDTHS)

    def prior_log_density(self, latents: Tensor) -> Tensor:
        """Natural log of the prior's density, shape ``(rows,)``."""
        weights, means, widths = self.components(latents)
        apart = (latents.T[:, :, None] - means) * torch.exp(-widths)
        return (
            torch.logsumexp(weights - widths - 0.5 * apart.square(), dim=-1).sum(0) - _HALF_LOG_TAU * latents.shape[1]
        )

    def parts(self, codes: Tensor, generator: torch.Generator, *, free: float = 0.0) -> tuple[Tensor, Tensor]:
        """−log p(x|z) and log q(z|x) − log p(z) for one z drawn from q(z|x), both ``(rows,)``.

        Where the second is below ``free`` nats, its gradient stops before the encoder; the prior always learns.
        """
        means, widths = self.encode(codes)
        noise = torch.randn(means.shape, generator=generator, device=means.device)
        latents = means + widths.exp() * noise
        posterior = (-0.5 * noise.square() - widths - _HALF_LOG_TAU).sum(1)
        into_prior, dear = latents.clone(), torch.ones(len(codes), dtype=torch.bool, device=latents.device)
        if free > 0 and into_prior.requires_grad:
            # Which rows it concerns is known only after the prior was asked, which can be done once.
            into_prior.register_hook(lambda gradient: gradient * dear[:, None])  # type: ignore[no-untyped-call]
        prior = self.prior_log_density(into_prior)
        if free > 0:
            dear.copy_(posterior.detach() - prior.detach() > free)
        cost = torch.where(dear, posterior, posterior.detach()) - prior
        return self.heads.losses(self.hidden(latents), codes), cost

    def sampled_prior(self, rows: int, generator: torch.Generator) -> Tensor:
        """Latents drawn from the prior, shape ``(rows, latent)``."""
        device = self.prior_last.bias.device
        latents = torch.zeros(rows, self.shape.latent, device=device)
        for place in range(self.shape.latent):
            weights, means, widths = (part[place] for part in self.components(latents))
            chosen = torch.multinomial(weights.exp(), 1, generator=generator)
            noise = torch.randn(rows, 1, generator=generator, device=device)
            latents[:, place] = (means.gather(1, chosen) + widths.gather(1, chosen).exp() * noise)[:, 0]
        return latents


def normal_log_density(values: Tensor, means: Tensor, log_widths: Tensor) -> Tensor:
    """Of independent normals, summed over the last dimension."""
    apart = (values - means) * torch.exp(-log_widths)
    return (-0.5 * apart.square() - log_widths - _HALF_LOG_TAU).sum(-1)
