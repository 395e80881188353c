"""Settings of the sequence engine, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.engines.settings import configured
from shared.errors import ConfigurationError
from shared.training.loop import TrainingConfig
from shared.training.validation import Validation, check_validation, early_stopping

NETWORK = ("embedding", "hidden", "context", "attention", "window", "recall")  # what fixes it


@dataclass(frozen=True, kw_only=True)
class SequenceConfig:
    """Settings of the sequence engine.

    ``embedding`` and ``hidden`` are widths a column, ``context`` the width of what is known of a
    unit's rows before: by ``attention`` blocks over the last ``window`` rows, and, with ``recall``, by which codes
    stood in them. Units with more rows are learned from in windows of so many. ``epochs`` and ``batch_units`` make the
    plan of a plain run, in which a batch has about ``batch_rows`` rows where units have several; a private access
    brings its own. ``averaging`` is as in :class:`shared.training.loop.TrainingConfig`. ``validation`` is the share of
    the units that is held back from training, which then stops when ``patience`` checks brought nothing better.
    """

    embedding: int = 8
    hidden: int = 48
    context: int = 64
    attention: int = 1
    window: int = 64
    recall: bool = True
    epochs: float = 10
    batch_units: int = 256
    batch_rows: int = 256
    learning_rate: float = 4e-3
    averaging: tuple[float, float] = (0.1, 0.01)
    validation: float = 0.0
    patience: int = 3

    def __post_init__(self) -> None:
        least = {
            "embedding": 1,
            "hidden": 1,
            "context": 1,
            "attention": 0,
            "window": 2,
            "batch_units": 1,
            "batch_rows": 1,
        }
        for name, number in least.items():
            if getattr(self, name) < number:
                raise ConfigurationError(f"engine: {name} is {getattr(self, name)}; it must be at least {number}")
        if self.epochs <= 0:
            raise ConfigurationError(f"engine: epochs is {self.epochs}; it must be positive, such as 10")
        object.__setattr__(self, "averaging", tuple(self.averaging))
        _ = self.early_stopping

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> SequenceConfig:
        """The defaults of a plain or a private run, changed by ``settings``.

        Under noise a higher rate and a longer average serve better. All of them
        are declared, so that choosing by the kind of run costs nothing.
        """
        defaults: dict[str, object] = {"learning_rate": 8e-3, "averaging": (0.1, 0.03)} if private else {}
        check_validation(settings, private=private)
        return configured(cls, "sequence", {**defaults, **settings})

    @property
    def early_stopping(self) -> Validation | None:
        """``None`` where no share of the units is held back."""
        return early_stopping(self.validation, self.patience)

    @property
    def training(self) -> TrainingConfig:
        return TrainingConfig(learning_rate=self.learning_rate, averaging=self.averaging)
