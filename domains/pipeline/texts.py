"""Text columns: each is learned given the other columns of its row, and written for rows that were generated.

::

    texts/0/text.json              which column, what is asked of its texts, how often slots were said
    texts/0/config.json, …         the language engine
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from domains.pipeline.config_file import settings_model
from domains.pipeline.yaml_file import checked
from shared.access.contract import Access
from shared.codecs.table import TableCodec
from shared.corpus.schema import Column, Table
from shared.corpus.units import Units
from shared.engines.contract import FitSummary
from shared.engines.language.config import LanguageConfig
from shared.engines.language.conversion import SMOLLM2, converted, packaged_model
from shared.engines.language.engine import LanguageEngine
from shared.engines.language.generation import Decoding
from shared.engines.language.slots import delexicalised, placeholder, slot_name
from shared.engines.language.writing import Request, write
from shared.errors import ConfigurationError, DataError
from shared.randomness import derive, numpy_generator
from shared.training.checkpoints import Checkpoints
from shared.training.reporter import Reporter

_FILE = "text.json"


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """``engine.<table>.text.<column>``: settings of the language engine, and what is asked of its texts.

    Values of ``slots`` (columns) that a text says word by word give way to placeholders and are filled again; those of
    ``required`` must stand in every text. A text is written up to ``tries`` times, at ``temperature`` and ``top_p``.
    """

    engine: LanguageConfig = dataclasses.field(default_factory=LanguageConfig)
    slots: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    tries: int = 8
    temperature: float = 0.8
    top_p: float = 0.95

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ConfigurationError(f"tries is {self.tries}; it must be at least 1")
        if not self.temperature > 0:
            raise ConfigurationError(f"temperature is {self.temperature}; it must be above 0, such as 0.8")

    @property
    def decoding(self) -> Decoding:
        return Decoding(temperature=self.temperature, top_p=self.top_p, most_new=self.engine.most_tokens)


@dataclass(frozen=True)
class _Asked:
    """The part of a :class:`TextConfig` that is not the engine's; pydantic reads it."""

    slots: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    tries: int = 8
    temperature: float = 0.8
    top_p: float = 0.95


def text_configs(given: Any, where: str, path: Path, *, private: bool) -> dict[str, TextConfig]:
    """What stands under ``engine.<table>.text``, by column; raises ``ConfigurationError``."""
    if not isinstance(given, dict) or not all(isinstance(settings, dict) for settings in given.values()):
        raise ConfigurationError(f"{path}: {where} must name columns, such as {{note: {{network: lstm}}}}")
    asked = {field.name for field in dataclasses.fields(_Asked)}
    configs = {}
    for column, settings in given.items():
        under = f"{where}.{column}"
        own = checked(settings_model(_Asked), {k: v for k, v in settings.items() if k in asked}, path, under=under)
        engine = {k: v for k, v in settings.items() if k not in asked}
        read = checked(settings_model(LanguageConfig), engine, path, under=under)
        try:
            made = LanguageConfig.with_settings(read.model_dump(exclude_none=True), private=private)
            configs[str(column)] = TextConfig(engine=made, **own.model_dump(exclude_none=True))
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {under}: {error}") from error
    return configs


def models_folder() -> Path:
    """Where pretrained models lie: SIMULACRA_MODELS, else the user's cache."""
    named = os.environ.get("SIMULACRA_MODELS")
    cache = os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else (Path(cache) if cache else Path.home() / ".cache") / "simulacra" / "models"


@dataclass(frozen=True, eq=False)
class TextModel:
    """Writes one column. ``said`` is, of each slot's column, the share of values that real texts say."""

    column: str
    config: TextConfig
    said: Mapping[str, float]
    engine: LanguageEngine

    def written(self, frame: pd.DataFrame, codec: TableCodec, *, seed: int, reporter: Reporter) -> pd.Series:
        """A text for each row; an empty one is a missing value, as it was when it was learned."""
        fields = fields_of(frame, codec)
        chances = numpy_generator(seed, "said").random((len(fields), len(self.config.slots)))
        requests = []
        for row, chance in zip(fields, chances, strict=True):
            marked = [
                name
                for name, drawn in zip(self.config.slots, chance, strict=True)
                if name in row and (drawn < self.said.get(name, 0.0) or name in self.config.required)
            ]
            requests.append(
                Request(
                    prompt=prompt_of(row, marked),
                    slots={slot_name(name): row[name] for name in marked},
                    required=tuple(row[name] for name in self.config.required if name in row),
                )
            )
        done = write(
            self.engine,
            requests,
            seed=derive(seed, "texts"),
            decoding=self.config.decoding,
            tries=self.config.tries,
            reporter=reporter,
        )
        missing = {*codec.table.missing_of(codec.table.column(self.column)), ""}
        texts = [None if text in missing else text for text in done.texts]
        return pd.Series(texts, index=frame.index, dtype="str")

    def save(self, folder: Path) -> None:
        """Write ``text.json`` and the engine."""
        self.engine.save(folder)
        asked = {name: value for name, value in asdict(self.config).items() if name != "engine"}
        content = {"column": self.column, "said": dict(self.said), **asked}
        (folder / _FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, device: str) -> TextModel:
        """Read what :meth:`save` wrote; ``DataError`` if it is not that."""
        try:
            content = TypeAdapter(_Saved).validate_json((folder / _FILE).read_bytes(), strict=False)
        except (OSError, ValidationError) as error:
            raise DataError(f"{folder} is damaged ({str(error).splitlines()[0]}); fit the model again") from error
        engine = LanguageEngine.load(folder, device=device, models=models_folder())
        asked = {field.name: getattr(content, field.name) for field in dataclasses.fields(_Asked)}
        return cls(content.column, TextConfig(engine=engine.state.settings, **asked), content.said, engine)


@dataclass(frozen=True, kw_only=True)
class _Saved(_Asked):
    column: str
    said: dict[str, float]


def text_columns(table: Table) -> tuple[str, ...]:
    """The columns of a table that hold text."""
    return tuple(column.name for column in table.columns if column.kind == "text")


def text_mechanism(table: str, column: str) -> str:
    """The name under which the training of a text column is paid for, beside those of tables."""
    return f"{table}.{column}"


def fit_texts(
    configs: Mapping[str, TextConfig],
    codec: TableCodec,
    data: Units,
    examples: NDArray[np.int64],
    accesses: Callable[[str], Access],
    *,
    private: bool,
    seed: int,
    device: str,
    reporter: Reporter,
    checkpoints: Checkpoints | None = None,
    begun: Mapping[str, LanguageEngine] | None = None,
) -> tuple[tuple[TextModel, ...], dict[str, FitSummary]]:
    """A model for each text column of a table; one that is not configured has the default settings.

    ``examples``, shape ``(examples + 1,)``: rows ``examples[i]:examples[i + 1]`` of ``data`` are one example.
    ``accesses`` gives the access of a column, ``begun`` the engines of columns that go on learning. A private run
    takes every slot for said, since how often texts say it would have to be paid for. Raises ``ConfigurationError``
    for columns that are not there, or hold no text.
    """
    columns = text_columns(codec.table)
    for name in configs:
        if name not in columns:
            raise ConfigurationError(f"text names column {name!r}, but the texts of {codec.table.name!r} are {columns}")
    models, summaries = [], {}
    for name in columns:
        config = configs.get(name, TextConfig(engine=LanguageConfig.with_settings({}, private=private)))
        _check_slots(name, config, codec)
        engine = copy.deepcopy((begun or {}).get(name))
        if engine is None:
            based = _based(config.engine, reporter)
            engine = LanguageEngine.fresh(based, seed=derive(seed, name, "weights"), device=device)
        prompts, texts, said = _examples(name, config, codec, data)
        encoded = engine.encoded(prompts, texts, groups=examples)
        summaries[name] = engine.fit(
            encoded,
            accesses(name),
            seed=derive(seed, name, "training"),
            reporter=reporter,
            checkpoints=None if checkpoints is None else checkpoints.of(f"text-{columns.index(name)}"),
        )
        models.append(TextModel(name, config, dict.fromkeys(config.slots, 1.0) if private else said, engine))
    return tuple(models), summaries


def _check_slots(name: str, config: TextConfig, codec: TableCodec) -> None:
    for other in (*config.slots, *config.required):
        if other not in codec.codecs:
            raise ConfigurationError(f"text {name!r}: {other!r} is no column that is learned beside it")
    if len({slot_name(slot) for slot in config.slots}) < len(config.slots):
        raise ConfigurationError(
            f"text {name!r}: two of the slots {config.slots} have one placeholder; rename a column"
        )


def _based(config: LanguageConfig, reporter: Reporter) -> LanguageConfig:
    """The settings with the folder of the base, which is made if it is the packaged model."""
    if not config.base:
        return config
    models = models_folder()
    if config.base == SMOLLM2 and not (models / SMOLLM2).is_dir():
        converted(packaged_model(), models, SMOLLM2, reporter=reporter)
    return dataclasses.replace(config, base=str(models / config.base))


def _examples(
    name: str, config: TextConfig, codec: TableCodec, data: Units
) -> tuple[list[str], list[str], dict[str, float]]:
    """Prompts, texts with placeholders, and of each slot's column the share of its values that texts say."""
    prompts, texts = [], []
    there, found = dict.fromkeys(config.slots, 0), dict.fromkeys(config.slots, 0)
    names = {slot_name(column): column for column in config.slots}
    for chunk in data.chunks([*codec.codecs, name]):
        values = chunk.frame[name].astype("object").where(chunk.frame[name].notna(), "")
        for row, value in zip(fields_of(chunk.frame, codec), values, strict=True):
            slots = {slot: row[column] for slot, column in names.items() if column in row}
            text, said = delexicalised(str(value).strip(), slots)
            marked = [names[slot] for slot in said]
            prompts.append(prompt_of(row, marked))
            texts.append(text)
            if value:
                there |= {column: there[column] + 1 for column in config.slots if column in row}
                found |= {column: found[column] + 1 for column in marked}
    return prompts, texts, {column: found[column] / max(1, there[column]) for column in config.slots}


def rows_of(data: Units) -> NDArray[np.int64]:
    """Where the rows of each unit begin, and where the last end: shape ``(units + 1,)``."""
    return np.concatenate([[0], np.cumsum(data.rows_per_unit)]).astype(np.int64)


def fields_of(frame: pd.DataFrame, codec: TableCodec) -> list[dict[str, str]]:
    """The learned values of each row as words; what is missing is left out."""
    columns = [(name, _words(frame[name], codec.table.column(name))) for name in codec.codecs]
    rows: Iterator[tuple[str | None, ...]] = zip(*(words for _, words in columns), strict=True)
    names = [name for name, _ in columns]
    if not names:
        return [{} for _ in range(len(frame))]
    return [{name: word for name, word in zip(names, row, strict=True) if word is not None} for row in rows]


def prompt_of(fields: Mapping[str, str], marked: Sequence[str]) -> str:
    """The fields of a row as one line, those in ``marked`` with the placeholder that a text says them by."""
    parts = [f"{name}: {placeholder(slot_name(name)) if name in marked else word}" for name, word in fields.items()]
    return f"{'; '.join(parts)}\n"


def _words(values: pd.Series, column: Column) -> list[str | None]:
    """Values as people would write them."""

    def word(value: Any) -> str:
        match column.kind:
            case "boolean":
                return "yes" if value else "no"
            case "integer":
                return str(int(value))
            case "real":
                return f"{float(value):.6g}"
            case "date":
                return pd.Timestamp(value).date().isoformat()
            case "datetime":
                return pd.Timestamp(value).isoformat(" ")
            case _:
                return str(value)

    return [None if absent else word(value) for value, absent in zip(values, values.isna(), strict=True)]
