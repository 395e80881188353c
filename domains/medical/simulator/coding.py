"""Diagnoses in ICD-10-CM: which codes an encounter carries, given the patient's state on that day."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.medical.simulator.contacts import INPATIENT, OUTPATIENT
from domains.medical.simulator.courses import Courses
from domains.medical.simulator.measurements import State
from domains.medical.simulator.parameters import Parameters
from shared.randomness import numpy_generator

# Codes of chronic conditions that do not depend on the patient's state; two codes: one a patient, for life.
_FIXED: dict[str, tuple[str, str]] = {
    "hyperlipidaemia": ("E78.5", "E78.2"),
    "copd": ("J44.9", "J44.9"),
    "asthma": ("J45.909", "J45.40"),
    "coronary_disease": ("I25.10", "I25.10"),
    "heart_failure": ("I50.22", "I50.32"),
    "atrial_fibrillation": ("I48.91", "I48.20"),
    "depression": ("F32.A", "F33.1"),
    "osteoarthritis": ("M17.0", "M16.0"),
    "dementia": ("F03.90", "G30.9"),
    "hypothyroidism": ("E03.9", "E03.9"),
    "breast_cancer": ("C50.911", "C50.912"),
    "prostate_cancer": ("C61", "C61"),
}
_STATEFUL: dict[str, tuple[str, ...]] = {
    "hypertension": ("I10", "I11.0", "I12.9", "I13.0"),
    "diabetes": ("E11.9", "E11.22", "E11.65"),
    "kidney_disease": ("N18.31", "N18.32", "N18.4", "N18.5", "N18.6"),
}
_CONTACT_CODES = (
    *("Z00.00", "Z00.129", "Z34.81", "Z34.82", "Z34.83", "O99.012", "O99.013"),
    *("O80", "O82", "O13.4", "O24.420", "Z37.0", "Z39.2"),
)


def all_codes(parameters: Parameters) -> tuple[str, ...]:
    """Every code that the simulator knows, sorted."""
    acute = {code for episode in parameters.acute.values() for code in episode.codes}
    chronic = {code for codes in (*_FIXED.values(), *_STATEFUL.values()) for code in codes}
    return tuple(sorted(acute | chronic | set(_CONTACT_CODES)))


def chronic_codes(
    patient: NDArray[np.int64], present: NDArray[np.bool_], state: State, courses: Courses, seed: int
) -> NDArray[np.object_]:
    """The code of each chronic condition at each encounter, shape ``(encounters, conditions)``.

    ``present`` has that shape too. Hypertension with heart failure or kidney disease, and diabetes
    with kidney disease, are coded together (ICD-10-CM Official Guidelines, sections I.C.9.a and I.C.4.a).
    """
    names = courses.conditions
    column = {name: present[:, names.index(name)] for name in names}
    luck = numpy_generator(seed, "variants").random((len(courses.onset), len(names)))[patient]
    codes = np.empty(present.shape, dtype=object)
    for index, name in enumerate(names):
        if name in _FIXED:
            usual, other = _FIXED[name]
            codes[:, index] = np.where(luck[:, index] < 0.7, usual, other)
    failing, kidneys = column["heart_failure"], column["kidney_disease"]
    alone, heart, kidney, both = _STATEFUL["hypertension"]
    hypertension = np.select([failing & kidneys, failing, kidneys], [both, heart, kidney], alone)
    plain, renal, uncontrolled = _STATEFUL["diabetes"]
    diabetes = np.select([kidneys, state.hba1c > 8.5], [renal, uncontrolled], plain)
    stages = np.array(_STATEFUL["kidney_disease"], dtype=object)
    stage = stages[np.digitize(-state.egfr, [-45.0, -30.0, -15.0, -9.0])]
    for name, values in (("hypertension", hypertension), ("diabetes", diabetes), ("kidney_disease", stage)):
        codes[:, names.index(name)] = values
    return codes


def diagnoses(
    events: pd.DataFrame, courses: Courses, state: State, parameters: Parameters, seed: int
) -> NDArray[np.object_]:
    """Up to three codes an encounter, the reason first, shape ``(encounters, 3)``; ``None`` where there is none.

    Behind the reason stand conditions that the patient has, the graver ones more often, and more of
    them for inpatients than for others.
    """
    random = numpy_generator(seed, "diagnoses")
    patient, names = events["patient"].to_numpy(), courses.conditions
    present = courses.onset[patient] <= events["day"].to_numpy()[:, None]
    codes = chronic_codes(patient, present, state, courses, seed)
    own = _own_condition(events, parameters)
    rows = np.arange(len(events))
    chronic = np.isin(events["cause"].to_numpy(dtype=object), names)
    first = np.where(chronic, codes[rows, np.maximum(own, 0)], events["code"].to_numpy(dtype=object))
    weights = np.log([parameters.chronic[name].weight for name in names])
    listable = present.copy()
    listable[rows[own >= 0], own[own >= 0]] = False
    # Gumbel noise: the two highest are a weighted draw without replacement (Efraimidis and Spirakis, 2006).
    score = np.where(listable, weights + random.gumbel(size=present.shape), -np.inf)
    best = np.argsort(-score, axis=1)[:, :2]
    setting = events["setting"].to_numpy()
    chance = np.where(setting == INPATIENT, 0.95, np.where(setting == OUTPATIENT, 0.62, 0.55))
    listed = np.full((len(events), 3), None, dtype=object)
    listed[:, 0] = first
    second = events["second"].to_numpy(dtype=object)
    place = np.where(second != "", 2, 1)
    listed[second != "", 1] = second[second != ""]
    for rank in range(2):
        condition = best[:, rank]
        chosen = np.isfinite(score[rows, condition]) & (random.random(len(events)) < chance) & (place <= 2)
        listed[rows[chosen], place[chosen]] = codes[rows[chosen], condition[chosen]]
        place += chosen
    return listed


def _own_condition(events: pd.DataFrame, parameters: Parameters) -> NDArray[np.int64]:
    """The chronic condition that each encounter is about, or -1."""
    index = {name: position for position, name in enumerate(parameters.conditions)}
    index |= {name: index[acute.needs] for name, acute in parameters.acute.items() if acute.needs is not None}
    return events["cause"].map(index).fillna(-1).to_numpy(dtype=np.int64)
