"""Schemas as YAML files.

Text is taken as it is written: a category ``0``, ``yes`` or ``1.50`` stays that text, and a bound
``2024-01-31`` stays an ISO 8601 date, whatever YAML would make of it.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Hashable, Mapping
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from shared.corpus.schema import Column, ForeignKey, Format, OnlyWhere, Schema, Table, Timeline
from shared.corpus.store_paths import FilePath
from shared.corpus.values import bounds
from shared.errors import OutputError, SchemaError

_CLASSES: Mapping[str, type] = {
    "tables": Table,
    "columns": Column,
    "format": Format,
    "foreign_keys": ForeignKey,
    "timelines": Timeline,
    "only_where": OnlyWhere,
}
_TEXT_LISTS = ("categories", "missing", "spellings")
_NOT_TEXT = ("nullable", "of_unit", "header", "strip", "low", "high", "step", "edges", "atoms")
LEARNED = """\
A column's 'learned' names what was read off records. In a private run such a value is no public knowledge: it is
found anew and paid for from the budget, or refused. Take the name out of 'learned' only if you know the value from
elsewhere: a code book, a form, a law of nature."""
_DEEPEST = 12
_LINE = 80

Place = tuple[str | int, ...]


def read_schema(path: FilePath) -> Schema:
    """The schema in a YAML file.

    Raises ``SchemaError``, in one line, for what is no YAML, no schema, or contradicts itself.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SchemaError(
            f"{path}: no such schema file; draft one with 'simulacra schema infer FILE --out schema.yaml'"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(f"{path}: the schema cannot be read as a UTF-8 text file: {_one_line(error)}") from error
    try:
        return parse_schema(text)
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error


def parse_schema(text: str) -> Schema:
    """The schema in a YAML text."""
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise SchemaError(f"this is no valid YAML: {_one_line(error)}") from error
    if root is None:
        raise SchemaError("the schema is empty; give 'name' and 'tables'")
    content = _plain(root, ())
    try:
        schema = TypeAdapter(Schema).validate_python(content)
    except ValidationError as error:
        raise SchemaError(_explain(error, content)) from error
    for table in schema.tables:
        for column in table.columns:
            _check_bounds(table, column)
    return schema


def _check_bounds(table: Table, column: Column) -> None:
    try:
        bounds(column)
    except SchemaError as error:
        raise SchemaError(f"table {table.name!r}: {error}") from error
    for bound in (column.low, column.high):
        if column.kind in ("date", "datetime") and isinstance(bound, float):
            raise SchemaError(
                f"table {table.name!r}: column {column.name!r}: bound {bound:g} is a number; "
                f"a {column.kind} takes an ISO 8601 date, such as 2024-01-31"
            )


def schema_to_yaml(schema: Schema, *, comment: str = "") -> str:
    """The schema as YAML, without what has its default, headed by ``comment``.

    Without a comment, a schema with learned values is headed by an explanation of them.
    """
    learned = any(column.learned for table in schema.tables for column in table.columns)
    comment = comment or (LEARNED if learned else "")
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    body = yaml.dump(
        _terse(schema),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=120,
    )
    return head + body


def write_schema(schema: Schema, path: FilePath, *, comment: str = "") -> None:
    """Write :func:`schema_to_yaml` to ``path``."""
    try:
        path.write_text(schema_to_yaml(schema, comment=comment), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path}: the schema cannot be written: {error.strerror}; choose another file or make room"
        ) from error


class _Dumper(yaml.SafeDumper):
    """Quotes all text that another reader of YAML could take for something else, and never uses aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = all(isinstance(child, yaml.ScalarNode) or child.flow_style for child in node.value)
        if node.value and all(isinstance(child, yaml.MappingNode) for child in node.value):
            node.flow_style = False
        return node

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        short = sum(len(str(part)) for part in mapping.values()) < _LINE
        node.flow_style = short and all(isinstance(c, yaml.ScalarNode) or c.flow_style for _, c in node.value)
        return node


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # YAML 1.2 readers see numbers where PyYAML (1.1) sees text, such as 0o17 and 1e5.
    ambiguous = text[:1].isdigit() or text[:1] in "+-.~" or text.lower() in ("y", "n", "true", "false", "null", "none")
    style = '"' if not text.isprintable() else "'" if ambiguous else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _terse(value: Any) -> Any:
    """Dataclasses as mappings without defaults, tuples as lists, whole floats as integers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        content = {}
        for item in dataclasses.fields(value):
            part = getattr(value, item.name)
            factory = item.default_factory
            default = item.default if factory is dataclasses.MISSING else factory()
            if part != default:
                content[item.name] = _terse(part)
        if isinstance(value, Schema):
            content = {"name": value.name} | content
            content["tables"] = content.pop("tables")
        if isinstance(value, Table):
            content["columns"] = content.pop("columns")
        return content
    if isinstance(value, tuple):
        return [_terse(part) for part in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _plain(node: yaml.Node, place: Place) -> Any:
    """Python values of a YAML node; scalars of fields that hold text stay as they are written."""
    if len(place) > _DEEPEST:
        raise SchemaError(f"{_path(place[:4])}...: nested deeper than a schema can be")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*place, index)) for index, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        content: dict[Hashable, Any] = {}
        for key_node, child in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            if key in content:
                raise SchemaError(
                    f"{_path((*place, key))}: the key stands twice (line {key_node.start_mark.line + 1}); remove one"
                )
            content[key] = _plain(child, (*place, key))
        return content
    return _scalar(node, place)


def _scalar(node: yaml.Node, place: Place) -> Any:
    tag = node.tag.rpartition(":")[2]
    field = next((part for part in reversed(place) if isinstance(part, str)), "")
    listed = field in _TEXT_LISTS and isinstance(place[-1], int)
    if tag == "null" and not listed:
        return None
    if tag in ("str", "timestamp") or field not in _NOT_TEXT:
        return node.value
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise SchemaError(f"{_path(place)}: {node.value!r} is no valid value: {_one_line(error)}") from error


def _explain(error: ValidationError, content: Any) -> str:
    """One line for the first of pydantic's errors: key path, value, what is allowed."""
    problem = error.errors(include_url=False)[0]
    place = tuple(part for part in problem["loc"] if part not in ("float", "str", "int"))
    where, kind, given = _path(place) + _named(place, content), problem["type"], problem["input"]
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        owner = next((_CLASSES[part] for part in reversed(place[:-1]) if isinstance(part, str)), Schema)
        allowed = [item.name for item in dataclasses.fields(owner)]
        near = difflib.get_close_matches(str(place[-1]), allowed, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        return f"{where}: unknown key{meant} (allowed: {', '.join(allowed)})"
    if kind in ("missing", "missing_argument"):
        return f"{where}: this key is missing; add it"
    if kind == "dataclass_type":
        return f"{where}: {_shown(given)} is given, but a mapping of keys to values is needed"
    allowed_text = {
        "literal_error": "use one of " + str(problem.get("ctx", {}).get("expected", "")).replace(" or ", ", "),
        "tuple_type": "a list is needed, such as [a, b]",
        "string_type": "text is needed",
        "float_type": "a number is needed (or, for a bound, an ISO 8601 date)",
        "float_parsing": "a number is needed",
        "bool_parsing": "use true or false",
        "bool_type": "use true or false",
    }.get(kind, problem["msg"])
    return f"{where}: {_shown(given)} is not allowed; {allowed_text}"


def _path(place: Place) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "top level"


def _named(place: Place, content: Any) -> str:
    """The names of the table and column that a place lies in, if they have any."""
    names = []
    for part in place:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(part, int) and isinstance(content, dict) and isinstance(content.get("name"), str):
            names.append(content["name"])
    return f" ({'.'.join(names)})" if names else ""


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
