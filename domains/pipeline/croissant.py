"""Croissant metadata (MLCommons, format 1.0): what the public folder holds, for tools that load data sets by it.

It says what the schema declares and what the manifest says, and nothing that was computed on real records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domains.pipeline.licences import licence_url
from domains.pipeline.manifest import FileEntry, Manifest
from shared.corpus.schema import Column, Kind, Schema, Table

CROISSANT = "croissant.json"
_TYPES: Mapping[Kind, str] = {
    "categorical": "sc:Text",
    "identifier": "sc:Text",
    "text": "sc:Text",
    "integer": "sc:Integer",
    "real": "sc:Float",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "datetime": "sc:DateTime",
}
_ENCODINGS = (
    (".parquet", "application/x-parquet"),
    (".csv", "text/csv"),
    (".jsonl", "application/jsonlines"),
    (".gz", "application/gzip"),
    (".zst", "application/zstd"),
    (".yaml", "application/yaml"),
    (".json", "application/json"),
    (".md", "text/markdown"),
)
# The context that the specification gives (Croissant format specification 1.0, appendix), what is used here of it.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(schema: Schema, manifest: Manifest, files: Sequence[FileEntry], parquet: Mapping[str, str]) -> str:
    """The text of ``croissant.json``.

    ``files`` are the other files of the public folder, each with its hash; ``parquet`` has the Parquet file of each
    table, of which the record sets are made.
    """
    file_ids = dict(zip((entry.path for entry in files), _ids(entry.path for entry in files), strict=True))
    tables = dict(zip((table.name for table in schema.tables), _ids(t.name for t in schema.tables), strict=True))
    content: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": _id(schema.name or manifest.release),
        "description": _description(schema, manifest),
        "version": "1.0.0",
        "datePublished": manifest.created,
        "keywords": ["synthetic", "simulacra", "tabular"],
        "isLiveDataset": False,
        "distribution": [_file(entry, file_ids[entry.path]) for entry in files],
        "recordSet": [_records(table, schema, tables, file_ids[parquet[table.name]]) for table in schema.tables],
    }
    if schema.licence.strip():
        content["license"] = licence_url(schema.licence) or schema.licence.strip()
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _description(schema: Schema, manifest: Manifest) -> str:
    promise = "No privacy is promised."
    if manifest.promise is not None:
        made = manifest.promise
        promise = f"({made.epsilon:g}, {made.delta:g})-differential privacy by {made.unit}, {made.relation}."
        promise = f"{promise} {made.reserve}".rstrip()
    described = f"{schema.description.strip()} " if schema.description.strip() else ""
    return (
        f"{described}Synthetic: no row describes a real person or event. Release {manifest.release} of a model of "
        f"source {manifest.source}. {promise}"
    )


def _file(entry: FileEntry, identifier: str) -> dict[str, Any]:
    ending = next((kind for end, kind in _ENCODINGS if entry.path.endswith(end)), "application/octet-stream")
    return {
        "@type": "cr:FileObject",
        "@id": identifier,
        "name": identifier,
        "contentUrl": entry.path,
        "contentSize": f"{entry.size} B",
        "encodingFormat": ending,
        "sha256": entry.sha256,
    }


def _records(table: Table, schema: Schema, tables: Mapping[str, str], file: str) -> dict[str, Any]:
    fields = _field_ids(table, tables[table.name])
    records: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": tables[table.name],
        "name": tables[table.name],
        "description": table.description or f"Rows of {table.name}.",
        "field": [_field(column, fields[column.name], file) for column in table.columns],
    }
    if table.primary_key is not None:
        records["key"] = {"@id": fields[table.primary_key]}
    for key in table.foreign_keys:
        target = schema.table(key.table)
        if target.primary_key is not None:
            place = table.names.index(key.column)
            referred = _field_ids(target, tables[key.table])[target.primary_key]
            records["field"][place]["references"] = {"field": {"@id": referred}}
    return records


def _field(column: Column, identifier: str, file: str) -> dict[str, Any]:
    measured = f" In {column.physical_unit}." if column.physical_unit else ""
    return {
        "@type": "cr:Field",
        "@id": identifier,
        "name": identifier,
        "description": f"{column.description or column.name}{measured}",
        "dataType": "sc:Integer" if column.stored == "integer" else _TYPES[column.kind],
        "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
    }


def _field_ids(table: Table, prefix: str) -> dict[str, str]:
    return {name: f"{prefix}/{part}" for name, part in zip(table.names, _ids(table.names), strict=True)}


def _ids(names: Iterable[str]) -> list[str]:
    """An identifier a name, all different: names may differ in characters that an identifier cannot have."""
    taken: list[str] = []
    for name in names:
        plain = _id(name)
        number = 1
        while (candidate := plain if number == 1 else f"{plain}-{number}") in taken:
            number += 1
        taken.append(candidate)
    return taken


def _id(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "x"
