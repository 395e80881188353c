"""Chronic courses: when each condition begins, and when a patient dies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domains.medical.simulator.parameters import KNOTS, Parameters, Shares
from domains.medical.simulator.people import YEAR, Population
from shared.randomness import numpy_generator


@dataclass(frozen=True, eq=False)
class Courses:
    """``onset`` has shape ``(n, conditions)``: the day on which a condition begins, or infinity.

    ``death`` has shape ``(n,)``: the day of death outside hospital, or infinity.
    """

    conditions: tuple[str, ...]
    onset: NDArray[np.float64]
    death: NDArray[np.float64]

    def has(self, name: str, day: NDArray[np.float64] | float) -> NDArray[np.bool_]:
        """Who has the condition on that day, shape ``(n,)``."""
        return self.onset[:, self.conditions.index(name)] <= day


def multipliers(risks: Shares, present: Mapping[str, NDArray[np.bool_]], n: int) -> NDArray[np.float64]:
    """The product of the relative risks that apply to each patient, shape ``(n,)``."""
    product = np.ones(n)
    for name, ratio in risks.items():
        product *= np.where(present[name], ratio, 1.0)
    return product


def follow(population: Population, parameters: Parameters, seed: int) -> Courses:
    """Draw the onset of every condition, then deaths."""
    random = numpy_generator(seed, "courses")
    ages = _onset_ages(population, parameters, random)
    onset = population.born[:, None] + ages * YEAR
    courses = Courses(parameters.conditions, onset, np.full(len(population), np.inf))
    return Courses(parameters.conditions, onset, _deaths(population, courses, parameters, random))


def _onset_ages(population: Population, parameters: Parameters, random: np.random.Generator) -> NDArray[np.float64]:
    """Shape ``(n, conditions)``, infinity for never; every patient is followed year by year from birth.

    Earlier conditions raise the hazard of later ones. Hazards are divided by the mean multiplier of
    those at risk, so that the prevalence in the population stays the declared one.
    """
    n, names = len(population), parameters.conditions
    ages = np.full((n, len(names)), np.inf)
    last = np.floor(population.age(float(parameters.window.days)))
    traits = population.traits
    for year in range(int(last.max()) + 1):
        alive = last >= year
        for index, name in enumerate(names):
            condition = parameters.chronic[name]
            hazard = np.where(population.female, _hazard(condition.women, year), _hazard(condition.men, year))
            at_risk = alive & np.isinf(ages[:, index]) & (hazard > 0)
            if not at_risk.any():
                continue
            present = {**traits, **{other: ages[:, k] <= year for k, other in enumerate(names)}}
            product = multipliers(condition.risks, present, n)
            chance = -np.expm1(-hazard * product / product[at_risk].mean())
            begins = at_risk & (random.random(n) < chance)
            ages[begins, index] = year + random.random(begins.sum())
    return ages


def _hazard(prevalence: tuple[float, ...], age: int) -> float:
    """The hazard over one year that takes the prevalence at ``age`` to that at ``age + 1``; never negative."""
    now, then = np.interp([age, age + 1], KNOTS, prevalence)
    return max(0.0, float(np.log1p(-now) - np.log1p(-then)))


def _deaths(
    population: Population, courses: Courses, parameters: Parameters, random: np.random.Generator
) -> NDArray[np.float64]:
    n, mortality = len(population), parameters.mortality
    death = np.full(n, np.inf)
    level = np.where(population.female, mortality.women[0], mortality.men[0])
    slope = np.where(population.female, mortality.women[1], mortality.men[1])
    for start in np.arange(0, parameters.window.days, YEAR):
        hazard = level * np.exp(slope * population.age(float(start)))
        present = {**population.traits, **{name: courses.has(name, float(start)) for name in courses.conditions}}
        product = multipliers(mortality.risks, present, n)
        hazard = hazard * product / np.average(product, weights=hazard)
        dies = np.isinf(death) & (random.random(n) < -np.expm1(-hazard))
        death[dies] = np.floor(start + random.random(dies.sum()) * YEAR)
    return np.where(death < parameters.window.days, death, np.inf)
