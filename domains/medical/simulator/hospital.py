"""The simulated hospital: patients, their courses, their encounters, as one flat table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.base.numbering import distinct, numbered
from domains.medical.simulator.coding import diagnoses
from domains.medical.simulator.contacts import CHECKUP, DELIVERY, EMERGENCY, INPATIENT, POSTPARTUM, PREGNANCY, contacts
from domains.medical.simulator.courses import follow
from domains.medical.simulator.layout import (
    CHECKUP_DEPARTMENT,
    EMERGENCY_DEPARTMENT,
    OBSTETRICS,
    PAEDIATRICS,
    SETTINGS,
    TABLE,
    hospital_schema,
)
from domains.medical.simulator.measurements import measured, state_of
from domains.medical.simulator.parameters import Parameters, load_parameters
from domains.medical.simulator.people import YEAR, Population, choose, names_and_addresses, populate
from domains.medical.simulator.stays import dispositions, encounters
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.schema import Schema
from shared.errors import ConfigurationError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

_MOST_UNITS = 10_000_000  # a tenth of the numbers that the pattern of patient_id allows
_BLOCK = 20_000  # patients simulated at once: memory grows with the table, not with the work


def simulate_hospital(units: int, *, seed: int, reporter: Reporter) -> Corpus:
    """A corpus of ``units`` patients, each with at least one encounter; equal for equal arguments."""
    if not 1 <= units <= _MOST_UNITS:
        raise ConfigurationError(
            f"{units} patients are asked for; the simulator makes between 1 and {_MOST_UNITS}: change units"
        )
    parameters, schema = load_parameters(), hospital_schema()
    frames = []
    with reporter.stage("simulating patients", units) as stage:
        for block, first in enumerate(range(0, units, _BLOCK)):
            n = min(_BLOCK, units - first)
            frames.append(_block(n, first, parameters, derive(seed, "block", block)))
            stage.advance(n)
    frame = pd.concat(frames, ignore_index=True)
    random = numpy_generator(seed, "identifiers")
    patients = random.permutation(distinct(random, units, 10**8))
    frame["patient_id"] = numbered("P", patients, 8)[frame["patient_id"].to_numpy(dtype=np.int64)]
    frame["encounter_id"] = numbered("E", random.permutation(distinct(random, len(frame), 10**9)), 9)
    return Corpus(schema, {TABLE: _typed(frame, schema)})


def _block(n: int, first: int, parameters: Parameters, seed: int) -> pd.DataFrame:
    """Encounters of ``n`` patients, numbered from ``first`` on in ``patient_id``; identifiers are yet to come."""
    population = populate(n, parameters, seed)
    courses = follow(population, parameters, seed)
    events = encounters(contacts(population, courses, parameters, seed), population, courses, parameters, seed)
    state = state_of(events, population, courses, seed)
    codes = diagnoses(events, courses, state, parameters, seed)
    names, addresses = names_and_addresses(population.female, seed)
    patient, setting = events["patient"].to_numpy(), events["setting"].to_numpy()
    inpatient = setting == INPATIENT
    ends = dispositions(events, population, seed)
    dates = parameters.window.dates[events["day"].to_numpy()]
    born = (np.datetime64(parameters.window.first, "D") + population.born.astype(np.int64)).astype("datetime64[Y]")
    birth_year = born.astype(np.int64) + 1970
    again = np.where(events["readmitted"].to_numpy(), "Yes", "No").astype(object)
    again[~inpatient | (ends == "Expired")] = None
    columns: dict[str, NDArray[np.generic]] = {
        "patient_id": first + patient,
        "name": names[patient],
        "address": addresses[patient],
        "sex": np.where(population.female, "Female", "Male")[patient],
        "race": population.race[patient],
        "region": population.region[patient],
        "birth_year": birth_year[patient],
        "encounter_date": dates,
        "age": dates.astype("datetime64[Y]").astype(np.int64) + 1970 - birth_year[patient],
        "encounter_type": np.array(SETTINGS, dtype=object)[setting],
        "department": _departments(events, population, parameters),
        **{f"diag_{k + 1}": codes[:, k] for k in range(3)},
        "drug": _drugs(events, parameters, seed),
        **measured(events, state, courses, seed),
        "length_of_stay": np.where(inpatient, events["stay"].to_numpy(dtype=float), np.nan),
        "disposition": ends,
        "readmitted_30d": again,
    }
    return pd.DataFrame(columns)


def _departments(events: pd.DataFrame, population: Population, parameters: Parameters) -> NDArray[np.object_]:
    """Emergencies go to one department, pregnancies to theirs, children to paediatrics, all else by the cause."""
    named = {name: part.department for name, part in parameters.causes.items()}
    named |= {CHECKUP: CHECKUP_DEPARTMENT, PREGNANCY: OBSTETRICS, DELIVERY: OBSTETRICS, POSTPARTUM: OBSTETRICS}
    places = events["cause"].map(named).to_numpy(dtype=object)
    age = (events["day"].to_numpy() - population.born[events["patient"].to_numpy()]) / YEAR
    medical = np.isin(places, ["General practice", "Internal medicine", "Pulmonology"])
    places = np.where((age < 16) & medical, PAEDIATRICS, places)
    return np.where(events["setting"].to_numpy() == EMERGENCY, EMERGENCY_DEPARTMENT, places)


def _drugs(events: pd.DataFrame, parameters: Parameters, seed: int) -> NDArray[np.object_]:
    """The main drug of each encounter by its cause; ``None`` where none was prescribed."""
    random = numpy_generator(seed, "drugs")
    causes = events["cause"].to_numpy(dtype=object)
    chosen = np.full(len(events), None, dtype=object)
    for name, part in parameters.causes.items():
        rows = np.flatnonzero(causes == name)
        chosen[rows] = choose(part.drugs, len(rows), random)
    return chosen


def _typed(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    table = schema.table(TABLE)
    return pd.DataFrame({column.name: frame[column.name].astype(DTYPES[column.kind]) for column in table.columns})
