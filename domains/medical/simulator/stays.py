"""From contacts to encounters in order: length of stay, readmission, death, nothing that overlaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.medical.simulator.contacts import DELIVERY, EMERGENCY, INPATIENT, frame
from domains.medical.simulator.courses import Courses, multipliers
from domains.medical.simulator.parameters import Parameters
from domains.medical.simulator.people import YEAR, Population, choose
from shared.randomness import numpy_generator

READMISSION_DAYS = 30
LONGEST_STAY = 60
DISPOSITIONS = ("Home", "Home health", "Skilled nursing", "Rehabilitation", "Transfer", "Against advice", "Expired")
_ROUNDS = 2  # a readmission may lead to another
_COMPLICATIONS = {"pneumonia": 0.3, "sepsis": 0.3, "kidney_injury": 0.2, "urinary_infection": 0.2}


def encounters(
    events: pd.DataFrame, population: Population, courses: Courses, parameters: Parameters, seed: int
) -> pd.DataFrame:
    """Contacts in order of patient and day, with ``stay``, ``expired`` and ``readmitted`` beside them.

    ``stay`` is in days (0 unless inpatient), ``expired`` and ``readmitted`` are boolean;
    ``readmitted`` follows exactly from the next inpatient encounter of the patient.
    """
    random = numpy_generator(seed, "stays")
    rounds = [_with_stays(events, population, parameters, random)]
    for _ in range(_ROUNDS):
        again = _readmissions(rounds[-1], population, courses, parameters, random)
        rounds.append(_with_stays(again, population, parameters, random))
    return _readmitted(_ended(_in_order(pd.concat(rounds, ignore_index=True)), courses))


def _with_stays(
    events: pd.DataFrame, population: Population, parameters: Parameters, random: np.random.Generator
) -> pd.DataFrame:
    median, fatality = (
        events["cause"].map({name: getattr(acute, field) for name, acute in parameters.acute.items()}).to_numpy(float)
        for field in ("stay", "fatality")
    )
    median = np.where(events["cause"] == DELIVERY, np.where(events["code"] == "O82", 3.2, 2.1), median)
    age = population.age(0.0)[events["patient"].to_numpy()]
    inpatient = (events["setting"] == INPATIENT).to_numpy()
    stay = (
        np.nan_to_num(median, nan=1.0) * np.clip(0.75 + age / 200, 0.75, 1.25) * random.lognormal(0, 0.5, len(events))
    )
    stay = np.clip(np.rint(stay), 1, LONGEST_STAY) * inpatient
    # Fatality doubles every 15 years of age or so; the declared one is that at 70.
    chance = np.clip(np.nan_to_num(fatality) * np.exp(0.045 * (age - 70)), 0, 0.8)
    expired = inpatient & (random.random(len(events)) < chance)
    return events.assign(stay=stay.astype(np.int64), expired=expired)


def _readmissions(
    before: pd.DataFrame, population: Population, courses: Courses, parameters: Parameters, random: np.random.Generator
) -> pd.DataFrame:
    """New inpatient contacts within 30 days of a discharge: the same illness again, or a complication."""
    rules = parameters.readmission
    now = parameters.window.days / 2
    present = {**population.traits, **{name: courses.has(name, now) for name in courses.conditions}}
    risk = multipliers(rules.risks, present, len(population))
    patient = before["patient"].to_numpy()
    chance = rules.base * risk[patient] * (1 + rules.per_day_of_stay * before["stay"].to_numpy())
    chance = np.where(before["cause"] == DELIVERY, 0.02, np.minimum(chance, 0.6))
    able = ((before["setting"] == INPATIENT) & ~before["expired"]).to_numpy()
    chosen = before[able & (random.random(len(before)) < chance)]
    n = len(chosen)
    gap = np.minimum(1 + np.floor(random.exponential(11.0, n)), READMISSION_DAYS).astype(np.int64)
    same = (random.random(n) < 0.5) & (chosen["cause"] != DELIVERY).to_numpy()
    other = choose(_COMPLICATIONS, n, random)
    cause = np.where(same, chosen["cause"].to_numpy(dtype=object), other)
    made = frame(chosen["patient"].to_numpy(), (chosen["day"] + chosen["stay"]).to_numpy() + gap, INPATIENT, "", "")
    made["cause"] = cause
    made["code"] = chosen["code"].to_numpy(dtype=object)
    for name in _COMPLICATIONS:
        rows = np.flatnonzero(~same & (cause == name))
        made.loc[rows, "code"] = choose(parameters.acute[name].codes, len(rows), random)
    return made[(made["day"] < parameters.window.days).to_numpy()].reset_index(drop=True)


def _in_order(events: pd.DataFrame) -> pd.DataFrame:
    """Sorted by patient and day, without what begins before an earlier encounter of the patient is over."""
    order = np.lexsort((-events["setting"].to_numpy(), events["day"].to_numpy(), events["patient"].to_numpy()))
    events = events.iloc[order].reset_index(drop=True)
    patient, day = events["patient"].to_numpy(), events["day"].to_numpy()
    far = int(day.max(initial=0)) + 2 * LONGEST_STAY + 2  # patients cannot meet on this axis
    starts, ends = patient * far + day, patient * far + day + events["stay"].to_numpy()
    over = np.concatenate([[-1], np.maximum.accumulate(ends)[:-1]])
    return events[starts > over].reset_index(drop=True)


def _ended(events: pd.DataFrame, courses: Courses) -> pd.DataFrame:
    """Nothing after death; who dies outside hospital while an inpatient dies there."""
    patient, day, stay = (events[name].to_numpy() for name in ("patient", "day", "stay"))
    death = courses.death[patient]
    events = events[day <= death].reset_index(drop=True)
    patient, day, stay = (events[name].to_numpy() for name in ("patient", "day", "stay"))
    death = courses.death[patient]
    during = (events["setting"] == INPATIENT).to_numpy() & (day + stay >= death)
    events["stay"] = np.where(during, np.maximum(death - day, 1), stay).astype(np.int64)
    events["expired"] = events["expired"].to_numpy() | during
    deaths_before = events["expired"].astype(int).groupby(events["patient"]).cumsum() - events["expired"].astype(int)
    return events[(deaths_before == 0).to_numpy()].reset_index(drop=True)


def _readmitted(events: pd.DataFrame) -> pd.DataFrame:
    return events.assign(
        readmitted=readmitted_soon(
            events["patient"].to_numpy(),
            events["day"].to_numpy(dtype=float),
            events["stay"].to_numpy(dtype=float),
            (events["setting"] == INPATIENT).to_numpy(),
        )
    )


def readmitted_soon(
    patient: NDArray[np.generic],
    day: NDArray[np.float64],
    stay: NDArray[np.float64],
    inpatient: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which inpatient encounters are followed by another within 30 days of discharge.

    All of shape ``(encounters,)``, in order of patient and day.
    """
    soon = np.zeros(len(day), dtype=bool)
    rows = np.flatnonzero(inpatient)
    here, following = rows[:-1], rows[1:]
    gap = day[following] - (day[here] + stay[here])
    soon[here] = (patient[here] == patient[following]) & (gap <= READMISSION_DAYS)
    return soon


def dispositions(events: pd.DataFrame, population: Population, seed: int) -> NDArray[np.object_]:
    """Where each encounter ends, shape ``(encounters,)``."""
    random = numpy_generator(seed, "dispositions")
    n = len(events)
    age = (events["day"].to_numpy() - population.born[events["patient"].to_numpy()]) / YEAR
    setting = events["setting"].to_numpy()
    ends = np.full(n, "Home", dtype=object)
    emergency = np.flatnonzero(setting == EMERGENCY)
    ends[emergency] = choose({"Home": 0.93, "Against advice": 0.02, "Transfer": 0.05}, len(emergency), random)
    inpatient = (setting == INPATIENT) & (events["cause"] != DELIVERY).to_numpy()
    bones = events["cause"].isin(["hip_fracture", "stroke", "knee_replacement"]).to_numpy()
    for chosen, shares in (
        (inpatient & (age < 65), {"Home": 0.87, "Home health": 0.06, "Against advice": 0.03, "Transfer": 0.04}),
        (inpatient & (age >= 65), {"Home": 0.50, "Home health": 0.23, "Skilled nursing": 0.21, "Transfer": 0.06}),
        (inpatient & bones, {"Home": 0.16, "Home health": 0.26, "Skilled nursing": 0.32, "Rehabilitation": 0.26}),
    ):
        rows = np.flatnonzero(chosen)
        ends[rows] = choose(shares, len(rows), random)
    ends[events["expired"].to_numpy()] = "Expired"
    return ends
