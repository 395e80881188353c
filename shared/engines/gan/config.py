"""Settings of the GAN engine, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.engines.settings import configured
from shared.errors import ConfigurationError
from shared.training.loop import TrainingConfig

_BETAS = (0.5, 0.9)
_FINAL = 0.1  # of the highest rate: the averages of a game under way are better than where it comes to rest

NETWORK = ("noise", "hidden", "condition", "pack", "spectral")  # what fixes it


@dataclass(frozen=True, kw_only=True)
class GanConfig:
    """Settings of the GAN engine.

    ``noise``, ``hidden`` and ``condition`` are widths. ``pack`` rows are judged together (Lin et al. 2018,
    arXiv:1712.04086); ``penalty`` weighs the gradient penalty (Gulrajani et al. 2017, arXiv:1704.00028), and
    ``spectral`` keeps the critic's layers at norm one in its place. ``boost`` is how much more often than it occurs a
    rare choice may be a condition. The generator is stepped every ``critic_steps``-th step; its choices have a
    ``temperature`` and, if ``straight``, are exact ones and zeros to the critic; its parameters are averaged with the
    rates ``averaging``. ``epochs``, ``batch_units`` and ``least_steps`` make the plan of a plain run
    (:func:`shared.engines.rows.layout.plan_of`); a private access brings its own.
    """

    noise: int = 64
    hidden: int = 128
    condition: int = 32
    pack: int = 1
    penalty: float = 0.5
    spectral: bool = False
    boost: float = 10.0
    critic_steps: int = 2
    temperature: float = 0.5
    straight: bool = False
    condition_weight: float = 1.0
    epochs: float = 130
    batch_units: int = 512
    least_steps: int = 400
    generator_batch: int = 256
    learning_rate: float = 1.5e-3
    critic_rate: float = 5e-3
    averaging: tuple[float, float] = (0.1, 0.01)

    def __post_init__(self) -> None:
        widths = ("noise", "hidden", "condition", "pack")
        for name in (*widths, "critic_steps", "batch_units", "least_steps", "generator_batch"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"engine: {name} is {getattr(self, name)}; it must be at least 1")
        for name in ("epochs", "temperature"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"engine: {name} is {getattr(self, name)}; it must be positive")
        if self.boost < 1:
            raise ConfigurationError(f"engine: boost is {self.boost}; it must be at least 1, which boosts nothing")
        if self.spectral == (self.penalty > 0):
            raise ConfigurationError(
                f"engine: spectral is {self.spectral} and penalty {self.penalty}; use one of them: spectral with a "
                "penalty of 0, or a penalty without spectral"
            )
        object.__setattr__(self, "averaging", tuple(self.averaging))

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> GanConfig:
        """The defaults of a plain or a private run, changed by ``settings``.

        In a private run the loss of a row must depend on that row alone, so rows are not packed and not drawn by their
        rarity, and spectral norms stand for the penalty. Raises ``ConfigurationError`` for settings against that.
        """
        if private:
            forced: dict[str, object] = {"pack": 1, "penalty": 0.0, "spectral": True, "boost": 1.0}
            for name, value in forced.items():
                if settings.get(name, value) != value:
                    raise ConfigurationError(
                        f"engine gan: {name} is {settings[name]}, but a private run needs {value}, since the loss of a "
                        "row must depend on that row alone; leave it out"
                    )
            settings = {"hidden": 128, "noise": 32, "averaging": (0.1, 0.02), **settings, **forced}
        return configured(cls, "gan", settings)

    @property
    def generator_training(self) -> TrainingConfig:
        return TrainingConfig(
            learning_rate=self.learning_rate, betas=_BETAS, final_fraction=_FINAL, averaging=self.averaging
        )

    @property
    def critic_training(self) -> TrainingConfig:
        return TrainingConfig(learning_rate=self.critic_rate, betas=_BETAS, final_fraction=_FINAL)
