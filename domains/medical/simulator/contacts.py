"""Contacts with the hospital: check-ups, follow-up visits, acute episodes, pregnancies.

A *contact* is an encounter to be: who, when, in which setting and for what. Frames of contacts have
the columns ``patient`` and ``day`` (whole numbers), ``setting`` (0 outpatient, 1 emergency,
2 inpatient), ``cause`` (a name), ``code`` (the first diagnosis; empty for chronic conditions, whose
code depends on the patient's state) and ``second`` (a diagnosis that belongs to the contact, or empty).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.medical.simulator.courses import Courses, multipliers
from domains.medical.simulator.parameters import Acute, Parameters, band_of
from domains.medical.simulator.people import YEAR, Population, choose
from shared.randomness import numpy_generator

OUTPATIENT, EMERGENCY, INPATIENT = 0, 1, 2
CHECKUP, PREGNANCY, DELIVERY, POSTPARTUM = "checkup", "pregnancy", "delivery", "postpartum"


def contacts(population: Population, courses: Courses, parameters: Parameters, seed: int) -> pd.DataFrame:
    """All contacts of all patients inside the window, in no order; each patient has at least one."""
    parts = [
        _checkups(population, parameters, numpy_generator(seed, "checkups")),
        *_follow_ups(courses, parameters, numpy_generator(seed, "follow-ups")),
        *_episodes(population, courses, parameters, numpy_generator(seed, "episodes")),
        _pregnancies(population, parameters, numpy_generator(seed, "pregnancies")),
    ]
    events = pd.concat(parts, ignore_index=True)
    day = events["day"].to_numpy()
    inside = (day >= 0) & (day < parameters.window.days) & (day <= courses.death[events["patient"].to_numpy()])
    events = events[inside]
    missed = np.setdiff1d(np.arange(len(population)), events["patient"].to_numpy())
    random = numpy_generator(seed, "first contacts")
    until = np.minimum(courses.death[missed], parameters.window.days - 1)
    days = np.floor(random.random(len(missed)) * (until + 1)).astype(np.int64)
    late = _checkup_frame(population, missed, days)
    return pd.concat([events, late], ignore_index=True)


def frame(
    patient: NDArray[np.int64],
    day: NDArray[np.int64],
    setting: NDArray[np.int64] | int,
    cause: str,
    code: NDArray[np.object_] | str,
    second: NDArray[np.object_] | str = "",
) -> pd.DataFrame:
    """A frame of contacts of one cause."""
    columns = {"patient": patient, "day": day, "setting": setting, "cause": cause, "code": code, "second": second}
    made = pd.DataFrame(columns, index=pd.RangeIndex(len(patient)))
    return made.astype({"patient": np.int64, "day": np.int64, "setting": np.int64})


def _checkup_frame(population: Population, patient: NDArray[np.int64], day: NDArray[np.int64]) -> pd.DataFrame:
    child = (day - population.born[patient]) / YEAR < 18
    return frame(patient, day, OUTPATIENT, CHECKUP, np.where(child, "Z00.129", "Z00.00").astype(object))


def _checkups(population: Population, parameters: Parameters, random: np.random.Generator) -> pd.DataFrame:
    rate = np.array(parameters.checkups.rates)[band_of(_middle_age(population, parameters))]
    patient, day = _poisson(rate, parameters, np.ones(parameters.window.days), random)
    return _checkup_frame(population, patient, day)


def _follow_ups(courses: Courses, parameters: Parameters, random: np.random.Generator) -> list[pd.DataFrame]:
    made = []
    for index, (name, condition) in enumerate(parameters.chronic.items()):
        begins = courses.onset[:, index]
        rate = np.where(begins < parameters.window.days, condition.visits, 0.0)
        patient, day = _poisson(rate, parameters, np.ones(parameters.window.days), random)
        # The visit that finds the condition.
        found = np.flatnonzero((begins >= 0) & (begins < parameters.window.days - 14))
        patient = np.concatenate([patient, found])
        day = np.concatenate([day, (np.floor(begins[found]) + random.integers(1, 15, len(found))).astype(np.int64)])
        active = begins[patient] <= day
        made.append(frame(patient[active], day[active], OUTPATIENT, name, ""))
    return made


def _episodes(
    population: Population, courses: Courses, parameters: Parameters, random: np.random.Generator
) -> list[pd.DataFrame]:
    middle = parameters.window.days / 2
    band = band_of(_middle_age(population, parameters))
    present = {**population.traits, **{name: courses.has(name, middle) for name in courses.conditions}}
    made = []
    for name, acute in parameters.acute.items():
        sex = np.where(population.female, acute.women, acute.men)
        rate = np.array(acute.rates)[band] / 1000.0 * sex
        if acute.settings[INPATIENT] > 1 / 3:
            rate *= parameters.selection.admitted
        begins = np.zeros(len(population))
        if acute.needs is not None:
            begins = courses.onset[:, courses.conditions.index(acute.needs)]
            rate = np.where(begins < parameters.window.days, rate, 0.0)
        product = multipliers(acute.risks, present, len(population))
        product /= np.average(product, weights=rate) if rate.sum() > 0 else 1.0
        patient, day = _poisson(rate * product, parameters, _season(acute, parameters), random)
        keep = day >= begins[patient]
        patient, day = patient[keep], day[keep]
        age = (day - population.born[patient]) / YEAR
        setting = _setting(acute, age, random)
        made.append(frame(patient, day, setting, name, choose(acute.codes, len(patient), random)))
    return made


def _setting(acute: Acute, age: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """Settings by their shares; where all three occur, the old are admitted more often and the young less."""
    shares = np.tile(np.array(acute.settings), (len(age), 1))
    if min(acute.settings) > 0:
        shares[:, INPATIENT] *= np.clip(0.25 + age / 60.0, 0.3, 2.0)
        shares /= shares.sum(axis=1, keepdims=True)
    return (random.random((len(age), 1)) > np.cumsum(shares, axis=1)[:, :2]).sum(axis=1)


def _pregnancies(population: Population, parameters: Parameters, random: np.random.Generator) -> pd.DataFrame:
    """Antenatal visits, the delivery and the visit after it; at most one pregnancy a woman."""
    first = np.array([band[0] for band in parameters.fertility.rates])
    rates = np.array([0.0, *(band[1] for band in parameters.fertility.rates)])
    age = _middle_age(population, parameters)
    rate = rates[np.digitize(age, first)] * (population.female & (age < 45))
    mother, born = _poisson(rate, parameters, np.ones(parameters.window.days), random)
    mother, keep = np.unique(mother, return_index=True)
    born = born[keep]
    old_enough = (born - population.born[mother]) / YEAR >= 15.8
    mother, born = mother[old_enough], born[old_enough]
    n = len(mother)
    parts = []
    for before, code in ((215, "Z34.81"), (150, "Z34.82"), (100, "Z34.82"), (55, "Z34.83"), (15, "Z34.83")):
        goes = random.random(n) < 0.75
        day = born[goes] - before + random.integers(-9, 10, goes.sum())
        second = choose({"O99.013" if code == "Z34.83" else "O99.012": 0.08}, int(goes.sum()), random)
        if code == "Z34.81":
            second = np.full(int(goes.sum()), None, dtype=object)
        parts.append(frame(mother[goes], day, OUTPATIENT, PREGNANCY, code, _text(second)))
    caesarean = random.random(n) < parameters.fertility.caesarean
    complication = choose({"O13.4": 0.07, "O24.420": 0.07}, n, random)
    codes = np.where(caesarean, "O82", "O80").astype(object)
    # O80 is for deliveries without complication: another code stands first where there is one.
    codes = np.where(pd.notna(complication) & ~caesarean, complication, codes)
    parts.append(frame(mother, born, INPATIENT, DELIVERY, codes, "Z37.0"))
    returns = random.random(n) < 0.7
    day = born[returns] + random.integers(35, 50, returns.sum())
    parts.append(frame(mother[returns], day, OUTPATIENT, POSTPARTUM, "Z39.2"))
    return pd.concat(parts, ignore_index=True)


def _text(values: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.where(pd.isna(values), "", values).astype(object)


def _middle_age(population: Population, parameters: Parameters) -> NDArray[np.float64]:
    return population.age(parameters.window.days / 2)


def _season(acute: Acute, parameters: Parameters) -> NDArray[np.float64]:
    """Weight of each day of the window: a cosine over the year around the peak month."""
    peak, height = acute.season
    dates = parameters.window.dates
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(np.float64)
    weight = 1.0 + height * np.cos(2 * np.pi * (day_of_year - (peak - 0.5) * YEAR / 12) / YEAR)
    if acute.first is not None:
        weight = np.where(dates >= np.datetime64(acute.first, "D"), weight, 0.0)
    return np.maximum(weight, 0.0)


def _poisson(
    rate: NDArray[np.float64], parameters: Parameters, weight: NDArray[np.float64], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patients and days of events at ``rate`` a year for each patient, days drawn by their weight."""
    counts = random.poisson(rate * parameters.window.days / YEAR)
    patient = np.repeat(np.arange(len(rate)), counts)
    cumulated = np.cumsum(weight) / weight.sum()
    day = np.searchsorted(cumulated, random.random(len(patient)), side="right")
    return patient, np.minimum(day, parameters.window.days - 1).astype(np.int64)
