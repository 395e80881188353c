"""The mechanisms of a release as plain events, which the ledger stores as JSON and the accountant composes.

An event says what was done to the records and nothing else: it is enough to compose releases years
later, with another version of this code. Parsing is strict, because an event that is read wrongly is
a budget that is charged wrongly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from privacy.budget.promise import Mechanisms
from shared.errors import ConfigurationError

_MOST_NOISE = 1e9  # beyond it a mechanism says nothing; it keeps the arithmetic finite
_LEAST_NOISE = 0.01  # below it a mechanism protects nothing; it keeps loss distributions small
_MOST_REPEATS = 100_000_000


@dataclass(frozen=True, order=True)
class PoissonSampledGaussian:
    """Training: ``steps`` sums over units that are drawn with probability ``rate`` each.

    ``multiplier`` is the standard deviation of the noise over the clipping norm.
    """

    kind: ClassVar[str] = "poisson_sampled_gaussian"
    rate: float
    multiplier: float
    steps: int

    def __post_init__(self) -> None:
        _check_number(self.kind, "rate", self.rate, 1e-12, 1.0)
        _check_number(self.kind, "multiplier", self.multiplier, _LEAST_NOISE, _MOST_NOISE)
        _check_repeats(self.kind, "steps", self.steps)


@dataclass(frozen=True, order=True)
class Gaussian:
    """``count`` Gaussian mechanisms; ``multiplier`` is the standard deviation over the L2 sensitivity."""

    kind: ClassVar[str] = "gaussian"
    multiplier: float
    count: int = 1

    def __post_init__(self) -> None:
        _check_number(self.kind, "multiplier", self.multiplier, _LEAST_NOISE, _MOST_NOISE)
        _check_repeats(self.kind, "count", self.count)


@dataclass(frozen=True, order=True)
class Laplace:
    """``count`` Laplace mechanisms; ``parameter`` is the scale over the L1 sensitivity: ε = 1 / parameter each."""

    kind: ClassVar[str] = "laplace"
    parameter: float
    count: int = 1

    def __post_init__(self) -> None:
        _check_number(self.kind, "parameter", self.parameter, _LEAST_NOISE, _MOST_NOISE)
        _check_repeats(self.kind, "count", self.count)


@dataclass(frozen=True, order=True)
class EpsilonDelta:
    """``count`` mechanisms of which only their (ε, δ) is known."""

    kind: ClassVar[str] = "epsilon_delta"
    epsilon: float
    delta: float
    count: int = 1

    def __post_init__(self) -> None:
        _check_number(self.kind, "epsilon", self.epsilon, 0.0, 1.0 / _LEAST_NOISE)
        _check_number(self.kind, "delta", self.delta, 0.0, 1.0 - 1e-9)
        _check_repeats(self.kind, "count", self.count)


Event = PoissonSampledGaussian | Gaussian | Laplace | EpsilonDelta
_KINDS: Mapping[str, type[Event]] = {
    kind.kind: kind for kind in (PoissonSampledGaussian, Gaussian, Laplace, EpsilonDelta)
}


def release_events(mechanisms: Mechanisms) -> tuple[Event, ...]:
    """All events of a release, in the order in which they touch records.

    A stable histogram (privacy rule 4) enters as a Laplace mechanism and (0, δ). Let a unit be added.
    Its at most k values of the column split into those that other units hold, whose counts move by at
    most k together (Laplace of scale k/ε: parameter 1/ε), and those that it alone holds. With
    probability δ' <= δ one of the latter passes the threshold, by noise that is independent of the
    other counts; otherwise the output is that of the first part. So the output is
    (1 - δ') first part + δ' anything, and its hockey-stick divergence is at most
    δ + (1 - δ) times that of the Laplace mechanism, in both directions. Pairs of distributions that
    dominate in this sense compose (Zhu, Dong and Wang 2022, theorem 10).

    Raises :class:`ConfigurationError` if a stage that the workload asks for has no noise.
    """
    work = mechanisms.workload
    events: list[Event] = []
    if work.unknown_categories:
        parameter = _noise("category_scale", mechanisms.category_scale) / mechanisms.promise.categories_cap
        events.append(Laplace(parameter, work.unknown_categories))
        events.append(EpsilonDelta(0.0, mechanisms.category_delta, work.unknown_categories))
    if work.unit_columns or work.row_columns or work.row_counts:
        events.append(Gaussian(_noise("statistics_multiplier", mechanisms.statistics_multiplier)))
    if work.training:
        multiplier = _noise("training_multiplier", mechanisms.training_multiplier)
        events.append(PoissonSampledGaussian(mechanisms.sampling_rate, multiplier, mechanisms.steps))
    if work.rounds:
        noise = mechanisms.marginals
        if noise is None:
            raise ConfigurationError("marginals have no noise although the workload uses them; calibrate with it")
        # A selection is an exponential mechanism: (ε, 0) is all that enters, though its loss is bounded more narrowly.
        events.append(Gaussian(_noise("singles_multiplier", noise.singles_multiplier)))
        events.append(EpsilonDelta(_noise("selection_epsilon", noise.selection_epsilon), 0.0, work.rounds))
        events.append(Gaussian(_noise("measure_multiplier", noise.measure_multiplier), work.rounds))
    return tuple(events)


def joint_events(tables: Iterable[Mechanisms]) -> tuple[Event, ...]:
    """All events of a release of several tables of the same units, table by table."""
    return tuple(event for mechanisms in tables for event in release_events(mechanisms))


def to_json(events: Iterable[Event]) -> str:
    """Canonical JSON: a list of objects with a ``kind``; equal events give equal text."""
    records = [{"kind": event.kind, **asdict(event)} for event in events]
    return json.dumps(records, sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(text: str) -> tuple[Event, ...]:
    """Events from JSON. Raises :class:`ConfigurationError` for anything but what :func:`to_json` writes."""
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"events are not JSON ({error}); restore the ledger from a backup") from None
    if not isinstance(records, list):
        raise ConfigurationError(f"events are a {type(records).__name__}; they must be a list of objects")
    return from_records(records)


def from_records(records: Sequence[Any]) -> tuple[Event, ...]:
    """Events from plain objects, each with its ``kind`` and exactly the fields of that kind."""
    return tuple(_parse(record) for record in records)


def _parse(record: Any) -> Event:
    if not isinstance(record, Mapping) or record.get("kind") not in _KINDS:
        given = record.get("kind") if isinstance(record, Mapping) else record
        raise ConfigurationError(f"unknown kind of event {given!r}; known are {', '.join(_KINDS)}")
    kind = _KINDS[record["kind"]]
    wanted = {field.name for field in fields(kind)}
    found = set(record) - {"kind"}
    if wanted != found:
        raise ConfigurationError(
            f"event {kind.kind} has the fields {sorted(found)}; it must have exactly {sorted(wanted)}"
        )
    return kind(**{name: record[name] for name in wanted})


def _noise(name: str, value: float) -> float:
    if not value > 0:
        raise ConfigurationError(f"{name} is {value} although the workload uses it; calibrate with the same workload")
    return value


def _check_number(kind: str, name: str, value: object, least: float, most: float) -> None:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not math.isfinite(value) or not least <= value <= most:  # type: ignore[arg-type,operator]
        raise ConfigurationError(f"{name} of event {kind} is {value!r}; it must be a number from {least:g} to {most:g}")


def _check_repeats(kind: str, name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_REPEATS:
        raise ConfigurationError(
            f"{name} of event {kind} is {value!r}; it must be a whole number from 1 to {_MOST_REPEATS}"
        )
