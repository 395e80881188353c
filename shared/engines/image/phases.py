"""What is stepped: the losses of a GAN's two sides and of a VAE.

All noise comes from one generator, which the training loop seeds anew at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from shared.access.contract import Phase, RowLosses
from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.networks import Adversaries, Autoencoder, layers_of
from shared.training.loop import Part


@dataclass(frozen=True, eq=False)
class Batches:
    """The images of drawn examples as tensors, and noise for as many."""

    images: Images
    latent: int
    randomness: torch.Generator
    device: torch.device

    def take(self, drawn: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Images from 0 to 1, their labels one-hot, and of each the place of its example among the drawn."""
        which, places = self.images.of_examples(drawn)
        pixels = torch.from_numpy(self.images.pixels[which]).to(self.device)
        labels = torch.from_numpy(self.images.labels[which].astype(np.int64)).to(self.device)
        # Laid out anew: of channels that come last in memory, opacus's gradients of convolutions are wrong.
        images = (pixels.permute(0, 3, 1, 2).float() / 255).clone(memory_format=torch.contiguous_format)
        return (
            images,
            F.one_hot(labels, len(self.images.names)).float(),
            torch.from_numpy(places).to(self.device),
        )

    def noise(self, images: int) -> Tensor:
        """Standard normal, shape ``(images, latent)``."""
        return torch.randn(images, self.latent, generator=self.randomness, device=self.device)


def variational_parts(network: Autoencoder, batches: Batches, settings: ImageConfig) -> list[Part]:
    """One phase: the negative evidence lower bound (Kingma and Welling 2014, arXiv:1312.6114), up to a constant.

    It is that of pixels with noise of the declared size, divided by the number of pixels.
    """

    def losses(drawn: NDArray[np.int64]) -> RowLosses:
        images, labels, places = batches.take(drawn)
        mean, log_variance = network.encoder(images, labels).chunk(2, dim=1)
        log_variance = log_variance.clamp(-10, 10)
        latent = mean + torch.exp(0.5 * log_variance) * batches.noise(len(images))
        error = (network.painter(latent, labels) - images).square().flatten(1).sum(1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        bound = error / (2 * settings.noise**2) + settings.beta * divergence
        return RowLosses(bound / images[0].numel() if len(images) else bound, places)

    return [Part(phase=Phase(network, losses), config=settings.training)]


def adversarial_parts(
    networks: Adversaries, batches: Batches, settings: ImageConfig, counts: NDArray[np.float64]
) -> list[Part]:
    """A critic's phase, which alone touches records, and a generator's.

    The critic's loss of an image is its score of one that was generated under the same label, less that of the
    image itself. Labels of the generator's phase are drawn by ``counts``, and it steps as many images as declared.
    """
    sides = _Sides(networks, batches, settings, torch.from_numpy(counts).float().to(batches.device))

    def held() -> None:
        bound_slope(networks.critic, settings)

    return [
        Part(
            phase=Phase(networks.critic, sides.criticised),
            config=settings.adversarial,
            name="critic loss",
            before=held,
        ),
        Part(
            phase=Phase(networks.painter, sides.generated, touches_records=False),
            config=settings.adversarial,
            every=settings.generator_every,
            name="generator loss",
            before=held,
        ),
    ]


@dataclass(frozen=True, eq=False)
class _Sides:
    networks: Adversaries
    batches: Batches
    settings: ImageConfig
    counts: Tensor

    def criticised(self, drawn: NDArray[np.int64]) -> RowLosses:
        critic, settings = self.networks.critic, self.settings
        images, labels, places = self.batches.take(drawn)
        with torch.no_grad():
            fakes = self.networks.painter(self.batches.noise(len(images)), labels)
        images, fakes = self._moved(images), self._moved(fakes)
        losses = (critic(fakes, labels) - critic(images, labels)).squeeze(1)
        if settings.lipschitz == "penalty":
            losses = losses + settings.penalty * self._penalty(images, fakes, labels)
        return RowLosses(losses, places)

    def generated(self, drawn: NDArray[np.int64]) -> RowLosses:
        del drawn  # how many units were drawn is private
        batches, size = self.batches, self.settings.batch_units
        chosen = torch.multinomial(self.counts, size, replacement=True, generator=batches.randomness)
        labels = F.one_hot(chosen, len(self.counts)).float()
        fakes = self._moved(self.networks.painter(batches.noise(size), labels))
        return RowLosses(-self.networks.critic(fakes, labels).squeeze(1), torch.arange(size, device=batches.device))

    def _moved(self, images: Tensor) -> Tensor:
        """Each image moved by a few pixels, what leaves at one side left out and the other side empty."""
        most = self.settings.shift
        if not most or not len(images):
            return images
        generator, device = self.batches.randomness, self.batches.device
        down, right = torch.randint(0, 2 * most + 1, (2, len(images)), generator=generator, device=device)
        height, width = images.shape[2:]
        rows = (down[:, None] + torch.arange(height, device=device))[:, None, :, None]
        columns = (right[:, None] + torch.arange(width, device=device))[:, None, None, :]
        channels = torch.arange(images.shape[1], device=device)[None, :, None, None]
        which = torch.arange(len(images), device=device)[:, None, None, None]
        return F.pad(images, (most, most, most, most))[which, channels, rows, columns]

    def _penalty(self, images: Tensor, fakes: Tensor, labels: Tensor) -> Tensor:
        """(‖gradient‖ - 1)² at a point between an image and its counterpart (arXiv:1704.00028, equation 3)."""
        share = torch.rand(len(images), 1, 1, 1, generator=self.batches.randomness, device=self.batches.device)
        between = (share * images + (1 - share) * fakes).requires_grad_()
        scores = self.networks.critic(between, labels).sum()
        (slope,) = torch.autograd.grad(scores, between, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square()


@torch.no_grad()
def bound_slope(critic: torch.nn.Module, settings: ImageConfig) -> None:
    """Bring the critic's weights back into their bounds, if it is held by its weights.

    They are a function of parameters alone: of those that private steps left, it is post-processing.
    """
    if settings.lipschitz == "penalty":
        return
    for layer in layers_of(critic):
        if settings.lipschitz == "clip":
            layer.weight.clamp_(-settings.clip, settings.clip)
        else:
            norm = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
            layer.weight.div_(norm.clamp(min=1.0))
