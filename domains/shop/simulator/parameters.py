"""The public facts and the choices that the simulated shop stands on, read from ``parameters.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import yaml
from pydantic import TypeAdapter

DAY = 86_400
Shares = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Window:
    """The first and the last day of the log."""

    source: str
    first: date
    last: date

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        return ((self.last - self.first).days + 1) * DAY

    @property
    def begins(self) -> np.datetime64:
        """The first second."""
        return np.datetime64(self.first, "s")


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """How demand falls with rank: as ``rank ** -exponent``."""

    source: str
    exponent: float


@dataclass(frozen=True, kw_only=True)
class Assortment:
    """What there is to buy: so many items in each category."""

    source: str
    categories: tuple[str, ...]
    items: int


@dataclass(frozen=True, kw_only=True)
class People:
    """Who the users are; ``ages`` are bands as ``(first, last, share)``."""

    source: str
    ages: tuple[tuple[int, int, float], ...]
    regions: Shares


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What users hold; ``mobile`` has the odds of a phone by band of age."""

    source: str
    shares: Shares
    mobile: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Segments:
    """How often users come, in visits a window, and how readily a visit of theirs buys, beside others."""

    source: str
    shares: Shares
    visits: Shares
    buys: Shares


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Clicks of a visit, share of visits that buy, and lines that those buy, on average."""

    source: str
    clicks: float
    buying: float
    lines: float


@dataclass(frozen=True, kw_only=True)
class Times:
    """Gaps between clicks inside visits and between them: median in seconds and spread of the logarithm.

    A gap longer than ``pause`` seconds parts two visits.
    """

    source: str
    inside: tuple[float, float]
    between: tuple[float, float]
    pause: int


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Pieces of a bought line."""

    source: str
    quantity: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class Browsing:
    """Where the next click goes; see the comment in ``parameters.yaml``."""

    source: str
    same: float
    companion: float
    category: float
    leaves_after_purchase: float
    returns: float
    companions: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Tastes:
    """How much likelier each age clicks into a category.

    ``concentration`` is that of a Dirichlet distribution: the higher it is, the less people of one age differ.
    """

    source: str
    concentration: float
    ages: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """All of it."""

    window: Window
    catalogue: Catalogue
    assortment: Assortment
    people: People
    devices: Devices
    segments: Segments
    visits: Visits
    times: Times
    lines: Lines
    browsing: Browsing
    tastes: Tastes


def load_parameters() -> Parameters:
    """Read and check the file."""
    text = Path(__file__).with_name("parameters.yaml").read_text(encoding="utf-8")
    return TypeAdapter(Parameters).validate_python(yaml.safe_load(text))
