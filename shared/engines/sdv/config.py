"""Settings of SDV's synthesizers, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from shared.engines.sdv.environment import sdv_python
from shared.errors import ConfigurationError

LICENCE = "Business Source License 1.1"


@dataclass(frozen=True, kw_only=True)
class SdvConfig:
    """What all of SDV's synthesizers have in common. ``name`` is what a configuration calls it."""

    name: ClassVar[str]
    synthesizer: ClassVar[str]

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> Self:
        """The defaults, changed by ``settings``.

        Raises ``ConfigurationError`` for a private run: SDV reads records without any privacy. And where
        no interpreter has SDV.
        """
        if private:
            raise ConfigurationError(
                f"{cls.name} learns without differential privacy and cannot keep a promise; write 'privacy: none', "
                "or take the engine 'sequence'"
            )
        sdv_python()
        return cls(**settings)

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments of the synthesizer."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class SdvCopulaConfig(SdvConfig):
    """``GaussianCopulaSynthesizer``; ``default_distribution`` is one of SDV's names of a distribution."""

    name: ClassVar[str] = "sdv-gaussian-copula"
    synthesizer: ClassVar[str] = "GaussianCopulaSynthesizer"
    default_distribution: str = "beta"


@dataclass(frozen=True, kw_only=True)
class _Epochs(SdvConfig):
    epochs: int = 300
    batch_size: int = 500

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ConfigurationError(f"epochs is {self.epochs}; it must be at least 1")
        # CTGAN's discriminator looks at ten rows at once.
        if self.batch_size < 10 or self.batch_size % 10:
            raise ConfigurationError(f"batch_size is {self.batch_size}; it must be a multiple of 10")


@dataclass(frozen=True, kw_only=True)
class SdvCtganConfig(_Epochs):
    """``CTGANSynthesizer``."""

    name: ClassVar[str] = "sdv-ctgan"
    synthesizer: ClassVar[str] = "CTGANSynthesizer"


@dataclass(frozen=True, kw_only=True)
class SdvTvaeConfig(_Epochs):
    """``TVAESynthesizer``."""

    name: ClassVar[str] = "sdv-tvae"
    synthesizer: ClassVar[str] = "TVAESynthesizer"


SDV_CONFIGS: tuple[type[SdvConfig], ...] = (SdvCopulaConfig, SdvCtganConfig, SdvTvaeConfig)
