"""From units to a model: codecs are learned, records become codes, engines are fitted, table by table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from domains.pipeline.budgeting import Charge
from domains.pipeline.config import Config
from domains.pipeline.declaring import Declaration, TableDeclaration
from domains.pipeline.engines import build, continued, engine_name
from domains.pipeline.model import Model, PromiseMade, provenance
from domains.pipeline.table_model import TableModel
from domains.pipeline.texts import TextModel, fit_texts, rows_of, text_mechanism
from domains.pipeline.unfinished import Unfinished
from privacy.access import PrivateAccess
from privacy.budget.promise import RELATION, Mechanisms
from privacy.workload import declared
from shared.access.contract import Access
from shared.access.plain import PlainAccess
from shared.access.questions import RowCountQuestion, RowCounts
from shared.codecs.contract import Codec
from shared.codecs.encoding import encode_units
from shared.codecs.table import TableCodec, renamed
from shared.corpus.joining import groups_of, histories_of
from shared.corpus.relations import View, alone
from shared.corpus.schema import Table
from shared.corpus.scratch import Scratch
from shared.corpus.units import UnitFrame, Units
from shared.engines.contract import FitSummary
from shared.engines.encoded import Shape
from shared.errors import ConfigurationError
from shared.randomness import derive
from shared.training.checkpoints import Checkpoints
from shared.training.curves import Curve
from shared.training.reporter import Reporter


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted:
    """A model, and how the training of each table went (internal: losses are computed on records)."""

    model: Model
    summaries: Mapping[str, FitSummary]


def fit_model(
    config: Config,
    declaration: Declaration,
    train: Mapping[str, Units],
    charge: Charge,
    scratch: Scratch,
    reporter: Reporter,
    state: Unfinished | None = None,
    *,
    start: Model | None = None,
) -> Fitted:
    """Fit an engine to the training units of each table, from where ``state`` stands, if it is of a run taken up.

    With ``start``, its codecs are kept and its engines go on learning; without a promise alone.
    """
    check_start(declaration, config, start)
    private = charge.mechanisms is not None
    learned: dict[str, TableModel] = {}
    summaries = {}
    for table in declaration.tables:
        parent = table.view.parent
        above = None if parent is None else learned[parent.table].codec
        fitted, summary = _fit_table(config, table, above, train[table.name], charge, scratch, reporter, state, start)
        learned[table.name], summaries[table.name] = fitted, summary
    sources = {name: fitted.view.source for name, fitted in learned.items()}
    tables = (sources.get(table.name) or _of_time_line(table, private) for table in declaration.schema.tables)
    schema = replace(declaration.schema, tables=tuple(tables))
    most = declaration.most_rows
    first = declaration.tables[0].name
    made = provenance(
        source=config.source.id,
        domain=config.domain,
        tables={name: engine_name(config.engine(name)) for name in learned},
        most_rows=None if most is None else dict(most),
        units=sample_units(config, len(train[first])),
        promise=_promise(config, declaration, charge) if private else None,
    )
    return Fitted(model=Model(made, schema, tuple(learned.values())), summaries=summaries)


def _of_time_line(table: Table, private: bool) -> Table:
    """A table that was learned as a part of a time line, as it is written."""
    return declared(table, tuple(key.column for key in table.foreign_keys)) if private else table


def _fit_table(
    config: Config,
    declared_table: TableDeclaration,
    above: TableCodec | None,
    train: Units,
    charge: Charge,
    scratch: Scratch,
    reporter: Reporter,
    state: Unfinished | None,
    start: Model | None,
) -> tuple[TableModel, FitSummary]:
    mechanisms = None if charge.mechanisms is None else charge.mechanisms[declared_table.name]
    table = learning_table(declared_table, private=mechanisms is not None)
    view = declared_table.view
    if view.parent is None and not view.counts:
        view = alone(table)  # several tables are known as they are declared from the start
    data = train.as_table(table)
    histories = data if view.parent is None else histories_of(view, _in_memory(data))
    # Without a promise nothing asks for units: each history is an example of its own, and batches are small.
    access: Access = PlainAccess(histories) if mechanisms is None else PrivateAccess(data, mechanisms)
    private = mechanisms is not None
    before = None if start is None else next(found for found in start.tables if found.name == table.name)
    codec = None if state is None else state.codec(view.history)
    if codec is None and before is not None:
        codec = _kept(before.codec, view, access)
    if codec is None:
        with reporter.stage("learning columns", 1) as stage:
            codec = _learned(config, declared_table, view, above, data, histories, access, mechanisms)
            stage.advance()
        if state is not None:
            state.keep_codec(codec)
    encoded = encode_units(codec, histories, scratch, reporter)
    if private and view.parent is not None:
        encoded = replace(encoded, groups=groups_of(_in_memory(data), _in_memory(histories)))
    settings = config.engine(table.name)
    first = view.parent is None
    shape: Shape = codec.shape if first else replace(codec.shape, given_units=True)
    seeds = [derive(config.seed, role, *(() if first else (table.name,))) for role in ("weights", "training")]
    if before is None:
        engine = build(settings, shape, codec, seed=seeds[0], device=config.device)
    else:
        # The codec keeps what the first model learned of its records; how frequent codes are now, engines must know.
        counts = tuple(single.counts for single in access.marginals.singles(encoded))
        engine = continued(before.engine, settings, replace(shape, row_marginals=counts))
    checkpoints = None if state is None else state.checkpoints(table.name, encoded)
    summary = engine.fit(encoded, access, seed=seeds[1], reporter=reporter, checkpoints=checkpoints)
    texts, curves = _fit_texts(config, codec, data, histories, access, charge, reporter, checkpoints, before)
    summary = replace(summary, curves={**summary.curves, **curves})
    return TableModel(view, declared_table.constraints, codec, engine, texts), summary


def _fit_texts(
    config: Config,
    codec: TableCodec,
    data: Units,
    histories: Units,
    access: Access,
    charge: Charge,
    reporter: Reporter,
    checkpoints: Checkpoints | None,
    before: TableModel | None,
) -> tuple[tuple[TextModel, ...], dict[str, Curve]]:
    """The models of a table's text columns, and the curves of their trainings."""
    name, private = codec.table.name, charge.mechanisms is not None
    texts, summaries = fit_texts(
        config.texts.get(name, {}),
        codec,
        histories,
        rows_of(data if private else histories),
        lambda column: _access(data, text_mechanism(name, column), charge) if private else access,
        private=private,
        seed=derive(config.seed, "texts", name),
        device=config.device,
        reporter=reporter,
        checkpoints=checkpoints,
        begun={} if before is None else {text.column: text.engine for text in before.texts},
    )
    return texts, {f"{column}: {key}": curve for column, of in summaries.items() for key, curve in of.curves.items()}


def _access(data: Units, name: str, charge: Charge) -> PrivateAccess:
    """What was paid for under a name."""
    assert charge.mechanisms is not None
    return PrivateAccess(data, charge.mechanisms[name])


def check_start(declaration: Declaration, config: Config, start: Model | None) -> None:
    """Raise ``ConfigurationError`` unless ``start`` generates what is declared."""
    if start is None:
        return
    assert config.privacy is None, "a promise counts what is asked of records; a model that goes on asked others"
    found = {table.name: table for table in start.tables}
    for table in declaration.tables:
        if table.name not in found or len(found) != len(declaration.tables):
            raise ConfigurationError(
                f"the model generates {', '.join(found)}, and {config.path} has {table.name!r}; adapt a model of the "
                "same tables"
            )
        old = {column.name: column.kind for column in found[table.name].view.history.columns}
        new = {column.name: column.kind for column in table.view.history.columns}
        differing = sorted(set(old.items()) ^ set(new.items()))
        if differing:
            raise ConfigurationError(
                f"column {differing[0][0]!r} of {table.name} is not the same in the model and in {config.path}; adapt "
                "a model of the same columns"
            )


def _kept(codec: TableCodec, view: View, access: Access) -> TableCodec:
    """The codec of a model that goes on: only how many rows units have is counted anew."""
    if view.parent is not None or len(codec.rows_per_unit) == 2:
        return codec
    (counted,) = access.statistics.answer([RowCountQuestion(len(codec.rows_per_unit) - 1)])
    assert isinstance(counted, RowCounts)
    return replace(codec, rows_per_unit=np.maximum(counted.counts, 0.0))


def _learned(
    config: Config,
    declared_table: TableDeclaration,
    view: View,
    above: TableCodec | None,
    data: Units,
    histories: Units,
    access: Access,
    mechanisms: Mechanisms | None,
) -> TableCodec:
    """The codec of a table, from what the access answers."""
    codec = TableCodec.learn(
        view.history,
        access.statistics,
        excluded=declared_table.derived,
        row_counts=_most_rows(config, data) if view.parent is None else None,
        known={} if above is None else _given(view, above),
    )
    if view.parent is None:
        return codec
    most = mechanisms.promise.rows if mechanisms is not None else int(histories.rows_per_unit.max())
    return replace(codec, rows_per_unit=np.r_[0.0, np.ones(most)])


def learning_table(declared_table: TableDeclaration, *, private: bool) -> Table:
    """The table that codecs are learned for: in a private run, declared knowledge only.

    Raises ``UndeclaredError`` if a private run would need more.
    """
    return declared(declared_table.table, declared_table.unlearned) if private else declared_table.table


def _in_memory(units: Units) -> UnitFrame:
    assert isinstance(units, UnitFrame)  # corpora of several tables are
    return units


def _given(view: View, above: TableCodec) -> dict[str, Codec]:
    """The codecs of the table above, for the columns that are given."""
    return {label: renamed(above.codecs[name], view.history.column(label)) for label, name in view.given.items()}


def _most_rows(config: Config, data: Units) -> int | None:
    """The highest number of rows of a unit: declared in a private run; ``None`` if every row is a unit."""
    if data.table.unit is None:
        return None
    return config.privacy.rows_of(data.table.name) if config.privacy is not None else int(data.rows_per_unit.max())


def sample_units(config: Config, trained_on: int) -> int:
    """How many units are generated unless told otherwise: declared, and counted only where nothing is promised."""
    if config.sample_units is not None:
        return config.sample_units
    if config.units_about is not None:
        return config.units_about
    assert config.privacy is None, "a private run declares units_about"
    return trained_on


def _promise(config: Config, declaration: Declaration, charge: Charge) -> PromiseMade:
    assert charge.mechanisms is not None
    any_table = next(iter(charge.mechanisms.values()))
    return PromiseMade(
        epsilon=any_table.promise.epsilon,
        delta=any_table.delta,
        unit=declaration.unit,
        relation=RELATION,
        mechanisms=charge.events,
        learned_cleaning=config.source.learned_cleaning,
    )
