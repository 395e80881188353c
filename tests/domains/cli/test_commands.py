"""Commands for people and for scripts: help, --json, first corpora, drafts of schemas."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.domains.cli.clinic import Cli, Clinic

COMMANDS = [
    ("simulate",),
    ("schema", "infer"),
    ("fit",),
    ("sample",),
    ("clean",),
    ("corpus",),
    ("evaluate",),
    ("release",),
    ("ledger", "show"),
    ("ledger", "cap"),
    ("ledger", "history"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example(command: tuple[str, ...], cli: Cli) -> None:
    outcome = cli(*command, "--help")
    assert outcome.code == 0
    assert f"Example: simulacra {' '.join(command)} " in " ".join(outcome.out.split())


def test_help_lists_the_commands_and_what_exit_codes_mean(cli: Cli) -> None:
    text = cli("--help").out
    assert all(command[0] in text for command in COMMANDS)
    assert "3 gate refused" in " ".join(text.split())


def test_the_version(cli: Cli) -> None:
    assert cli("--version").out.startswith("simulacra ")


def test_nothing_but_the_outcome_is_printed_when_this_is_no_terminal(clinic: Clinic, cli: Cli) -> None:
    outcome = cli("fit", clinic.config, "--out", clinic.folder / "model")
    assert outcome.err == ""
    assert outcome.out.count("\n") == 1


def test_json_is_one_object_and_nothing_else(clinic: Clinic, cli: Cli, tmp_path: Path) -> None:
    fitted = cli("fit", clinic.config, "--json", "--out", tmp_path / "model")
    assert fitted.json == {
        "model": str(tmp_path / "model"),
        "source": "clinic",
        "tables": ["visits"],
        "units": 200,
        "privacy": "none",
    }
    sampled = cli("sample", tmp_path / "model", "--units", 9, "--seed", 1, "--json", "--out", tmp_path / "out").json
    assert sampled["units"] == 9
    assert sampled["rows"]["visits"] >= 9
    assert cli("ledger", "show", "--json").json["sources"][0]["source"] == "clinic"


def test_a_first_corpus_comes_from_public_knowledge(cli: Cli, tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        outcome = cli("simulate", "medical", "--units", 30, "--seed", seed, "--json", "--out", tmp_path / name)
        assert outcome.code == 0, outcome.err
    (table,) = outcome.json["rows"]
    (file,) = [path.name for path in (tmp_path / "a").iterdir() if path.name.startswith(f"{table}.")]
    assert (tmp_path / "a" / "schema.yaml").exists()
    assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / file).read_bytes() != (tmp_path / "c" / file).read_bytes()


def test_a_domain_without_a_simulator_says_so(cli: Cli, tmp_path: Path) -> None:
    cli("simulate", "plain", "--units", 5, "--out", tmp_path / "x").assert_refused("has no simulator")
    assert not (tmp_path / "x").exists()


def test_a_drafted_schema_marks_what_it_learned_and_can_be_used(clinic: Clinic, cli: Cli) -> None:
    drafted = clinic.folder / "drafted.yaml"
    outcome = cli("schema", "infer", clinic.records, "--out", drafted, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["tables"] == {"visits": 7}
    columns = {column["name"]: column for column in yaml.safe_load(drafted.read_text())["tables"][0]["columns"]}
    assert "low" in columns["age"]["learned"]
    assert outcome.json["learned"] == sum(len(column.get("learned", [])) for column in columns.values())
    clinic.configure(schema="drafted.yaml")
    assert cli("fit", clinic.config, "--out", clinic.folder / "model").code == 0


def test_a_private_run_refuses_what_was_only_learned(clinic: Clinic, cli: Cli) -> None:
    assert cli("schema", "infer", clinic.records, "--out", clinic.folder / "drafted.yaml").code == 0
    clinic.configure(schema="drafted.yaml", privacy={"epsilon": 3, "rows": 2, "cap": {"epsilon": 3}})
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused("'weight'", "read off records")


def test_a_schema_file_that_exists_is_kept(clinic: Clinic, cli: Cli) -> None:
    before = (clinic.folder / "schema.yaml").read_text()
    cli("schema", "infer", clinic.records, "--out", clinic.folder / "schema.yaml").assert_refused("exists already")
    assert (clinic.folder / "schema.yaml").read_text() == before


def test_a_schema_of_a_file_that_is_missing(clinic: Clinic, cli: Cli) -> None:
    before = clinic.left()
    cli("schema", "infer", clinic.folder / "absent.csv", "--out", clinic.folder / "x.yaml").assert_refused("absent.csv")
    assert clinic.left() == before


def test_threads_are_one_unless_told_otherwise(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.delenv("OMP_NUM_THREADS")
    torch.set_num_threads(2)
    assert cli("ledger", "show").code == 0
    assert torch.get_num_threads() == 1
    assert cli("--threads", 2, "ledger", "show").code == 0
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
