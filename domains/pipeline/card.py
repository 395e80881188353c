"""The dataset card: ``README.md`` of the public folder, for people and for the Hugging Face hub.

It says what the schema declares and what the manifest says, and nothing that was computed on real records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from domains.pipeline.licences import hub_licence
from domains.pipeline.manifest import Manifest
from shared.corpus.schema import Column, Schema, Table
from shared.errors import OutputError

CARD = "README.md"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_BACKTICKS = re.compile(r"[`|\n\r]+")


def render_card(schema: Schema, manifest: Manifest, files: Sequence[str], parquet: Mapping[str, str]) -> str:
    """The text of the card.

    ``files`` are the paths of the public folder's files relative to it; a table is the file, or the folder of
    files, that bears its name. ``parquet`` has the Parquet file of each table, which ``load_dataset`` reads.
    """
    placed = {table.name: _files_of(table, files) for table in schema.tables}
    sections = [
        _header(schema, manifest, parquet),
        f"# {_line(manifest.title)}\n",
        _what_it_is(schema, manifest),
        _promise(manifest),
        _how_made(manifest),
        _tables(schema, manifest, placed),
        _loading(schema, placed, parquet),
        _limits(manifest),
    ]
    return "\n".join(sections)


def _files_of(table: Table, files: Sequence[str]) -> list[str]:
    found = sorted(name for name in files if re.match(rf"{re.escape(table.name)}(\.|/)", name))
    if not found:
        raise OutputError(f"the bundle has no file of table {table.name!r}; its files are {', '.join(files)}")
    return found


def _header(schema: Schema, manifest: Manifest, parquet: Mapping[str, str]) -> str:
    licence = hub_licence(schema.licence)
    header: dict[str, Any] = {
        "pretty_name": _line(manifest.title),
        "license": licence,
        "annotations_creators": ["machine-generated"],
        "task_categories": _task_categories(schema),
        "tags": ["synthetic", "simulacra", "tabular"]
        + (["differential-privacy"] if manifest.promise is not None else []),
        "configs": [
            {
                "config_name": table.name,
                "data_files": [{"split": "train", "path": parquet[table.name]}],
                **({"default": True} if place == 0 and len(schema.tables) > 1 else {}),
            }
            for place, table in enumerate(schema.tables)
        ],
    }
    if licence == "other":
        header["license_name"] = _line(schema.licence)
    if manifest.rows:
        total = sum(manifest.rows.values())
        header["size_categories"] = [next((name for limit, name in _SIZES if total < limit), "n>1M")]
    return "---\n" + yaml.safe_dump(header, sort_keys=False, allow_unicode=True) + "---\n"


def _task_categories(schema: Schema) -> list[str]:
    """What the columns could be targets of."""
    kinds = {column.kind for table in schema.tables for column in table.columns}
    tasks = (("tabular-classification", {"categorical", "boolean"}), ("tabular-regression", {"integer", "real"}))
    return [task for task, targets in tasks if kinds & targets]


def _what_it_is(schema: Schema, manifest: Manifest) -> str:
    described = f"{_line(schema.description)}\n\n" if schema.description else ""
    return (
        "## What it is\n\n"
        f"**Synthetic data.** {described}"
        "No row describes a real person or event. A model was trained on the records of the source "
        f"`{_line(manifest.source)}`, and every row here was drawn from that model. Identifiers were made up in the "
        "format of the source.\n"
    )


def _promise(manifest: Manifest) -> str:
    promise = manifest.promise
    if promise is None:
        return (
            "## Privacy\n\n"
            "**There is no privacy promise.** The model was trained without differential privacy. Attacks on the "
            "release were tried before publication, but attacks that fail prove nothing about the next one. Treat "
            "these data under the rules of the records they imitate.\n"
        )
    unit = _line(promise.unit)
    return (
        "## Privacy\n\n"
        f"**({promise.epsilon:g}, {promise.delta:g})-differential privacy, by {unit}.** Whether or not one {unit}, "
        "with all its rows, was among the records changes the probability of any release by a factor of at most "
        f"e^{promise.epsilon:g}, up to a probability of {promise.delta:g} (relation: {promise.relation}). This covers "
        "everything here that the records could influence, except one bit: that the release was published at all "
        "tells that it kept the gate's thresholds, and this bit is not accounted for. The mechanisms stand in "
        "`manifest.json`; `privacy.md` says what is declared, what is not covered and what the source has spent.\n"
        + (f"\n**{promise.reserve}**\n" if promise.reserve else "")
    )


def _how_made(manifest: Manifest) -> str:
    versions = ", ".join(f"{_line(name)} {_line(version)}" for name, version in sorted(manifest.versions.items()))
    loosened = "".join(
        f"- The threshold for *{_line(name)}* was loosened to {value:g}.\n" for name, value in manifest.loosened.items()
    )
    return (
        "## How it was made\n\n"
        f"Release `{manifest.release}`, made {manifest.created} with {versions or 'Simulacra'}. Before publication it "
        "was compared with real records that the model had never seen, for fidelity, usefulness and leakage, and it "
        "kept every threshold that had been declared before the run. The figures themselves are computed on real "
        "records and stay with the data's owner.\n" + _engines(manifest) + (f"\n{loosened}" if loosened else "")
    )


def _engines(manifest: Manifest) -> str:
    """Engines that are software of others, with their terms."""
    lines = [
        f"\nTable `{_line(table)}` was drawn by the engine `{_line(terms['name'])}`: {_line(terms['software'])}, for "
        f"comparison. That software is under the {_line(terms['licence'])}, which is no open source licence and "
        "decides what it may be used for.\n"
        for table, terms in manifest.engines.items()
        if "software" in terms
    ]
    return "".join(lines)


def _tables(schema: Schema, manifest: Manifest, placed: dict[str, list[str]]) -> str:
    parts = ["## Tables\n"]
    for table in schema.tables:
        rows = f", {manifest.rows[table.name]:,} rows" if table.name in manifest.rows else ""
        files = ", ".join(f"`{name}`" for name in placed[table.name])
        parts.append(f"### {_line(table.name)}\n\n{files}{rows}. {_line(table.description)}".rstrip() + "\n")
        parts.append("| column | kind | description |\n|---|---|---|")
        parts.extend(_column_row(table, column) for column in table.columns)
        parts.append("")
    return "\n".join(parts)


def _column_row(table: Table, column: Column) -> str:
    notes = [_line(column.description)] if column.description else []
    if column.physical_unit:
        notes.append(f"in {_line(column.physical_unit)}")
    if column.name == table.primary_key:
        notes.append("primary key")
    if column.name == table.unit:
        notes.append("whose rows they are")
    return f"| `{_line(column.name)}` | {column.kind} | {'; '.join(notes)} |"


def _loading(schema: Schema, placed: dict[str, list[str]], parquet: Mapping[str, str]) -> str:
    blocks = ["## How to load it\n\nFrom this folder, without a network:\n"]
    for table in schema.tables:
        name, path = _identifier(table.name), parquet[table.name]
        blocks.append(
            f"```python\nimport pandas as pd\n{name} = pd.read_parquet({path!r})\n```\n\n"
            f"```sql\n-- DuckDB\nSELECT * FROM read_parquet({_sql(path)});\n```\n\n"
            "```python\n# Hugging Face; the path of this folder, or its name on the hub\n"
            "from pathlib import Path\nfrom datasets import load_dataset\n"
            f'{name} = load_dataset(str(Path.cwd()), {table.name!r}, split="train")\n```\n'
        )
    layouts = [table for table in schema.tables if placed[table.name] != [parquet[table.name]]]
    if layouts:
        blocks.append("`croissant.json` describes the same files. In the layout of the source:\n")
    for table in layouts:
        path = placed[table.name][0]
        blocks.append(
            f"```python\nimport pandas as pd\n{_identifier(table.name)} = {_pandas(table, path)}\n```\n\n"
            f"```sql\n-- DuckDB\n{_duckdb(table, path)}\n```\n"
        )
    return "\n".join(blocks)


def _pandas(table: Table, path: str) -> str:
    layout = table.format
    if layout.kind == "parquet":
        return f"pd.read_parquet({path!r})"
    if layout.kind == "jsonl":
        return f"pd.read_json({path!r}, lines=True)"
    missing = {column.name: list(table.missing_of(column)) for column in table.columns if column.missing is not None}
    spellings: Any = list(table.missing)
    if missing:
        spellings = {column.name: list(table.missing_of(column)) for column in table.columns}
    options = [repr(path)]
    if layout.delimiter != ",":
        options.append(f"sep={layout.delimiter!r}")
    if not layout.header:
        options.append(f"header=None, names={list(table.names)!r}")
    if layout.encoding.lower().replace("-", "") != "utf8":
        options.append(f"encoding={layout.encoding!r}")
    # A value such as "None" is a category here and not a missing value, as pandas would have it.
    options.append(f"keep_default_na=False, na_values={spellings!r}")
    return f"pd.read_csv({', '.join(options)})"


def _duckdb(table: Table, path: str) -> str:
    layout = table.format
    quoted = _sql(path)
    if layout.kind == "parquet":
        return f"SELECT * FROM read_parquet({quoted});"
    if layout.kind == "jsonl":
        return f"SELECT * FROM read_json({quoted}, format = 'newline_delimited');"
    options = [quoted, f"delim = {_sql(layout.delimiter)}", f"header = {str(layout.header).lower()}"]
    options.append(f"nullstr = [{', '.join(_sql(spelling) for spelling in table.missing)}]")
    if not layout.header:
        options.append(f"names = [{', '.join(_sql(name) for name in table.names)}]")
    return f"SELECT * FROM read_csv({', '.join(options)});"


def _limits(manifest: Manifest) -> str:
    lines = [
        "Good for developing and testing software, for teaching, and for finding questions worth asking. Confirm on "
        "real records what matters.",
        "What is rare in the source may be missing here, or too frequent; relations between many columns at once are "
        "weaker than between two.",
        "No row may be used to say anything about a real individual.",
        "The number of rows was chosen; it says nothing about the size of the source.",
    ]
    if manifest.promise is not None:
        lines.append(
            "Noise was added for privacy: small groups are blurred the most. The promise is per release; several "
            "releases of one source add up, and the source's ledger caps their sum."
        )
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


def _line(text: str) -> str:
    """Declared text on one line, without what would break a table or a code span."""
    return " ".join(_BACKTICKS.sub(" ", text).split())


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    cleaned = re.sub(r"\W", "_", name)
    return cleaned if cleaned.isidentifier() else f"table_{cleaned}"
