"""The shape of a CONFIG file, for pydantic; :mod:`domains.pipeline.config` makes plain values of it."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
Name = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Delta = Annotated[float, Field(gt=0, lt=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]


class _Part(BaseModel):
    model_config = _STRICT


class SimulateFile(_Part):
    """``source.simulate``: records that the domain's simulator makes."""

    units: Count
    seed: int = 0
    layout: Name | None = None


class SourceFile(_Part):
    """``source``: one body of records, with an identity that budgets are charged to."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    path: Name | None = None
    simulate: SimulateFile | None = None
    parent: Name | None = None
    learned_cleaning: Literal["refused", "accepted"] = "refused"

    @model_validator(mode="after")
    def _one_origin(self) -> SourceFile:
        if (self.path is None) == (self.simulate is None):
            raise ValueError("name exactly one of 'path' (a file, folder or glob) and 'simulate' (units, seed)")
        if self.parent == self.id:
            raise ValueError("a source cannot be its own parent")
        return self


class HoldoutFile(_Part):
    """``holdout``: a fraction of the units, by keyed hash, or records of their own."""

    fraction: Annotated[float, Field(gt=0, le=0.9)] | None = None
    path: Name | None = None

    @model_validator(mode="after")
    def _one_way(self) -> HoldoutFile:
        if (self.fraction is None) == (self.path is None):
            raise ValueError("give a fraction of the units above 0 and at most 0.9, or {path: …}")
        return self


class CapFile(_Part):
    """``privacy.cap``: what the source may spend over all its releases."""

    epsilon: Positive
    delta: Delta | None = None


def _rows(value: Any) -> Any:
    """A cap for every table, or one for each by its name."""
    caps = list(value.values()) if isinstance(value, dict) else [value]
    if not caps or not all(isinstance(cap, int) and not isinstance(cap, bool) and cap >= 1 for cap in caps):
        raise ValueError("it must be a whole number from 1 on, or one for each table, such as {encounters: 20}")
    return value


class PrivacyFile(_Part):
    """``privacy``: the promise, the caps on contributions and how steps are made."""

    epsilon: Positive
    rows: Annotated[int | dict[str, int], BeforeValidator(_rows)]
    delta: Delta | None = None
    categories: Count | None = None
    batch_units: Count | None = None
    steps: Count | None = None
    clipping_norm: Positive | None = None
    cap: CapFile | None = None


class SignFile(_Part):
    """``sign``: the file of the private key that signs releases, never the key itself."""

    key: Name


class SampleFile(_Part):
    """``sample``: how many units are generated."""

    units: Count


class TaskFile(_Part):
    """One of ``tasks``: train on synthetic data, test on real records."""

    name: Name
    target: Name
    table: Name | None = None
    positive: Names | None = None
    features: Names | None = None
    excluded: Names = ()
    description: str = ""
    kind: Literal["class", "next-item"] = "class"
    at: Count = 10

    @model_validator(mode="after")
    def _of_its_kind(self) -> TaskFile:
        given = self.model_fields_set
        foreign = {"positive", "features", "excluded"} if self.kind == "next-item" else {"at"}
        if given & foreign:
            other = "class" if self.kind == "next-item" else "next-item"
            raise ValueError(
                f"{', '.join(sorted(given & foreign))} belongs to a task of kind {other}, and this one is of kind "
                f"{self.kind}; leave it out"
            )
        return self


def _privacy(value: Any) -> Any:
    """The word ``none`` says outright that nothing is promised; leaving it empty does not."""
    if value == "none":
        return None
    if not isinstance(value, dict):
        raise ValueError("write the word none, or a promise such as {epsilon: 3, rows: 1}")
    return value


def _holdout(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"fraction": value} if number else value


class ConfigFile(_Part):
    """A CONFIG file."""

    source: SourceFile
    data_schema: Annotated[Name | None, Field(alias="schema")] = None
    domain: Name = "plain"
    unit: Name
    units_about: Count | None = None
    holdout: Annotated[HoldoutFile, BeforeValidator(_holdout)]
    engine: dict[str, dict[str, Any]] = Field(default_factory=dict)
    privacy: Annotated[PrivacyFile | None, BeforeValidator(_privacy)]
    sample: SampleFile | None = None
    gate: dict[str, Any] = Field(default_factory=dict)
    tasks: list[TaskFile] = Field(default_factory=list)
    seed: Annotated[int, Field(ge=0)] = 0
    ledger: Name | None = None
    sign: SignFile | None = None
    device: Name = "cpu"
    memory: Name | Count = "1GiB"

    @model_validator(mode="after")
    def _declared(self) -> ConfigFile:
        if self.privacy is not None and self.units_about is None:
            raise ValueError("units_about is missing; a private run needs about how many units the source has")
        if self.source.path is not None and self.data_schema is None:
            raise ValueError("schema is missing; name a schema file ('simulacra schema infer' drafts one)")
        return self


class _Settings(_Part):
    """Base of settings that are written under a key; YAML has lists where plain values have tuples."""

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}


def settings_model(config: type) -> type[BaseModel]:
    """A strict pydantic model with the fields of a dataclass of plain values, all of them optional."""
    hints = get_type_hints(config)
    fields: dict[str, Any] = {
        field.name: (hints[field.name] | None, None) for field in dataclasses.fields(config) if field.init
    }
    return create_model(f"{config.__name__}File", __base__=_Settings, **fields)
