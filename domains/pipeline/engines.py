"""The engines that a configuration may name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domains.pipeline.config_file import settings_model
from domains.pipeline.yaml_file import checked
from shared.engines.encoded import Shape
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.errors import ConfigurationError, DataError

EngineConfig = SequenceConfig
Engine = SequenceEngine
_CONFIGS: Mapping[str, type[EngineConfig]] = {"sequence": SequenceConfig}
_ENGINES: Mapping[str, type[Engine]] = {"sequence": SequenceEngine}


def engine_config(table: str, given: Mapping[str, Any], path: Path, *, private: bool) -> EngineConfig:
    """The configuration of one table's engine, from what stands under ``engine.<table>``."""
    settings = {key: value for key, value in given.items() if key != "name"}
    name = given.get("name", "sequence")
    if name not in _CONFIGS:
        raise ConfigurationError(f"{path}: engine.{table}.name is {name!r}; it must be one of {', '.join(_CONFIGS)}")
    config = _CONFIGS[name]
    file = checked(settings_model(config), settings, path, under=f"engine.{table}")
    try:
        return config.with_settings(file.model_dump(exclude_none=True), private=private)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: engine.{table}: {error}") from error


def build(config: EngineConfig, shape: Shape, *, seed: int, device: str) -> Engine:
    """An untrained engine for data of that shape."""
    return _ENGINES[engine_name(config)].fresh(config, shape, seed=seed, device=device)


def engine_name(config: EngineConfig) -> str:
    """The name under which a configuration is written."""
    return next(name for name, kind in _CONFIGS.items() if isinstance(config, kind))


def engine_class(name: str) -> type[Engine]:
    """The engine of that name."""
    if name not in _ENGINES:
        raise DataError(f"there is no engine {name!r}; there are {', '.join(_ENGINES)}; install the model's version")
    return _ENGINES[name]


def described(config: EngineConfig) -> dict[str, Any]:
    """Plain values of an engine's configuration, for manifests."""
    return {"name": engine_name(config), **dataclasses.asdict(config)}
