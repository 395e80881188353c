"""``simulacra compare``: two evaluations of the same records, one of which copies a column's values at random."""

from __future__ import annotations

from tests.domains.cli.clinic import HEADER, visits


def evaluated(cli, clinic, name: str, lines: list[str]):
    folder = clinic.folder
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    outcome = cli(
        "evaluate", "--schema", folder / "schema.yaml", "--train", folder / "train.csv",
        "--holdout", folder / "holdout.csv", "--synthetic", folder / f"{name}.csv", "--out", folder / name,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    return folder / name


def test_what_got_worse_is_told(cli, clinic):
    for part, seed in (("train", 1), ("holdout", 2)):
        (clinic.folder / f"{part}.csv").write_text("\n".join(visits(300, seed)) + "\n")
    good = visits(300, 3)
    bad = [HEADER, *(line.replace(",F,", ",M,") for line in good[1:])]
    first, second = (evaluated(cli, clinic, name, lines) for name, lines in (("first", good), ("second", bad)))
    page = clinic.folder / "comparison.html"
    outcome = cli("compare", first, second, "--out", page, "--json")
    assert outcome.code == 0, outcome.err
    changes = {score["name"]: score["change"] for score in outcome.json["scores"]}
    assert changes["column agreement"] == "worse"
    assert outcome.json["out"] == str(page)
    assert "▼ Worse: " in page.read_text()
    cli("compare", first, second, "--out", page).assert_refused("exists already")
    said = cli("compare", second, first, "--out", clinic.folder / "other.html").out
    assert "better in B: " in said
    assert "column agreement" in said


def test_a_folder_without_scores_is_refused(cli, clinic):
    outcome = cli("compare", clinic.folder, clinic.folder, "--out", clinic.folder / "page.html")
    outcome.assert_refused("holds no scores.json", "give a release")
