"""Convolutional networks for images of any size of at least 4 by 4, under a label.

Every layer treats images apart from one another: none is normalised over a batch, so that gradients of single
images exist. Images are tensors of shape ``(images, channels, height, width)`` with values from 0 to 1, labels of
shape ``(images, labels)``, one-hot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAST_SIDE = 4
_SLOPE = 0.2
_GROUPS = 4  # each of two channels or more: what is normalised alone has no use for its bias


def resolutions(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes from the whole image down by halves, until a side is at most 4 pixels long."""
    sizes = [(height, width)]
    while min(sizes[-1]) > LEAST_SIDE:
        sizes.append((math.ceil(sizes[-1][0] / 2), math.ceil(sizes[-1][1] / 2)))
    return sizes


class Reader(nn.Module):
    """An image and its label to ``outputs`` numbers: a GAN's critic, a VAE's encoder."""

    def __init__(self, size: tuple[int, int, int], labels: int, width: int, outputs: int) -> None:
        super().__init__()
        height, across, channels = size
        sizes = resolutions(height, across)
        layers = [nn.Conv2d(channels, width, 3, padding=1)]
        layers += [nn.Conv2d(width << level, width << (level + 1), 3, padding=1) for level in range(len(sizes) - 1)]
        self.layers = nn.ModuleList(layers)
        self.labels = nn.ModuleList(nn.Linear(labels, 2 * layer.out_channels) for layer in layers)
        most = width << (len(sizes) - 1)
        self.hidden = nn.Linear(most * sizes[-1][0] * sizes[-1][1], 2 * most)
        self.hidden_label = nn.Linear(labels, 4 * most)
        self.out = nn.Linear(2 * most, outputs)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Shape ``(images, outputs)``."""
        features = 2 * images - 1
        for level, (layer, label) in enumerate(zip(self.layers, self.labels, strict=True)):
            if level:
                features = F.avg_pool2d(features, 2, ceil_mode=True)
            features = F.leaky_relu(modulated(layer(features), label(labels)), _SLOPE)
        features = modulated(self.hidden(features.flatten(1)), self.hidden_label(labels))
        return self.out(F.leaky_relu(features, _SLOPE))


class Painter(nn.Module):
    """Latent numbers and a label to an image: a GAN's generator, a VAE's decoder."""

    def __init__(self, size: tuple[int, int, int], labels: int, width: int, latent: int) -> None:
        super().__init__()
        height, across, channels = size
        self.sizes = resolutions(height, across)[::-1]
        most = width << (len(self.sizes) - 1)
        steps = [most >> step for step in range(len(self.sizes))]
        self.first = nn.Linear(latent + labels, most * self.sizes[0][0] * self.sizes[0][1])
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(steps))
        self.norms = nn.ModuleList(nn.GroupNorm(_GROUPS, step) for step in steps)
        self.labels = nn.ModuleList(nn.Linear(labels, 2 * step) for step in steps)
        self.out = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        """Shape ``(images, channels, height, width)``."""
        features = self.first(torch.cat([latent, labels], dim=1)).unflatten(1, (-1, *self.sizes[0]))
        features = self._shaped(features, labels, 0)
        for level, layer in enumerate(self.layers, 1):
            features = F.interpolate(features, size=self.sizes[level], mode="nearest")
            features = self._shaped(layer(features), labels, level)
        return torch.sigmoid(self.out(features))

    def _shaped(self, features: Tensor, labels: Tensor, level: int) -> Tensor:
        return F.leaky_relu(modulated(self.norms[level](features), self.labels[level](labels)), _SLOPE)


def modulated(features: Tensor, scales_and_shifts: Tensor) -> Tensor:
    """Each channel scaled and shifted as the label says (FiLM, Perez et al. 2018, arXiv:1709.07871)."""
    sides = (1,) * (features.ndim - 2)
    scale, shift = scales_and_shifts.view(*scales_and_shifts.shape, *sides).chunk(2, dim=1)
    return features * (1 + scale) + shift


class Autoencoder(nn.Module):
    """A VAE: a reader that encodes, a painter that decodes."""

    def __init__(self, size: tuple[int, int, int], labels: int, width: int, latent: int) -> None:
        super().__init__()
        self.encoder = Reader(size, labels, width, 2 * latent)
        self.painter = Painter(size, labels, width, latent)


class Adversaries(nn.Module):
    """A GAN: a reader that criticises, a painter that generates."""

    def __init__(self, size: tuple[int, int, int], labels: int, width: int, latent: int) -> None:
        super().__init__()
        self.critic = Reader(size, labels, width, 1)
        self.painter = Painter(size, labels, width, latent)


@torch.no_grad()
def reset(module: nn.Module, generator: torch.Generator) -> None:
    """Weights by He et al. (2015, arXiv:1502.01852), biases at 0."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, a=_SLOPE, generator=generator)
            assert part.bias is not None
            part.bias.zero_()
        elif isinstance(part, nn.GroupNorm):
            part.weight.fill_(1.0)
            part.bias.zero_()


def layers_of(module: nn.Module) -> Sequence[nn.Conv2d | nn.Linear]:
    """The layers that have a slope."""
    return [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
