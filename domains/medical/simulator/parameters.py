"""The public facts that the simulator stands on, read from ``parameters.yaml`` beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import TypeAdapter

BANDS = np.array([18, 40, 60, 75])  # age bands 0-17, 18-39, 40-59, 60-74, 75 and more
KNOTS = np.array([0.0, 20.0, 40.0, 60.0, 80.0, 100.0])  # ages at which prevalence is given
Shares = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Window:
    """The first and last day on which encounters begin."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.last - self.first).days + 1

    @cached_property
    def dates(self) -> NDArray[np.datetime64]:
        """Each day, shape ``(days,)``."""
        return np.datetime64(self.first, "D") + np.arange(self.days)


@dataclass(frozen=True, kw_only=True)
class People:
    """Who the patients are."""

    source: str
    women: float
    age_bands: tuple[tuple[float, float, float], ...]
    races: Shares
    regions: Shares


@dataclass(frozen=True, kw_only=True)
class Habits:
    """Smoking and body weight."""

    source: str
    smoker: float
    bmi: Shares


@dataclass(frozen=True, kw_only=True)
class Mortality:
    """Yearly hazard ``a * exp(b * age)`` (Gompertz) of each sex, and who dies sooner."""

    source: str
    men: tuple[float, float]
    women: tuple[float, float]
    risks: Shares


@dataclass(frozen=True, kw_only=True)
class Fertility:
    """Births a woman and year, as ``(first age, rate)`` of bands of five years."""

    source: str
    rates: tuple[tuple[float, float], ...]
    caesarean: float


@dataclass(frozen=True, kw_only=True)
class Readmission:
    """Chance of coming back within 30 days of a discharge, and what raises it."""

    source: str
    base: float
    risks: Shares
    per_day_of_stay: float


@dataclass(frozen=True, kw_only=True)
class Checkups:
    """Preventive visits a year, by age band."""

    source: str
    rates: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """How many times more grave episodes a hospital's patients have than the population."""

    source: str
    admitted: float


@dataclass(frozen=True, kw_only=True)
class Chronic:
    """A chronic condition. ``men`` and ``women`` are prevalences at :data:`KNOTS`."""

    source: str
    men: tuple[float, ...]
    women: tuple[float, ...]
    risks: Shares
    visits: float
    weight: float
    department: str
    drugs: Shares


@dataclass(frozen=True, kw_only=True)
class Acute:
    """An acute illness or an episode of a chronic one; see the comment in ``parameters.yaml``."""

    source: str
    codes: Shares
    rates: tuple[float, ...]
    settings: tuple[float, float, float]
    season: tuple[int, float]
    risks: Shares
    department: str
    drugs: Shares
    needs: str | None = None
    first: date | None = None
    men: float = 1.0
    women: float = 1.0
    stay: float = 1.0
    fatality: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """All of it."""

    window: Window
    population: People
    habits: Habits
    mortality: Mortality
    fertility: Fertility
    readmission: Readmission
    checkups: Checkups
    selection: Selection
    chronic: Mapping[str, Chronic]
    acute: Mapping[str, Acute]

    @property
    def causes(self) -> Mapping[str, Chronic | Acute]:
        """Chronic conditions and acute illnesses, by name."""
        return {**self.chronic, **self.acute}

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the chronic conditions, in the order in which every array has them."""
        return tuple(self.chronic)


def load_parameters() -> Parameters:
    """Read and check the file."""
    text = Path(__file__).with_name("parameters.yaml").read_text(encoding="utf-8")
    return TypeAdapter(Parameters).validate_python(yaml.safe_load(text))


def band_of(age: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index of the age band of each age."""
    return np.digitize(age, BANDS)
