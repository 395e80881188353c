"""Measurements that fit the patient: blood pressure, body mass index, HbA1c, kidney function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.medical.simulator.contacts import CHECKUP, EMERGENCY, INPATIENT
from domains.medical.simulator.courses import Courses
from domains.medical.simulator.people import YEAR, Population
from shared.randomness import numpy_generator

# Lowest and highest value of each measurement, and its resolution.
RANGES = {"systolic_bp": (70, 240, 1), "bmi": (12, 70, 0.1), "hba1c": (4, 16, 0.1), "egfr": (4, 140, 1)}


@dataclass(frozen=True, eq=False)
class State:
    """What is true of the patient at each encounter, measured or not; all of shape ``(encounters,)``.

    Systolic blood pressure in mmHg, body mass index in kg/m², HbA1c in per cent (NGSP), estimated
    glomerular filtration rate in mL/min/1.73 m².
    """

    systolic_bp: NDArray[np.float64]
    bmi: NDArray[np.float64]
    hba1c: NDArray[np.float64]
    egfr: NDArray[np.float64]


def state_of(events: pd.DataFrame, population: Population, courses: Courses, seed: int) -> State:
    """The state at each encounter; a patient's level stays, ages and drifts.

    Levels are approximate: NHANES 2017-2018 means by age for blood pressure and HbA1c; kidney function
    falls by about 1 mL/min a year from the age of 40 on (Lindeman 1985), by 1 more in kidney disease.
    """
    random = numpy_generator(seed, "measurements")
    patient, day = events["patient"].to_numpy(), events["day"].to_numpy(dtype=float)
    n, m = len(population), len(events)
    age = (day - population.born[patient]) / YEAR

    def since(name: str) -> NDArray[np.float64]:
        """Years since a condition began; negative before."""
        years = (day - courses.onset[patient, courses.conditions.index(name)]) / YEAR
        return np.where(np.isfinite(years), years, -1.0)

    def level(spread: float) -> NDArray[np.float64]:
        return random.normal(0, spread, n)[patient]

    hypertensive, diabetic, kidneys = since("hypertension") >= 0, since("diabetes") >= 0, since("kidney_disease")
    obese = np.maximum(population.bmi[patient] - 27, 0)
    pressure = 102 + 0.33 * np.minimum(age, 75) + level(7) + 0.35 * obese + np.where(hypertensive, 10, 0)
    pressure += np.where(events["setting"] == EMERGENCY, 6, 0) + random.normal(0, 8, m)
    sugar = 5.15 + 0.006 * age + level(0.22) + 0.012 * obese
    control = random.gamma(1.6, 0.75, n)[patient]
    sugar += np.where(diabetic, 0.6 + control + 0.03 * np.maximum(since("diabetes"), 0), 0) + random.normal(0, 0.15, m)
    sugar += np.where(events["cause"] == "hyperglycaemic_crisis", 2.5, 0)
    filtration = 116 - 0.25 * np.minimum(age, 40) - 0.75 * np.maximum(age - 40, 0) + level(9)
    damage = 22 * random.random(n)[patient] ** 2 + 1.1 * np.maximum(kidneys, 0)
    filtration = np.where(kidneys >= 0, np.minimum(58, filtration - 6) - damage, np.maximum(filtration, 62))
    filtration -= np.where(events["cause"] == "kidney_injury", 14, 0)
    filtration += random.normal(0, 2.0, m) * (kidneys < 0)
    weight = population.bmi[patient] + random.normal(0, 0.5, m) + 0.08 * day / YEAR
    return State(
        *(_rounded(values, name) for name, values in zip(RANGES, (pressure, weight, sugar, filtration), strict=True))
    )


def _rounded(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    low, high, step = RANGES[name]
    return np.clip(np.round(np.rint(values / step) * step, 6), low, high)


def measured(events: pd.DataFrame, state: State, courses: Courses, seed: int) -> dict[str, NDArray[np.float64]]:
    """What was measured, NaN for what was not: by setting, by condition, and by chance."""
    random = numpy_generator(seed, "measured")
    patient, day = events["patient"].to_numpy(), events["day"].to_numpy(dtype=float)
    setting = events["setting"].to_numpy()
    inpatient, emergency = setting == INPATIENT, setting == EMERGENCY
    checkup = (events["cause"] == CHECKUP).to_numpy()

    def has(name: str) -> NDArray[np.bool_]:
        return courses.onset[patient, courses.conditions.index(name)] <= day

    chances = {
        "systolic_bp": np.where(inpatient | emergency, 0.97, 0.84),
        "bmi": np.where(emergency, 0.08, np.where(inpatient, 0.55, np.where(checkup, 0.93, 0.62))),
        "hba1c": np.where(has("diabetes"), np.where(emergency, 0.12, 0.62), np.where(checkup, 0.18, 0.03)),
        "egfr": np.where(
            inpatient, 0.92, np.where(emergency, 0.55, np.where(has("kidney_disease") | has("diabetes"), 0.60, 0.12))
        ),
    }
    return {
        name: np.where(random.random(len(events)) < chance, getattr(state, name), np.nan)
        for name, chance in chances.items()
    }
