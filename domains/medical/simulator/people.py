"""Patients before they fall ill: who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from faker import Faker
from numpy.typing import NDArray

from domains.medical.simulator.parameters import Parameters, Shares
from shared.randomness import derive, numpy_generator

YEAR = 365.25


@dataclass(frozen=True, eq=False)
class Population:
    """``n`` patients, every array of shape ``(n,)``. ``born`` is the day of birth, from the window's first day on."""

    female: NDArray[np.bool_]
    race: NDArray[np.object_]
    region: NDArray[np.object_]
    born: NDArray[np.float64]
    smoker: NDArray[np.bool_]
    bmi: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.born)

    def age(self, day: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Age in years on a day (one for all, or one each)."""
        return (day - self.born) / YEAR

    @property
    def traits(self) -> Mapping[str, NDArray[np.bool_]]:
        """What a risk may name beside conditions."""
        races = {name.lower(): self.race == name for name in ("Black", "Hispanic", "Asian")}
        return {"smoker": self.smoker, "obese": self.bmi >= 30, **races}


def choose(shares: Shares, n: int, random: np.random.Generator) -> NDArray[np.object_]:
    """``n`` keys by their shares; ``None`` for what the shares leave of 1."""
    names = np.array([*shares, None], dtype=object)
    weights = np.array(list(shares.values()))
    rest = max(0.0, 1.0 - weights.sum())
    return random.choice(names, size=n, p=np.append(weights, rest) / (weights.sum() + rest))


def populate(n: int, parameters: Parameters, seed: int) -> Population:
    """Draw ``n`` patients."""
    random = numpy_generator(seed, "people")
    people, habits = parameters.population, parameters.habits
    bands = np.array(people.age_bands)
    band = random.choice(len(bands), size=n, p=bands[:, 2] / bands[:, 2].sum())
    age = random.uniform(bands[band, 0], bands[band, 1] + 1)
    # Among the oldest, few reach the end of the band.
    oldest = band == len(bands) - 1
    age[oldest] = bands[-1, 0] + (bands[-1, 1] - bands[-1, 0]) * random.beta(1.1, 2.4, oldest.sum())
    # Women outlive men.
    female = random.random(n) < np.where(age >= 75, people.women + 0.09, people.women)
    adult = age >= 18
    mean = np.where(adult, habits.bmi["adult_mean"], habits.bmi["child_mean"])
    spread = np.where(adult, habits.bmi["adult_sd"], habits.bmi["child_sd"])
    bmi = mean + spread * (random.gamma(6.0, 1.0, n) - 6.0) / np.sqrt(6.0)
    return Population(
        female=female,
        race=choose(people.races, n, random),
        region=choose(people.regions, n, random),
        born=-np.floor(age * YEAR),
        smoker=adult & (random.random(n) < habits.smoker),
        bmi=np.clip(bmi, 13.0, 65.0),
    )


def names_and_addresses(female: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Fictitious full names and addresses, one a patient."""
    fake = Faker("en_US")
    fake.seed_instance(derive(seed, "names") % 2**32)
    names = [
        f"{fake.first_name_female() if woman else fake.first_name_male()} {fake.last_name()}"
        for woman in female.tolist()
    ]
    addresses = [f"{fake.street_address()}, {fake.city()}" for _ in names]
    return np.array(names, dtype=object), np.array(addresses, dtype=object)
