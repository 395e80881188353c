"""Settings of the VAE engine, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.engines.settings import configured
from shared.errors import ConfigurationError
from shared.training.loop import TrainingConfig
from shared.training.validation import Validation, check_validation, early_stopping

NETWORK = ("latent", "hidden", "embedding", "prior_hidden", "mixture")  # what fixes it


@dataclass(frozen=True, kw_only=True)
class VaeConfig:
    """Settings of the VAE engine.

    ``latent`` numbers describe a row; ``hidden`` is the width of encoder and decoder, ``embedding`` that of a code,
    ``prior_hidden`` and ``mixture`` the width of the prior's network and its components a latent number. ``beta``
    weighs what latents cost (Higgins et al. 2017), of which the first ``free_nats`` of a row cost nothing
    (Kingma et al. 2016, arXiv:1606.04934, section C.8), so that the posterior cannot collapse onto the prior.
    ``epochs``, ``batch_units`` and ``least_steps`` make the plan of a plain run
    (:func:`shared.engines.rows.layout.plan_of`); a private access brings its own. ``averaging``, ``validation`` and
    ``patience`` are as in the engine ``sequence``.
    """

    latent: int = 16
    hidden: int = 128
    embedding: int = 8
    prior_hidden: int = 32
    mixture: int = 8
    beta: float = 0.2
    free_nats: float = 4.0
    epochs: float = 14
    batch_units: int = 512
    least_steps: int = 120
    learning_rate: float = 6e-3
    averaging: tuple[float, float] = (0.1, 0.01)
    validation: float = 0.0
    patience: int = 3

    def __post_init__(self) -> None:
        for name in ("latent", "hidden", "embedding", "prior_hidden", "mixture", "batch_units", "least_steps"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"engine: {name} is {getattr(self, name)}; it must be at least 1")
        if self.epochs <= 0:
            raise ConfigurationError(f"engine: epochs is {self.epochs}; it must be positive, such as 20")
        if self.beta <= 0:
            raise ConfigurationError(f"engine: beta is {self.beta}; it must be positive, such as 0.2")
        if self.free_nats < 0:
            raise ConfigurationError(f"engine: free_nats is {self.free_nats}; it must not be negative")
        object.__setattr__(self, "averaging", tuple(self.averaging))
        _ = self.early_stopping

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> VaeConfig:
        """The defaults of a plain or a private run, changed by ``settings``.

        Under noise a smaller network with a longer average serves better. All of them are declared, so
        that choosing by the kind of run costs nothing.
        """
        defaults: dict[str, object] = {}
        if private:
            defaults = {"latent": 8, "hidden": 64, "prior_hidden": 16, "mixture": 4, "averaging": (0.1, 0.03)}
        check_validation(settings, private=private)
        return configured(cls, "vae", {**defaults, **settings})

    @property
    def early_stopping(self) -> Validation | None:
        """``None`` where no share of the units is held back."""
        return early_stopping(self.validation, self.patience)

    @property
    def training(self) -> TrainingConfig:
        return TrainingConfig(learning_rate=self.learning_rate, averaging=self.averaging)
