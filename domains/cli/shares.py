"""Shares as options write them."""

from __future__ import annotations

from shared.errors import ConfigurationError


def class_shares(text: str, option: str) -> dict[str, float]:
    """``Yes=.5,No=.5``; raises ``ConfigurationError``."""
    pairs = [part.rpartition("=") for part in text.split(",")]
    names = [name.strip() for name, _, _ in pairs]
    if "" in names or len(set(names)) != len(names):
        raise ConfigurationError(f"{option} is {text!r}; give each class once with its share, such as Yes=.5,No=.5")
    return {name: number_of(share, option, text) for name, (_, _, share) in zip(names, pairs, strict=True)}


def number_of(text: str, option: str, given: str) -> float:
    """A number in an option; raises ``ConfigurationError``."""
    try:
        return float(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} is {given!r}; {text.strip()!r} is no number, such as .5") from error
