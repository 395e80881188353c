"""Settings of engines, from what a configuration says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from shared.errors import ConfigurationError

Config = TypeVar("Config")


def configured(kind: type[Config], engine: str, settings: Mapping[str, Any]) -> Config:
    """A frozen dataclass of settings; ``ConfigurationError`` for one that it does not have, with those that it has."""
    try:
        return kind(**settings)
    except TypeError as error:
        allowed = ", ".join(getattr(kind, "__dataclass_fields__"))  # noqa: B009 (no protocol names it)
        raise ConfigurationError(f"engine {engine}: {error}; its settings are {allowed}") from error


def check_same_network(engine: str, made: object, asked: object, names: Sequence[str]) -> None:
    """Raise ``ConfigurationError`` where a model is to go on and one of the settings that fix its network is another.

    ``made`` are the settings of the model, ``asked`` those that it is to go on with.
    """
    differing = [name for name in names if getattr(asked, name) != getattr(made, name)]
    if differing:
        wanted = ", ".join(f"{name} {getattr(asked, name)}" for name in differing)
        own = ", ".join(f"{name}: {getattr(made, name)}" for name in differing)
        raise ConfigurationError(
            f"engine {engine}: {wanted} would make another network than the model's, which goes on with its own; "
            f"write {own}, or fit a model of its own"
        )
