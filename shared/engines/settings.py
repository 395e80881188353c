"""Settings of engines, from what a configuration says."""

from __future__ import annotations

from collections.abc import Mapping
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
