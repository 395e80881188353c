"""A cleaning plan as a YAML file that people edit: each step with its evidence, and ``enabled``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from domains.pipeline.yaml_file import checked, load_mapping
from shared.cleaning.plan import Step
from shared.corpus.schema import Schema
from shared.errors import ConfigurationError

PLAN = "plan.yaml"
FORMAT = "simulacra-cleaning-plan/1"
_HEAD = """\
# A plan of cleaning. It was made from real records and holds some of them: it is internal and must not leave.
# Nothing has been changed. Steps are carried out in this order where 'enabled' is true: turn them on and off, correct
# values, then run:  simulacra clean SOURCE --schema SCHEMA --apply {plan} --out CLEANED
# 'basis: learned' says that records of one unit change those of another: no promise of a private release covers that.
"""


class PlanFile(BaseModel):
    """A plan file. ``source`` is the fingerprint of the records that it was made from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["simulacra-cleaning-plan/1"]
    source: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rows: Mapping[str, int]
    steps: tuple[Step, ...] = ()


def write_plan(path: Path, steps: Sequence[Step], *, source: str, rows: Mapping[str, int]) -> None:
    """Write a plan; values that another reader of YAML could take for something else are quoted."""
    content = {
        "format": FORMAT,
        "source": source,
        "rows": dict(rows),
        "steps": [_step(step) for step in steps],
    }
    body = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    path.write_text(_HEAD.format(plan=PLAN) + body, encoding="utf-8")


def read_plan(path: Path, schema: Schema) -> PlanFile:
    """The plan in a file, or in the folder that it was written to; raises ``ConfigurationError`` for what is none."""
    path = path / PLAN if path.is_dir() else path
    plan = checked(PlanFile, load_mapping(path), path)
    tables = {table.name: table.names for table in schema.tables}
    for place, step in enumerate(plan.steps):
        if step.table not in tables:
            raise ConfigurationError(
                f"{path}: steps.{place}.table is {step.table!r}; the schema has {', '.join(tables)}"
            )
        if step.column is not None and step.column not in tables[step.table]:
            raise ConfigurationError(
                f"{path}: steps.{place}.column is {step.column!r}; table {step.table!r} has "
                f"{', '.join(tables[step.table])}"
            )
    return plan


class _Dumper(yaml.SafeDumper):
    """Lists of plain values on one line, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _represent_list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.SequenceNode:
    flow = all(not isinstance(value, dict) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flow)


_Dumper.add_representer(list, _represent_list)


def _step(step: Step) -> dict[str, Any]:
    """A step as plain values; what has no value is left out, but for values of cells, where it means "missing"."""
    content = {key: value for key, value in dataclasses.asdict(step).items() if value is not None}
    content["action"] = {key: _listed(value) for key, value in content["action"].items() if value is not None}
    content["examples"] = [
        {key: value for key, value in example.items() if key == "row" or example["old"] != example["new"]}
        for example in content["examples"]
    ]
    return content


def _listed(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_listed(part) for part in value]
    if isinstance(value, dict):
        return {key: _listed(part) for key, part in value.items()}
    return value
