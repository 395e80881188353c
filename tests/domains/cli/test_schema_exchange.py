"""SDV's metadata from and to the command line."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.domains.cli.clinic import Cli, Clinic


def test_a_schema_goes_out_and_comes_back_and_says_what_a_private_run_needs(clinic: Clinic, cli: Cli, tmp_path) -> None:
    metadata, back = tmp_path / "metadata.json", tmp_path / "back.yaml"
    out = cli("schema", "export", clinic.folder / "schema.yaml", "--out", metadata)
    assert out.code == 0, out.err
    assert "warning: visits.age: low, high not carried: V1 has no place for it (V2 has)" in out.out
    content = json.loads(metadata.read_text())
    assert content["METADATA_SPEC_VERSION"] == "V1"
    assert content["tables"]["visits"]["sequence_key"] == "patient"
    assert content["tables"]["visits"]["columns"]["visit"] == {"sdtype": "id", "regex_format": "V[0-9]{7}"}
    came = cli("schema", "import", metadata, "--out", back)
    assert came.code == 0, came.err
    assert "a private run would still need: visits: column 'age': declare low and high" in came.out
    assert "categories of sex are not declared; a private run pays for them" in came.out
    clinic.configure(schema=str(back))
    fitted = cli("fit", clinic.config, "--out", tmp_path / "model")
    assert fitted.code == 0, fitted.err
    clinic.configure(schema=str(back), privacy={"epsilon": 3, "rows": 3})
    cli("fit", clinic.config, "--out", tmp_path / "private").assert_refused("column 'age': declare low and high")


def test_ranges_of_v2_are_marked_unless_they_are_declared(clinic: Clinic, cli: Cli, tmp_path) -> None:
    metadata = tmp_path / "metadata.json"
    assert cli("schema", "export", clinic.folder / "schema.yaml", "--spec", "V2", "--out", metadata).code == 0
    needed = {}
    for name, options in (("marked", []), ("declared", ["--declared"])):
        came = cli("schema", "import", metadata, "--out", tmp_path / f"{name}.yaml", "--json", *options)
        assert came.code == 0, came.err
        needed[name] = " ".join(came.json["needed"])
    assert "declare low and high (read off records so far)" in needed["marked"]
    assert "declare" not in needed["declared"]
    marked = yaml.safe_load((tmp_path / "marked.yaml").read_text())["tables"][0]["columns"]
    assert [column["name"] for column in marked if "low" in column.get("learned", [])] == ["age", "weight", "day"]


def test_files_that_are_no_metadata_end_with_one_line(cli: Cli, tmp_path: Path) -> None:
    def refused(text: str, *parts: str) -> None:
        (tmp_path / "m.json").write_text(text)
        cli("schema", "import", tmp_path / "m.json", "--out", tmp_path / "s.yaml").assert_refused("m.json", *parts)
        assert not (tmp_path / "s.yaml").exists()

    refused("{", "no JSON that can be read")
    refused("[" * 100_000, "no JSON that can be read")
    refused('{"tables": {}, "tables": {}}', "key 'tables' stands twice")
    refused('{"tables": {}}', "METADATA_SPEC_VERSION")
    refused('{"METADATA_SPEC_VERSION": "V1", "tables": {"a": {"columns": {}}}}', "has no columns")
    cli("schema", "import", tmp_path / "none.json", "--out", tmp_path / "s.yaml").assert_refused(
        "there is no such file"
    )
    (tmp_path / "s.yaml").write_text("mine")
    good = '{"METADATA_SPEC_VERSION": "V1", "tables": {"a": {"columns": {"b": {"sdtype": "boolean"}}}}}'
    (tmp_path / "m.json").write_text(good)
    cli("schema", "import", tmp_path / "m.json", "--out", tmp_path / "s.yaml").assert_refused("exists already")
    assert (tmp_path / "s.yaml").read_text() == "mine"
