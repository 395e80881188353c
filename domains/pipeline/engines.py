"""The engines that a configuration may name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domains.pipeline.config_file import settings_model
from domains.pipeline.yaml_file import checked
from shared.codecs.table import TableCodec
from shared.engines.encoded import Shape
from shared.engines.sdv.config import LICENCE, SDV_CONFIGS, SdvConfig
from shared.engines.sdv.engine import SdvEngine
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.errors import ConfigurationError, DataError

EngineConfig = SequenceConfig | SdvConfig
Engine = SequenceEngine | SdvEngine
SEQUENCE = "sequence"
_CONFIGS: Mapping[str, type[SequenceConfig] | type[SdvConfig]] = {
    SEQUENCE: SequenceConfig,
    **{config.name: config for config in SDV_CONFIGS},
}


def engine_config(table: str, given: Mapping[str, Any], path: Path, *, private: bool) -> EngineConfig:
    """The configuration of one table's engine, from what stands under ``engine.<table>``."""
    settings = {key: value for key, value in given.items() if key != "name"}
    name = given.get("name", SEQUENCE)
    if name not in _CONFIGS:
        raise ConfigurationError(f"{path}: engine.{table}.name is {name!r}; it must be one of {', '.join(_CONFIGS)}")
    config = _CONFIGS[name]
    file = checked(settings_model(config), settings, path, under=f"engine.{table}")
    try:
        return config.with_settings(file.model_dump(exclude_none=True), private=private)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: engine.{table}: {error}") from error


def build(config: EngineConfig, shape: Shape, codec: TableCodec, *, seed: int, device: str) -> Engine:
    """An untrained engine for data of that shape, the codes of ``codec``."""
    if isinstance(config, SequenceConfig):
        return SequenceEngine.fresh(config, shape, seed=seed, device=device)
    return SdvEngine(config, codec)


def check_below(config: EngineConfig, table: str, where: str) -> None:
    """Raise ``ConfigurationError`` for a table whose rows lie below those of another, and an engine that cannot."""
    if isinstance(config, SdvConfig):
        raise ConfigurationError(
            f"{where}: the rows of {table} lie below those of another table, and {config.name} learns a table by "
            f"itself; write engine: {{{table}: {{name: {SEQUENCE}}}}}"
        )


def engine_name(config: EngineConfig) -> str:
    """The name under which a configuration is written."""
    return next(name for name, kind in _CONFIGS.items() if isinstance(config, kind))


def load_engine(name: str, folder: Path, codec: TableCodec, *, device: str) -> Engine:
    """The engine of that name that was saved in a folder, for the codes of ``codec``; raises ``DataError``."""
    if name not in _CONFIGS:
        raise DataError(f"there is no engine {name!r}; there are {', '.join(_CONFIGS)}; install the model's version")
    if name != SEQUENCE:
        return SdvEngine.load(folder, codec)
    engine, shape = SequenceEngine.load(folder, device=device), codec.shape
    if (engine.state.names, engine.state.network.sizes) != (shape.names, shape.unit_sizes + shape.row_sizes):
        raise DataError(f"{folder}: the engine of {codec.table.name!r} does not fit its codec; fit the model again")
    return engine


def sequence_engine(engine: Engine) -> SequenceEngine:
    """The engine, if it draws under conditions; ``ConfigurationError`` for others."""
    if isinstance(engine, SequenceEngine):
        return engine
    raise ConfigurationError(
        f"the model's engine is {engine.settings.name}, which draws nothing under conditions; leave them out, or fit a "
        f"model with the engine {SEQUENCE!r}"
    )


def terms_of(engine: Engine) -> dict[str, str]:
    """What a manifest says of an engine: its name, and the licence that software of others is under."""
    if isinstance(engine, SdvEngine):
        return {"name": engine.settings.name, "software": f"SDV {engine.version}", "licence": LICENCE}
    return {"name": SEQUENCE}


def described(config: EngineConfig) -> dict[str, Any]:
    """Plain values of an engine's configuration, for manifests."""
    return {"name": engine_name(config), **dataclasses.asdict(config)}
