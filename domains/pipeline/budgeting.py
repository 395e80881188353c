"""Budgets: what a run will do to records is planned and reserved before it touches one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from domains.pipeline.config import Cap as DeclaredCap
from domains.pipeline.config import Config
from domains.pipeline.declaring import Declaration
from domains.pipeline.engines import rounds_of
from domains.pipeline.texts import text_columns, text_mechanism
from domains.pipeline.unfinished import Unfinished
from privacy.budget.calibration import calibrate_together
from privacy.budget.events import joint_events
from privacy.budget.events import to_json as events_json
from privacy.budget.extract import Extract
from privacy.budget.ledger import Ledger, Source
from privacy.budget.promise import Mechanisms, Promise, Spending, Workload
from privacy.budget.status import Cap
from privacy.workload import declared, workload_of
from shared.errors import BudgetRefused, ConfigurationError, GateRefused

_TRAINING = Workload(unknown_categories=0, unit_columns=0, row_columns=0, row_counts=False)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What a run may use.

    ``key`` is the secret key of the source. ``mechanisms`` are what a private run has paid for in each table and text
    column, each once; ``None`` promises nothing. ``head`` is the head of the source's hash chain. ``spent`` and
    ``cap`` are ε at the ledger's δ with this run in it; ``left`` is the largest ε, about, that one more
    release may have, by composition: less or more than ``cap`` less ``spent``. ``extract`` is what the release may show
    of the ledger.
    """

    key: bytes
    mechanisms: Mapping[str, Mechanisms] | None = None
    head: str | None = None
    spent: float | None = None
    cap: float | None = None
    left: float | None = None
    extract: Extract | None = None

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """The events of the accountant, as plain values."""
        if self.mechanisms is None:
            return ()
        return tuple(json.loads(events_json(joint_events(self.mechanisms.values()))))


@dataclass(frozen=True, kw_only=True)
class Account:
    """Whose budget a run is charged to.

    ``cap`` is what the run declares its source may spend over all releases; ``cap_key`` says where that is written,
    ``cap_example`` how. ``fingerprint`` identifies the configuration.
    """

    source: str
    ledger: str | Path
    cap: DeclaredCap | None
    cap_key: str
    cap_example: str
    fingerprint: str
    parent: str | None = None

    @classmethod
    def of(cls, config: Config) -> Account:
        """That of a configuration."""
        return cls(
            source=config.source.id,
            parent=config.source.parent,
            ledger=config.ledger,
            cap=None if config.privacy is None else config.privacy.cap,
            cap_key=f"{config.path}: privacy.cap",
            cap_example="privacy.cap: {epsilon: 10}",
            fingerprint=fingerprint(config.written),
        )


def plan(config: Config, declaration: Declaration) -> dict[str, Mechanisms] | None:
    """The mechanisms of a private run by table, from declared quantities alone; ``None`` if nothing is promised.

    Raises ``UndeclaredError`` for what the schema would have to declare, ``ConfigurationError`` for a
    promise that cannot be kept.
    """
    privacy = config.privacy
    if privacy is None:
        return None
    units = config.training_units_about
    names, promises, workloads = [], [], []
    for table in declaration.tables:
        several = len(declaration.tables) > 1
        rows = 1 if several and table.view.parent is None else privacy.rows_of(table.name)
        promises.append(
            Promise(
                epsilon=privacy.epsilon,
                delta=privacy.delta,
                units_about=units,
                rows=rows,
                categories=None if privacy.categories is None else min(privacy.categories, rows),
            )
        )
        known = declared(table.table, table.unlearned)
        workload = workload_of(known, table.unlearned)
        rounds = rounds_of(config.engine(table.name), workload.unit_columns + workload.row_columns)
        workload = replace(workload, training=not rounds, rounds=rounds)
        # How many rows a row has below it is a column of its own.
        workloads.append(workload if table.view.parent is None else replace(workload, row_counts=False))
        # Training on a text column is one more mechanism on the same units; it asks nothing.
        texts = [text_mechanism(table.name, column) for column in text_columns(table.table)]
        names += [table.name, *texts]
        promises += [promises[-1]] * len(texts)
        workloads += [_TRAINING] * len(texts)
    usual = Spending()
    spending = Spending(
        batch_units=privacy.batch_units or min(usual.batch_units, units),
        steps=privacy.steps or usual.steps,
        clipping_norm=privacy.clipping_norm or usual.clipping_norm,
    )
    try:
        found = calibrate_together(promises, spending, workloads)
    except ConfigurationError as error:
        raise ConfigurationError(f"{config.path}: privacy: {error}") from error
    return dict(zip(names, found, strict=True))


@contextmanager
def charged(
    config: Config, mechanisms: Mapping[str, Mechanisms] | None, *, run: str, state: Unfinished | None = None
) -> Iterator[Charge]:
    """As :func:`charged_to`, for a configuration; one of simulated records without a promise needs no ledger."""
    if config.source.simulation is not None and mechanisms is None:
        # Nobody's records: a key that follows from what is declared makes the run the same everywhere.
        _begin(state, run, None)
        yield Charge(key=_public_key(config))
        return
    with charged_to(Account.of(config), mechanisms, run=run, state=state) as charge:
        yield charge


@contextmanager
def charged_to(
    account: Account, mechanisms: Mapping[str, Mechanisms] | None, *, run: str, state: Unfinished | None = None
) -> Iterator[Charge]:
    """Reserve the budget of a run before it begins, settle it when it is through.

    ``run`` names it in the ledger. A run that fails stays charged; one that the gate refused is
    settled, since its mechanisms ran to their end. One that was killed and is taken up again keeps the charge that its
    ``state`` names; an interrupted one that can be taken up stays reserved. Raises ``BudgetRefused`` if the source may
    not spend that much, and at the end if another run took up the same charge and settled it first: so what a run made
    is given away only after this context has ended.
    """
    ledger = Ledger.open(account.ledger)
    source = ledger.source(account.source, parent=account.parent, default_cap=_declared_cap(account, mechanisms))
    if mechanisms is None:
        _begin(state, run, None)
        yield Charge(key=source.key)
        return
    cap = _cap(account, source)
    events = joint_events(mechanisms.values())
    if state is not None and state.charge is not None:
        reservation = ledger.taken_up(state.charge, source, events, fingerprint=account.fingerprint)
    else:
        reservation = ledger.reserve(source, events, release=run, fingerprint=account.fingerprint)
        _begin(state, run, reservation.number)
    try:
        status = ledger.status(source)
        yield Charge(
            key=source.key,
            mechanisms=mechanisms,
            head=reservation.head,
            spent=status.spent,
            cap=cap.epsilon,
            left=status.left,
            extract=ledger.extract(reservation),
        )
    except GateRefused:
        ledger.settle(reservation)
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and state is not None and state.has_checkpoints:
            raise
        # The message may quote a record; the kind of the error does not.
        ledger.fail(reservation, "interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__)
        raise
    if not ledger.settle(reservation):
        raise BudgetRefused(
            f"charge {reservation.number} of the ledger was settled by another run that had taken it up; it pays for "
            "one model: what this run made is dropped, begin a new run"
        )


def _begin(state: Unfinished | None, run: str, charge: int | None) -> None:
    if state is not None:
        state.begin(run=run, charge=charge)


def _declared_cap(account: Account, mechanisms: Mapping[str, Mechanisms] | None) -> Cap | None:
    """The cap that is declared: it holds for a source that the ledger has none for."""
    if account.cap is None or mechanisms is None:
        return None
    cap = account.cap
    delta = next(iter(mechanisms.values())).delta
    return Cap(epsilon=cap.epsilon, delta=delta if cap.delta is None else cap.delta)


def _cap(account: Account, source: Source) -> Cap:
    """The cap that holds; the ledger's may be stricter than what is declared, but not looser."""
    if source.cap is None:
        raise ConfigurationError(
            f"{account.cap_key} is missing, and source {source.id!r} has no cap in the ledger; declare what it may "
            f"spend over all its releases, such as {account.cap_example}"
        )
    if account.cap is not None and account.cap.epsilon < source.cap.epsilon:
        raise ConfigurationError(
            f"{account.cap_key} allows an epsilon of {account.cap.epsilon:g}, but the ledger allows source "
            f"{source.id!r} {source.cap.epsilon:g}; lower it with 'simulacra ledger cap {source.id}'"
        )
    return source.cap


def fingerprint(written: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration as it was written."""
    text = json.dumps(written, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _public_key(config: Config) -> bytes:
    return hashlib.blake2b(f"simulated\x1f{config.source.id}".encode(), digest_size=32).digest()
