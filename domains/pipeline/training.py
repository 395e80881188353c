"""From units to a model: codecs are learned, records become codes, the engine is fitted."""

from __future__ import annotations

from dataclasses import dataclass

from domains.pipeline.budgeting import Charge
from domains.pipeline.config import Config
from domains.pipeline.engines import build, engine_name
from domains.pipeline.model import Model, PromiseMade, provenance
from domains.pipeline.preparation import Declaration
from privacy.access import PrivateAccess
from privacy.budget.promise import RELATION
from privacy.workload import declared
from shared.access.contract import Access
from shared.access.plain import PlainAccess
from shared.codecs.encoding import encode_units
from shared.codecs.table import TableCodec
from shared.corpus.schema import Schema, Table
from shared.corpus.scratch import Scratch
from shared.corpus.units import Units
from shared.engines.contract import FitSummary
from shared.randomness import derive
from shared.training.reporter import Reporter


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted:
    """A model, and how its training went (internal: losses are computed on records)."""

    model: Model
    summary: FitSummary


def learning_table(declaration: Declaration, *, private: bool) -> Table:
    """The table that codecs are learned for: in a private run, declared knowledge only.

    Raises ``UndeclaredError`` if a private run would need more.
    """
    derived = [constraint.column for constraint in declaration.derived]
    return declared(declaration.table, derived) if private else declaration.table


def fit_model(
    config: Config, declaration: Declaration, train: Units, charge: Charge, scratch: Scratch, reporter: Reporter
) -> Fitted:
    """Fit one table's engine to its training units."""
    table = learning_table(declaration, private=charge.mechanisms is not None)
    data = train.as_table(table)
    access: Access = PlainAccess(data) if charge.mechanisms is None else PrivateAccess(data, charge.mechanisms)
    derived = tuple(constraint.column for constraint in declaration.derived)
    with reporter.stage("learning columns", 1) as stage:
        codec = TableCodec.learn(
            table,
            access.statistics,
            excluded=derived,
            row_counts=_most_rows(config, data),
        )
        stage.advance()
    encoded = encode_units(codec, data, scratch, reporter)
    settings = config.engine(table.name)
    engine = build(settings, codec.shape, seed=derive(config.seed, "weights"), device=config.device)
    summary = engine.fit(encoded, access, seed=derive(config.seed, "training"), reporter=reporter)
    made = provenance(
        source=config.source.id,
        domain=config.domain,
        table=table.name,
        engine=engine_name(settings),
        units=sample_units(config, len(train)),
        promise=_promise(config, charge, table),
    )
    schema = Schema(
        tables=(table,),
        name=declaration.schema.name,
        description=declaration.schema.description,
        licence=declaration.schema.licence,
    )
    model = Model(made, schema, declaration.constraints, codec, engine)
    return Fitted(model=model, summary=summary)


def _most_rows(config: Config, data: Units) -> int | None:
    """The highest number of rows of a unit: declared in a private run; ``None`` if every row is a unit."""
    if data.table.unit is None:
        return None
    return config.privacy.rows if config.privacy is not None else int(data.rows_per_unit.max())


def sample_units(config: Config, trained_on: int) -> int:
    """How many units are generated unless told otherwise: declared, and counted only where nothing is promised."""
    if config.sample_units is not None:
        return config.sample_units
    if config.units_about is not None:
        return config.units_about
    assert config.privacy is None, "a private run declares units_about"
    return trained_on


def _promise(config: Config, charge: Charge, table: Table) -> PromiseMade | None:
    if charge.mechanisms is None:
        return None
    return PromiseMade(
        epsilon=charge.mechanisms.promise.epsilon,
        delta=charge.mechanisms.delta,
        unit=table.unit or "row",
        relation=RELATION,
        mechanisms=charge.events,
        learned_cleaning=config.source.learned_cleaning,
    )
