"""Settings of the image engine, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from shared.engines.settings import configured
from shared.errors import ConfigurationError
from shared.training.loop import TrainingConfig

Kind = Literal["gan", "vae"]
Lipschitz = Literal["penalty", "spectral", "clip"]

_OF_KIND: Mapping[str, Mapping[str, object]] = {
    "gan": {"epochs": 120.0, "learning_rate": 4e-3, "averaging": (0.02, 0.01), "latent": 32, "width": 16},
    "vae": {"epochs": 60.0, "learning_rate": 3e-3, "averaging": (1.0, 1.0), "latent": 16},
}
# Under noise a small network, larger batches, a long average and, for the VAE, few latents at a high rate serve better.
_PRIVATE: Mapping[str, object] = {"lipschitz": "spectral", "averaging": (0.1, 0.03), "batch_units": 256, "width": 8}
_PRIVATE_OF_KIND: Mapping[str, Mapping[str, object]] = {"vae": {"latent": 4, "learning_rate": 1e-2}}


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """Settings of the image engine.

    ``kind`` is ``gan``, a conditional Wasserstein GAN (Gulrajani et al. 2017, arXiv:1704.00028), or ``vae``, a
    conditional variational autoencoder (Sohn et al. 2015). ``latent`` numbers stand for an image; layers at full
    size have ``width`` channels, twice as many at each halving. ``levels`` is how many values a pixel can have,
    evenly from 0 to 255.

    Of the GAN: the generator is stepped every ``generator_every``-th time; ``lipschitz`` is how the critic is held to
    a bounded slope: by a gradient ``penalty`` of weight ``penalty``, by scaling each layer down to a ``spectral`` norm
    of 1 (Miyato et al. 2018, arXiv:1802.05957), or by a ``clip`` of its weights to ``clip`` (Arjovsky et al. 2017,
    arXiv:1701.07875). The critic sees images moved by up to ``shift`` pixels, real and generated alike (Zhao et al.
    2020, arXiv:2006.10738), which keeps it from learning a few images by heart.

    Of the VAE: pixels from 0 to 1 are normal about what is decoded with standard deviation ``noise``; ``beta``
    weighs the divergence from the prior (Higgins et al. 2017).
    """

    kind: Kind = "vae"
    latent: int = 16
    width: int = 32
    levels: int = 256
    epochs: float = 60.0
    batch_units: int = 64
    learning_rate: float = 3e-3
    averaging: tuple[float, float] = (1.0, 1.0)
    generator_every: int = 1
    lipschitz: Lipschitz = "penalty"
    penalty: float = 1.0
    clip: float = 0.05
    shift: int = 0
    noise: float = 0.3
    beta: float = 1.0

    def __post_init__(self) -> None:
        _among("kind", self.kind, get_args(Kind))
        _among("lipschitz", self.lipschitz, get_args(Lipschitz))
        for name in ("latent", "batch_units", "generator_every"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"engine: {name} is {getattr(self, name)}; it must be at least 1")
        if self.width < 8 or self.width % 8:
            raise ConfigurationError(f"engine: width is {self.width}; it must be a multiple of 8, such as 32")
        if not 2 <= self.levels <= 256:
            raise ConfigurationError(f"engine: levels is {self.levels}; a pixel has from 2 to 256 values")
        for name in ("epochs", "penalty", "clip", "noise", "beta"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"engine: {name} is {getattr(self, name)}; it must be positive")
        if not 0 <= self.shift <= 8:
            raise ConfigurationError(f"engine: shift is {self.shift}; images move by 0 to 8 pixels")
        object.__setattr__(self, "averaging", tuple(self.averaging))

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> ImageConfig:
        """The defaults of a kind, in a plain or a private run, changed by ``settings``. All of them are declared."""
        kind = str(settings.get("kind", "vae"))
        defaults = dict(_OF_KIND.get(kind, {}))
        if private:
            defaults |= {**_PRIVATE, **_PRIVATE_OF_KIND.get(kind, {})}
        config = configured(cls, "image", {**defaults, **settings})
        if private and config.kind == "gan" and config.lipschitz == "penalty":
            raise ConfigurationError(
                "engine: lipschitz is 'penalty', but a gradient penalty has no gradients of single images; leave it "
                "out of a private run, or give 'spectral' or 'clip'"
            )
        return config

    @property
    def training(self) -> TrainingConfig:
        return TrainingConfig(learning_rate=self.learning_rate, averaging=self.averaging)

    @property
    def adversarial(self) -> TrainingConfig:
        """Of either part of a GAN: with little memory of older gradients, since the other part moves on."""
        return TrainingConfig(
            learning_rate=self.learning_rate, averaging=self.averaging, betas=(0.5, 0.9), warm_up=0.05
        )


def _among(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"engine: {name} is {value!r}; it is one of {', '.join(allowed)}")
