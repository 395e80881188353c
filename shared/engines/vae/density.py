"""How probable rows are under the VAE, by importance weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from shared.engines.vae.network import VaeNetwork, normal_log_density

EACH = 24  # latents drawn from each of the proposals
WIDE = 3.0  # how much wider than the posterior the second proposal is
_POOL = 4096  # latents of the prior that rows draw from


@torch.no_grad()
def log_densities(network: VaeNetwork, codes: Tensor, generator: torch.Generator) -> Tensor:
    """Natural log of the probability of each row of ``codes``, shape ``(rows,)``: a lower bound in the mean.

    Importance weights (Burda et al. 2016, arXiv:1509.00519, equation 8) of latents from a mixture of the posterior, the
    same made wider, and the prior. The posterior alone is too narrow where latents cost little, and would miss
    much of what a row's probability is made of.
    """
    means, widths = network.encode(codes)
    wide = widths + math.log(WIDE)
    pool = network.sampled_prior(min(_POOL, EACH * len(codes)), generator)
    weights = []
    for draw in range(3 * EACH):
        latents = _proposed(draw // EACH, means, (widths, wide), pool, generator)
        prior = network.prior_log_density(latents)
        chances = [normal_log_density(latents, means, widths), normal_log_density(latents, means, wide), prior]
        proposal = torch.logsumexp(torch.stack(chances), dim=0) - math.log(3)
        weights.append(prior - network.heads.losses(network.hidden(latents), codes) - proposal)
    return torch.logsumexp(torch.stack(weights), dim=0) - math.log(3 * EACH)


def _proposed(
    kind: int, means: Tensor, widths: tuple[Tensor, Tensor], pool: Tensor, generator: torch.Generator
) -> Tensor:
    if kind == 2:
        return pool[torch.randint(len(pool), (len(means),), generator=generator, device=pool.device)]
    noise = torch.randn(means.shape, generator=generator, device=means.device)
    return means + widths[kind].exp() * noise
