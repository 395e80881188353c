"""The engines that a configuration may name.

A further engine is one entry of :data:`ENGINES`: its settings, how it is built and read, and what it can do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from domains.pipeline.config_file import settings_model
from domains.pipeline.yaml_file import checked
from shared.codecs.table import TableCodec, modelled
from shared.corpus.schema import Table
from shared.engines.contract import Continues, Engine
from shared.engines.encoded import Shape
from shared.engines.gan.config import GanConfig
from shared.engines.gan.engine import GanEngine
from shared.engines.marginal.config import MarginalConfig
from shared.engines.marginal.engine import MarginalEngine
from shared.engines.sdv.config import LICENCE, SDV_CONFIGS, SdvConfig
from shared.engines.sdv.engine import SdvEngine
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.engines.vae.config import VaeConfig
from shared.engines.vae.engine import VaeEngine
from shared.errors import ConfigurationError, DataError

SEQUENCE = "sequence"


class EngineConfig(Protocol):
    """Settings of an engine: a frozen dataclass of plain values."""

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> Self:
        """The defaults of a plain or a private run, changed by ``settings``; raises ``ConfigurationError``."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineKind:
    """What the pipeline knows of an engine.

    ``build`` makes an untrained one for data of a shape, the codes of a codec, from a seed and the name of a device;
    ``load`` reads what it saved. ``below``: whether it learns rows given the rows of a table above,
    and ``of_unit``, whether columns that have one value a unit;
    ``continues``: whether a fitted one can go on learning. ``licence`` is that of software of others.
    """

    config: type[Any]
    build: Callable[[Any, Shape, TableCodec, int, str], Engine]
    load: Callable[[Path, TableCodec, str], Engine]
    below: bool = False
    of_unit: bool = True
    continues: bool = False
    licence: str | None = None


class _OfCodes(Protocol):
    """An engine that needs to know nothing but codes."""

    @classmethod
    def fresh(cls, settings: Any, shape: Shape, *, seed: int, device: str) -> Engine: ...

    @classmethod
    def load(cls, folder: Path, *, device: str) -> Engine: ...


def _of_codes(config: type[Any], engine: type[_OfCodes], *, units: bool = False) -> EngineKind:
    """``units``: whether it learns whole units, with columns of their own, and rows below others."""

    def build(settings: Any, shape: Shape, codec: TableCodec, seed: int, device: str) -> Engine:
        del codec
        return engine.fresh(settings, shape, seed=seed, device=device)

    def load(folder: Path, codec: TableCodec, device: str) -> Engine:
        del codec
        return engine.load(folder, device=device)

    return EngineKind(
        config=config,
        build=build,
        load=load,
        below=units,
        of_unit=units,
        continues=hasattr(engine, "continued"),
    )


def _of_sdv(config: type[SdvConfig]) -> EngineKind:
    def build(settings: SdvConfig, shape: Shape, codec: TableCodec, seed: int, device: str) -> Engine:
        del shape, seed, device
        return SdvEngine(settings, codec)

    def load(folder: Path, codec: TableCodec, device: str) -> Engine:
        del device
        return SdvEngine.load(folder, codec)

    return EngineKind(config=config, build=build, load=load, licence=LICENCE)


ENGINES: Mapping[str, EngineKind] = {
    SEQUENCE: _of_codes(SequenceConfig, SequenceEngine, units=True),
    "gan": _of_codes(GanConfig, GanEngine),
    "vae": _of_codes(VaeConfig, VaeEngine),
    MarginalEngine.name: _of_codes(MarginalConfig, MarginalEngine),
    **{config.name: _of_sdv(config) for config in SDV_CONFIGS},
}


def engine_config(table: str, given: Mapping[str, Any], path: Path, *, private: bool) -> EngineConfig:
    """The configuration of one table's engine, from what stands under ``engine.<table>``."""
    settings = {key: value for key, value in given.items() if key != "name"}
    name = given.get("name", SEQUENCE)
    if name not in ENGINES:
        raise ConfigurationError(f"{path}: engine.{table}.name is {name!r}; it must be one of {', '.join(ENGINES)}")
    config = ENGINES[name].config
    file = checked(settings_model(config), settings, path, under=f"engine.{table}")
    try:
        made: EngineConfig = config.with_settings(file.model_dump(exclude_none=True), private=private)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: engine.{table}: {error}") from error
    return made


def build(config: EngineConfig, shape: Shape, codec: TableCodec, *, seed: int, device: str) -> Engine:
    """An untrained engine for data of that shape, the codes of ``codec``."""
    return _kind(config).build(config, shape, codec, seed, device)


def continued(engine: Engine, config: EngineConfig, shape: Shape) -> Engine:
    """A fitted engine that goes on learning with other settings; ``ConfigurationError`` for one that cannot."""
    if not isinstance(engine, Continues) or engine.name != engine_name(config):
        known = ", ".join(name for name, kind in ENGINES.items() if kind.continues)
        raise ConfigurationError(
            f"the model's engine is {engine.name}, and {engine_name(config)} is asked for; a model goes on with its "
            f"own engine, which can be {known}"
        )
    return engine.continued(config, shape)


def check_below(config: EngineConfig, table: str, where: str) -> None:
    """Raise ``ConfigurationError`` for a table whose rows lie below those of another, and an engine that cannot."""
    if not _kind(config).below:
        raise ConfigurationError(
            f"{where}: the rows of {table} lie below those of another table, and {engine_name(config)} learns a table "
            f"by itself; write engine: {{{table}: {{name: {SEQUENCE}}}}}"
        )


def rounds_of(config: EngineConfig, columns: int) -> int:
    """How many marginals of a table with so many columns its engine selects and measures; 0 for one that is trained."""
    return config.planned(columns) if isinstance(config, MarginalConfig) else 0


def check_units(config: EngineConfig, table: Table, derived: Sequence[str], where: str) -> None:
    """Raise ``ConfigurationError`` for columns that have one value a unit, and an engine that knows rows alone."""
    own = [column.name for column in modelled(table, derived) if column.of_unit]
    if own and not _kind(config).of_unit:
        raise ConfigurationError(
            f"{where}: column {own[0]!r} of {table.name} has one value a unit, and {engine_name(config)} learns rows "
            f"by themselves; write engine: {{{table.name}: {{name: {SEQUENCE}}}}}"
        )


def engine_name(config: EngineConfig) -> str:
    """The name under which a configuration is written."""
    return next(name for name, kind in ENGINES.items() if isinstance(config, kind.config))


def _kind(config: EngineConfig) -> EngineKind:
    return ENGINES[engine_name(config)]


def load_engine(name: str, folder: Path, codec: TableCodec, *, device: str) -> Engine:
    """The engine of that name that was saved in a folder, for the codes of ``codec``; raises ``DataError``."""
    if name not in ENGINES:
        raise DataError(f"there is no engine {name!r}; there are {', '.join(ENGINES)}; install the model's version")
    engine, shape = ENGINES[name].load(folder, codec, device), codec.shape
    if engine.columns != dict(zip(shape.names, shape.unit_sizes + shape.row_sizes, strict=True)):
        raise DataError(f"{folder}: the engine of {codec.table.name!r} does not fit its codec; fit the model again")
    return engine


def sequence_engine(engine: Engine) -> SequenceEngine:
    """The engine, if it is a sequence engine, which tells how probable conditions are; else ``ConfigurationError``."""
    if isinstance(engine, SequenceEngine):
        return engine
    raise ConfigurationError(
        f"the model's engine is {engine.name}, which draws nothing under conditions; leave them out, or fit a "
        f"model with the engine {SEQUENCE!r}"
    )


def terms_of(engine: Engine) -> dict[str, str]:
    """What a manifest says of an engine: its name, and the licence that software of others is under."""
    licence = ENGINES[engine.name].licence
    return {"name": engine.name} | ({} if licence is None else {"software": engine.software, "licence": licence})
