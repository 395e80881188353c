"""Users: who they are, how often they come, and what they like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domains.shop.simulator.parameters import Parameters, Shares
from shared.randomness import numpy_generator


@dataclass(frozen=True, eq=False)
class Users:
    """Who users are: ``age`` in years, else indices into the names of the parameters, each of shape ``(users,)``.

    ``taste`` of shape ``(users, categories)`` has the chances of the categories.
    """

    age: NDArray[np.int64]
    region: NDArray[np.int64]
    device: NDArray[np.int64]
    segment: NDArray[np.int64]
    taste: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.age)


def users_of(n: int, parameters: Parameters, seed: int) -> Users:
    """Draw ``n`` users."""
    random = numpy_generator(seed, "users")
    people, tastes = parameters.people, parameters.tastes
    bands = np.array(people.ages)
    band = random.choice(len(bands), size=n, p=bands[:, 2] / bands[:, 2].sum())
    liking = np.array([tastes.ages[category] for category in parameters.assortment.categories])
    usual = liking[:, band].T
    usual = usual / usual.sum(axis=1, keepdims=True)
    # A Dirichlet draw about what is usual at that age.
    taste = random.standard_gamma(usual * tastes.concentration) + 1e-9
    return Users(
        age=_ages(band, bands, random),
        region=_drawn(people.regions, n, random),
        device=_devices(band, parameters, random),
        segment=_drawn(parameters.segments.shares, n, random),
        taste=taste / taste.sum(axis=1, keepdims=True),
    )


def _ages(band: NDArray[np.int64], bands: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """Years inside each band, alike but in the last, where they become fewer and fewer."""
    place = np.where(band == len(bands) - 1, random.beta(1.0, 2.0, len(band)), random.random(len(band)))
    first, last = bands[band, 0], bands[band, 1]
    return np.minimum(np.floor(first + place * (last - first + 1)), last).astype(np.int64)


def _devices(band: NDArray[np.int64], parameters: Parameters, random: np.random.Generator) -> NDArray[np.int64]:
    """Devices by their shares; the odds of a phone, brought to the right mean, differ with age."""
    devices = parameters.devices
    names = list(devices.shares)
    shares = np.array(list(devices.shares.values()))
    ages = np.array([share for _, _, share in parameters.people.ages])
    phone = names.index("mobile")
    odds = np.array(devices.mobile)
    low, high = 0.0, 1e3
    for _ in range(60):  # the factor of the odds at which the mean over ages is the declared share
        middle = (low + high) / 2
        mean = np.average(middle * odds / (1 + middle * odds), weights=ages)
        low, high = (middle, high) if mean < shares[phone] else (low, middle)
    chance = (low * odds / (1 + low * odds))[band]
    others = np.delete(np.arange(len(names)), phone)
    rest = random.choice(others, size=len(band), p=shares[others] / shares[others].sum())
    return np.where(random.random(len(band)) < chance, phone, rest)


def _drawn(shares: Shares, n: int, random: np.random.Generator) -> NDArray[np.int64]:
    weights = np.array(list(shares.values()))
    return random.choice(len(weights), size=n, p=weights / weights.sum())
