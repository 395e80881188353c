"""The configuration of a fit or a release, read from a YAML file and resolved to plain values."""

from __future__ import annotations

import dataclasses
import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domains.base.contract import Task
from domains.pipeline.config_file import ConfigFile, PrivacyFile, TaskFile
from domains.pipeline.engines import EngineConfig, engine_config
from domains.pipeline.texts import TextConfig, text_configs
from domains.pipeline.yaml_file import checked, load_mapping, resolve_path, with_variables
from evaluation.gate import Thresholds
from shared.corpus.databases.urls import anchored
from shared.corpus.object_stores import is_url
from shared.corpus.scratch import parse_memory
from shared.devices import device_named
from shared.errors import ConfigurationError, SimulacraError

ROW = "row"
TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Records that come from the domain's simulator; ``layout`` of ``None`` is its first one."""

    units: int
    seed: int
    layout: str | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """One body of records: exactly one of ``path`` (text for a URL) and ``simulation``.

    ``learned_cleaning``: whether a private run takes records that were cleaned by rules learned from them.
    """

    id: str
    path: Path | str | None
    simulation: Simulation | None
    parent: str | None
    learned_cleaning: bool = False


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Units that nothing learns from: a fraction by keyed hash, or records at a path."""

    fraction: float | None
    path: Path | str | None


@dataclass(frozen=True, kw_only=True)
class Cap:
    """What a source may spend over all its releases; ``delta`` of ``None`` takes the release's."""

    epsilon: float
    delta: float | None


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """What is promised, and how it is spent; ``None`` leaves a value to its default.

    ``rows`` caps the rows of a unit: in every table, or in each table by its name.
    """

    epsilon: float
    rows: int | Mapping[str, int]
    delta: float | None = None
    categories: int | None = None
    batch_units: int | None = None
    steps: int | None = None
    clipping_norm: float | None = None
    cap: Cap | None = None

    @property
    def most_rows(self) -> int:
        """The highest cap of any table."""
        return self.rows if isinstance(self.rows, int) else max(self.rows.values())

    def rows_of(self, table: str) -> int:
        """The cap of one table; ``ConfigurationError`` if caps are by table and it has none."""
        if isinstance(self.rows, int):
            return self.rows
        if table not in self.rows:
            raise ConfigurationError(
                f"privacy.rows has no cap for table {table!r}; declare one, such as {table}: 10, "
                f"beside {', '.join(self.rows)}"
            )
        return self.rows[table]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything a fit or a release is told. Paths are resolved.

    ``unit`` is the name of a column, or ``row``. ``privacy`` of ``None`` promises nothing.
    ``engines`` has one entry a table, and ``default``; ``texts`` has text columns by table.
    ``ledger`` is where budgets are kept, ``signing_key`` the file of the key that signs releases.
    ``memory`` is how many bytes the work on records may take. ``written`` is the file's content.
    """

    path: Path
    source: Source
    schema: Path | None
    domain: str
    unit: str
    units_about: int | None
    holdout: Holdout
    engines: Mapping[str, EngineConfig]
    privacy: Privacy | None
    sample_units: int | None
    thresholds: Thresholds
    tasks: tuple[Task, ...]
    seed: int
    ledger: str | Path
    device: str
    memory: int
    written: Mapping[str, Any] = field(repr=False)
    texts: Mapping[str, Mapping[str, TextConfig]] = field(default_factory=dict)
    signing_key: Path | None = None

    def engine(self, table: str) -> EngineConfig:
        """The engine of a table."""
        return self.engines.get(table, self.engines["default"])

    @property
    def training_units_about(self) -> int:
        """About how many units are trained on, from declared values alone."""
        if self.units_about is None:
            raise ConfigurationError(f"{self.path}: units_about is missing; declare about how many units there are")
        return max(1, round(self.units_about * (1 - (self.holdout.fraction or 0.0))))


def read_config(path: Path) -> Config:
    """Read and check a CONFIG file.

    Raises ``ConfigurationError`` on one line that names the file, the key, its value and what is allowed.
    """
    written = load_mapping(path)
    file = checked(ConfigFile, written, path)
    private = file.privacy is not None
    try:
        device_named(file.device)
        memory = parse_memory(file.memory)
        thresholds = Thresholds.declared(file.gate, private=private)
        engines = {
            name: engine_config(name, {k: v for k, v in given.items() if k != TEXT}, path, private=private)
            for name, given in {"default": {}, **file.engine}.items()
        }
        texts = {
            name: text_configs(given[TEXT], f"engine.{name}.{TEXT}", path, private=private)
            for name, given in file.engine.items()
            if TEXT in given
        }
    except SimulacraError as error:
        raise _named(error, path) from error
    config = Config(
        path=path,
        source=_source(file, path),
        schema=_existing(file.data_schema, path, "schema") if file.data_schema is not None else None,
        domain=file.domain,
        unit=file.unit,
        units_about=file.units_about,
        holdout=Holdout(
            fraction=file.holdout.fraction,
            path=_location(file.holdout.path, path, "holdout.path") if file.holdout.path is not None else None,
        ),
        engines=engines,
        privacy=_privacy(file.privacy),
        sample_units=file.sample.units if file.sample is not None else None,
        thresholds=thresholds,
        tasks=tuple(_task(task) for task in file.tasks),
        seed=file.seed,
        ledger=ledger_path(file.ledger, path),
        device=file.device,
        memory=memory,
        written=written,
        texts=texts,
        signing_key=_signing_key(file, path),
    )
    _check_privacy(config)
    return config


def ledger_path(written: str | None = None, config: Path | None = None) -> str | Path:
    """Where budgets are kept: SIMULACRA_LEDGER, else the configuration's ``ledger``, else the user's data folder.

    A file, or the URL of a database.
    """
    named = os.environ.get("SIMULACRA_LEDGER")
    if named:
        return named if "://" in named else Path(named)
    if written is not None and config is not None:
        return written if "://" in written else resolve_path(written, config, "ledger")
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "simulacra" / "ledger.sqlite"


def _signing_key(file: ConfigFile, config: Path) -> Path | None:
    """The key that signs releases: SIMULACRA_SIGNING_KEY, else ``sign.key``, else none."""
    named = os.environ.get("SIMULACRA_SIGNING_KEY")
    if named:
        return Path(named).expanduser()
    return None if file.sign is None else resolve_path(file.sign.key, config, "sign.key")


def _source(file: ConfigFile, path: Path) -> Source:
    given = file.source
    return Source(
        id=given.id,
        path=_location(given.path, path, "source.path") if given.path is not None else None,
        simulation=(
            Simulation(units=given.simulate.units, seed=given.simulate.seed, layout=given.simulate.layout)
            if given.simulate is not None
            else None
        ),
        parent=given.parent,
        learned_cleaning=given.learned_cleaning == "accepted",
    )


def _location(text: str, config: Path, key: str) -> Path | str:
    """A path that exists, or a URL of a database or object store, which is not yet reached for."""
    if not is_url(text):
        return _existing(text, config, key)
    url = with_variables(text, config, key)
    try:
        return anchored(url, config.parent)
    except ConfigurationError as error:
        raise ConfigurationError(f"{config}: {key}: {error}") from error


def _existing(text: str, config: Path, key: str) -> Path:
    path = resolve_path(text, config, key)
    if glob.has_magic(str(path)):
        if not glob.glob(str(path), recursive=True):  # noqa: PTH207  (the pattern may be absolute)
            raise ConfigurationError(f"{config}: {key} is {text!r}; no file matches {path}")
    elif not path.exists():
        raise ConfigurationError(f"{config}: {key} is {text!r}; there is no file {path}")
    return path


def _privacy(file: PrivacyFile | None) -> Privacy | None:
    if file is None:
        return None
    values = file.model_dump(exclude={"cap"})
    cap = Cap(epsilon=file.cap.epsilon, delta=file.cap.delta) if file.cap is not None else None
    return Privacy(**values, cap=cap)


def _task(file: TaskFile) -> Task:
    # The table is filled in when the schema is known; most corpora have one.
    return Task(**{**file.model_dump(), "table": file.table or ""})


def _check_privacy(config: Config) -> None:
    privacy = config.privacy
    if privacy is None:
        return
    units = config.training_units_about
    if privacy.batch_units is not None and privacy.batch_units > units:
        raise ConfigurationError(
            f"{config.path}: privacy.batch_units is {privacy.batch_units}; it must be at most the {units} units "
            "that are trained on (units_about without the holdout)"
        )
    if privacy.categories is not None and privacy.categories > privacy.most_rows:
        raise ConfigurationError(
            f"{config.path}: privacy.categories is {privacy.categories}; it must be at most privacy.rows, "
            f"{privacy.most_rows}: a row has one value a column"
        )


def _named(error: SimulacraError, path: Path) -> ConfigurationError:
    text = str(error)
    return ConfigurationError(text if text.startswith(str(path)) else f"{path}: {text}")


def with_table(tasks: tuple[Task, ...], table: str) -> tuple[Task, ...]:
    """Tasks that name no table, given the only one."""
    return tuple(dataclasses.replace(task, table=task.table or table) for task in tasks)
