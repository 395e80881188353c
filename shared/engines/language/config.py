"""Settings of the language engine, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from shared.engines.language.tokenisers import BYTES
from shared.engines.settings import configured
from shared.errors import ConfigurationError
from shared.training.loop import TrainingConfig
from shared.training.validation import Validation, check_validation, early_stopping

Kind = Literal["lstm", "transformer", "pretrained"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class LanguageConfig:
    """Settings of the language engine.

    ``network`` is ``lstm`` or ``transformer``, learned from scratch over ``tokeniser`` (``bytes``, or a folder with a
    public ``tokenizer.json``), or ``pretrained``: the causal model that lies in the folder ``base``, with its own
    tokeniser. ``rank`` is that of its LoRA adapters (Hu et al. 2021, arXiv:2106.09685), scaled by ``scale / rank``; 0
    trains the whole model. ``precision`` is that of a frozen base; bfloat16 pays only where the processor has it.

    ``embedding``, ``hidden``, ``layers`` and ``heads`` shape the networks from scratch. ``most_tokens`` bounds a text
    with its prompt; longer ones are cut. The loss of a text is the ``mean`` or the ``sum`` over its tokens after the
    prompt. ``forwards`` is how many passes a batch is read in, texts of like length together; with more than one,
    little is padded, but no gradients of single texts can be had, so a private run reads in one.
    """

    network: Kind = "transformer"
    tokeniser: str = BYTES
    base: str = ""
    rank: int = 8
    scale: float = 16.0
    precision: Precision = "float32"
    embedding: int = 64
    hidden: int = 128
    layers: int = 2
    heads: int = 4
    most_tokens: int = 256
    loss: Literal["mean", "sum"] = "mean"
    epochs: float = 5
    batch_units: int = 32
    forwards: int = 4
    learning_rate: float = 3e-3
    averaging: tuple[float, float] = (1.0, 1.0)
    validation: float = 0.0
    patience: int = 3

    def __post_init__(self) -> None:
        _among("network", self.network, get_args(Kind))
        _among("loss", self.loss, ("mean", "sum"))
        _among("precision", self.precision, get_args(Precision))
        for name in ("embedding", "hidden", "layers", "heads", "batch_units", "forwards"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"engine: {name} is {getattr(self, name)}; it must be at least 1")
        if self.rank < 0 or self.scale <= 0:
            raise ConfigurationError(f"engine: rank is {self.rank} at scale {self.scale}; give 0 or more, and above 0")
        if self.most_tokens < 2:
            raise ConfigurationError(f"engine: most_tokens is {self.most_tokens}; a text and its end need 2 or more")
        if self.hidden % self.heads:
            raise ConfigurationError(f"engine: hidden is {self.hidden}; it must be a multiple of heads, {self.heads}")
        if self.epochs <= 0:
            raise ConfigurationError(f"engine: epochs is {self.epochs}; it must be positive, such as 5")
        if (self.network == "pretrained") != bool(self.base):
            raise ConfigurationError(
                f"engine: network is {self.network} and base is {self.base!r}; a pretrained network needs the folder "
                "of its base, and no other has one"
            )
        object.__setattr__(self, "averaging", tuple(self.averaging))

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> LanguageConfig:
        """The defaults of a plain or a private run, changed by ``settings``. All of them are declared."""
        check_validation(settings, private=private)
        pretrained: dict[str, object] = (
            {"learning_rate": 1e-3, "epochs": 1.0} if settings.get("network") == "pretrained" else {}
        )
        defaults: dict[str, object] = {"forwards": 1, "averaging": (0.1, 0.03)} if private else {}
        config = configured(cls, "language", {**pretrained, **defaults, **settings})
        if private and config.forwards > 1:
            raise ConfigurationError(
                f"engine: forwards is {config.forwards}, but gradients of single texts need one pass; leave it out"
            )
        return config

    @property
    def training(self) -> TrainingConfig:
        return TrainingConfig(learning_rate=self.learning_rate, averaging=self.averaging)

    @property
    def early_stopping(self) -> Validation | None:
        return early_stopping(self.validation, self.patience)


def _among(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"engine: {name} is {value!r}; it is one of {', '.join(allowed)}")
