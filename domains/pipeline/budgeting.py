"""Budgets: what a run will do to records is planned and reserved before it touches one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from domains.pipeline.config import Config
from domains.pipeline.preparation import Declaration
from privacy.budget.calibration import calibrate
from privacy.budget.events import release_events
from privacy.budget.events import to_json as events_json
from privacy.budget.ledger import Ledger, Source
from privacy.budget.promise import Mechanisms, Promise, Spending
from privacy.budget.status import Cap
from privacy.workload import declared, workload_of
from shared.errors import ConfigurationError, GateRefused


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What a run may use.

    ``key`` is the secret key of the source. ``mechanisms`` are what a private run has paid for, each
    once; ``None`` promises nothing. ``head`` is the head of the source's hash chain. ``spent`` and
    ``cap`` are ε at the ledger's δ with this run in it; ``left`` is the largest ε, about, that one more
    release may have, by composition: less or more than ``cap`` less ``spent``.
    """

    key: bytes
    mechanisms: Mechanisms | None = None
    head: str | None = None
    spent: float | None = None
    cap: float | None = None
    left: float | None = None

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """The events of the accountant, as plain values."""
        return () if self.mechanisms is None else tuple(json.loads(events_json(release_events(self.mechanisms))))


def plan(config: Config, declaration: Declaration) -> Mechanisms | None:
    """The mechanisms of a private run, from declared quantities alone; ``None`` if nothing is promised.

    Raises ``UndeclaredError`` for what the schema would have to declare, ``ConfigurationError`` for a
    promise that cannot be kept.
    """
    privacy = config.privacy
    if privacy is None:
        return None
    derived = [constraint.column for constraint in declaration.derived]
    table = declared(declaration.table, derived)
    units = config.training_units_about
    promise = Promise(
        epsilon=privacy.epsilon,
        delta=privacy.delta,
        units_about=units,
        rows=privacy.rows,
        categories=privacy.categories,
    )
    usual = Spending()
    spending = Spending(
        batch_units=privacy.batch_units or min(usual.batch_units, units),
        steps=privacy.steps or usual.steps,
        clipping_norm=privacy.clipping_norm or usual.clipping_norm,
    )
    try:
        return calibrate(promise, spending, workload_of(table, derived))
    except ConfigurationError as error:
        raise ConfigurationError(f"{config.path}: privacy: {error}") from error


@contextmanager
def charged(config: Config, mechanisms: Mechanisms | None, *, run: str) -> Iterator[Charge]:
    """Reserve the budget of a run before it begins, settle it when it is through.

    ``run`` names it in the ledger. A run that fails stays charged; one that the gate refused is
    settled, since its mechanisms ran to their end. Raises ``BudgetRefused`` if the source may not
    spend that much.
    """
    if config.source.simulation is not None and mechanisms is None:
        # Nobody's records: a key that follows from what is declared makes the run the same everywhere.
        yield Charge(key=_public_key(config))
        return
    ledger = Ledger.open(config.ledger)
    source = ledger.source(config.source.id, parent=config.source.parent, default_cap=_declared_cap(config, mechanisms))
    if mechanisms is None:
        yield Charge(key=source.key)
        return
    cap = _cap(config, source)
    reservation = ledger.reserve(source, release_events(mechanisms), release=run, fingerprint=_fingerprint(config))
    try:
        status = ledger.status(source)
        yield Charge(
            key=source.key,
            mechanisms=mechanisms,
            head=reservation.head,
            spent=status.spent,
            cap=cap.epsilon,
            left=status.left,
        )
    except GateRefused:
        ledger.settle(reservation)
        raise
    except BaseException as error:
        # The message may quote a record; the kind of the error does not.
        ledger.fail(reservation, "interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__)
        raise
    ledger.settle(reservation)


def _declared_cap(config: Config, mechanisms: Mechanisms | None) -> Cap | None:
    """The cap of the configuration: it holds for a source that the ledger has none for."""
    if config.privacy is None or config.privacy.cap is None or mechanisms is None:
        return None
    cap = config.privacy.cap
    return Cap(epsilon=cap.epsilon, delta=mechanisms.delta if cap.delta is None else cap.delta)


def _cap(config: Config, source: Source) -> Cap:
    """The cap that holds; the ledger's may be stricter than the configuration says, but not looser."""
    if source.cap is None:
        raise ConfigurationError(
            f"{config.path}: privacy.cap is missing, and source {source.id!r} has no cap in the ledger; declare what "
            "it may spend over all its releases, such as privacy.cap: {epsilon: 10}"
        )
    declared_cap = config.privacy.cap if config.privacy is not None else None
    if declared_cap is not None and declared_cap.epsilon < source.cap.epsilon:
        raise ConfigurationError(
            f"{config.path}: privacy.cap.epsilon is {declared_cap.epsilon:g}, but the ledger allows source "
            f"{source.id!r} {source.cap.epsilon:g}; lower it with 'simulacra ledger cap {source.id}'"
        )
    return source.cap


def _fingerprint(config: Config) -> str:
    """SHA-256 of the configuration as it was written."""
    text = json.dumps(config.written, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _public_key(config: Config) -> bytes:
    return hashlib.blake2b(f"simulated\x1f{config.source.id}".encode(), digest_size=32).digest()
