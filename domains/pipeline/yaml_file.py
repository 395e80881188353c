"""YAML files as people mean them, and errors that fit on one line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shared.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """Safe, and without YAML 1.1's surprises: ``1e-6`` is a number and a key may stand once only."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def load_mapping(path: Path) -> dict[str, Any]:
    """The keys of a YAML file; raises ``ConfigurationError`` for what is not one."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: there is no such configuration file") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 at byte {error.start}; save the configuration as UTF-8") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); give a YAML file") from error
    try:
        content = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{path}, line {line}: {_one_line(str(error.problem))}; write valid YAML") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: {_one_line(str(error))}; write valid YAML") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: holds no keys; a configuration starts with lines such as 'source:'")
    return content


def checked(model: type[Model], content: Mapping[str, Any], path: Path, *, under: str = "") -> Model:
    """The content as ``model``; raises ``ConfigurationError`` that names file, key, value and what is allowed."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_explain(error, model, under)}") from error


def _explain(error: ValidationError, model: type[BaseModel], under: str) -> str:
    problems = error.errors(include_url=False)
    problem = problems[0]
    places = [str(part) for part in problem["loc"]]
    key = ".".join([*([under] if under else []), *places])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    kind, given = problem["type"], problem["input"]
    message = _one_line(problem["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        allowed = ", ".join(_keys_at(model, places[:-1]))
        return f"key {key} is unknown; allowed here: {allowed}{more}"
    if kind == "missing":
        return f"key {key} is missing; it is required{more}"
    if kind == "value_error" and isinstance(given, dict):
        return f"{key}: {message}{more}" if key else f"{message}{more}"
    message = message.replace("Input should be", "it must be")
    return f"{key} is {_shown(given)}; {message}{more}"


def _keys_at(model: type[BaseModel], places: list[str]) -> list[str]:
    """The keys that a nested model allows, found by walking down its fields."""
    for place in places:
        field = next(
            (field for name, field in model.model_fields.items() if place in (name, field.alias)),
            None,
        )
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model inside an annotation such as ``Part | None`` or ``list[Part]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(text: str) -> str:
    return " ".join(text.split())


_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


def resolve_path(text: str, config: Path, key: str, environment: Mapping[str, str] | None = None) -> Path:
    """A path of a configuration file: ``${NAME:-default}`` replaced, and relative to the file's folder."""
    path = Path(with_variables(text, config, key, environment)).expanduser()
    return path if path.is_absolute() else config.parent / path


def with_variables(text: str, config: Path, key: str, environment: Mapping[str, str] | None = None) -> str:
    """The text with each ``${NAME:-default}`` replaced, so that no secret need stand in a configuration."""
    known = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        found = known.get(match["name"]) or match["default"]
        if found is None:
            raise ConfigurationError(
                f"{config}: {key} uses {match[0]}, and the environment has no {match['name']}; "
                f"set it, or write ${{{match['name']}:-default}}"
            )
        return found

    return _VARIABLE.sub(value, text)
