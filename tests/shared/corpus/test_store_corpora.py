"""Corpora in object stores: in memory and on a real S3 server, whole or not at all, and read as a stream."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shared.corpus import csv_reading, store_paths
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, ForeignKey, Format, Schema, Table
from shared.corpus.sources import checked_chunks, open_source_corpus, read_source
from shared.corpus.store_corpora import POINTER
from shared.corpus.store_paths import StorePath, as_file
from shared.corpus.targets import open_target_corpus, write_target
from shared.corpus.writing import write_corpus
from shared.errors import ConfigurationError, DataError, OutputError

FORMATS = (
    Format(),
    Format(compression="gz"),
    Format(compression="zst", delimiter=";"),
    Format(kind="parquet"),
    Format(kind="jsonl", compression="gz"),
)


def schema_of(format: Format) -> Schema:
    wards = Table(
        name="wards", primary_key="id", format=format, columns=(Column(name="id", kind="identifier", nullable=False),)
    )
    visits = Table(
        name="visits",
        format=format,
        primary_key="visit",
        foreign_keys=(ForeignKey(column="ward", table="wards"),),
        columns=(
            Column(name="visit", kind="integer", nullable=False),
            Column(name="ward", kind="identifier"),
            Column(name="dose", kind="real"),
            Column(name="day", kind="date"),
        ),
    )
    return Schema(tables=(wards, visits))


def corpus_of(format: Format, rows: int = 500) -> Corpus:
    random = np.random.default_rng(0)
    wards = pd.DataFrame({"id": pd.Series(["a", "b", "c"], dtype="str")})
    visits = pd.DataFrame(
        {
            "visit": pd.array(range(rows), dtype="Int64"),
            "ward": pd.Series(random.choice(["a", "b", "c"], rows), dtype="str"),
            "dose": random.normal(size=rows),
            "day": (pd.to_datetime("2020-01-01") + pd.to_timedelta(random.integers(0, 99, rows), unit="D")).astype(
                "datetime64[us]"
            ),
        }
    )
    return Corpus(schema_of(format), {"wards": wards, "visits": visits})


def equal(left: Corpus, right: Corpus) -> None:
    for name in left.tables:
        pd.testing.assert_frame_equal(left.tables[name], right.tables[name])


@pytest.fixture(params=["memory", "s3"])
def prefix(request) -> str:
    """A free place in either store."""
    if request.param == "s3":
        return f"{request.getfixturevalue('s3_bucket')}/deep/er"
    return f"memory://{secrets.token_hex(4)}/deep"


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: f"{format.kind}-{format.compression}")
def test_a_corpus_that_was_written_is_read_back(prefix: str, format: Format) -> None:
    corpus = corpus_of(format)
    write_target(corpus, prefix)
    equal(read_source(corpus.schema, prefix), corpus)
    names = {path.rpartition("/")[2] for path in as_file(prefix).sizes()}
    assert names == {POINTER, "schema.yaml", *(path.name for path in written(corpus))}
    with pytest.raises(OutputError, match=r"holds 'corpus.json' already; choose another prefix"):
        write_target(corpus, prefix)
    with pytest.raises(ConfigurationError, match="only tables of a database can be replaced"):
        write_target(corpus, prefix, replace=True)


def written(corpus: Corpus, folder: Path | None = None) -> list[Path]:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        write_corpus(corpus, Path(folder or name))
        return sorted(path for path in Path(folder or name).iterdir() if path.name != "schema.yaml")


def put(prefix: str, files: dict[str, bytes]) -> None:
    """Files of others."""
    for name, content in files.items():
        (as_file(prefix) / name).put(content)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: f"{format.kind}-{format.compression}")
def test_files_of_others_are_read_as_a_folder_or_by_a_pattern(prefix: str, format: Format, tmp_path: Path) -> None:
    corpus = corpus_of(format)
    files = {path.name: path.read_bytes() for path in written(corpus, tmp_path)}
    put(prefix, files)
    equal(read_source(corpus.schema, prefix), corpus)
    visits = next(name for name in files if name.startswith("visits"))
    one = Schema(tables=(replace(corpus.schema.table("visits"), foreign_keys=()),))
    for location in (f"{prefix}/{visits}", f"{prefix}/vis*"):
        pd.testing.assert_frame_equal(read_source(one, location).tables["visits"], corpus.tables["visits"])


def test_parts_of_a_table_are_read_in_order(prefix: str) -> None:
    schema = Schema(tables=(Table(name="t", columns=(Column(name="n", kind="integer"),)),))
    put(prefix, {"t/part-1.csv": b"n\n1\n2\n", "t/part-0.csv": b"n\n0\n", "t/notes.txt": b"?"})
    assert read_source(schema, prefix).tables["t"]["n"].tolist() == [0, 1, 2]
    assert read_source(schema, f"{prefix}/t/part-*").tables["t"]["n"].tolist() == [0, 1, 2]
    with pytest.raises(DataError, match=r"nothing at this URL"):
        read_source(schema, f"{prefix}/none-*")
    with pytest.raises(DataError, match=r"nothing at this URL"):
        read_source(schema, f"{prefix}/nothing")
    put(prefix, {"t/part-1.csv": b"n\n1\nx\n"})
    with pytest.raises(DataError, match=r"part-1.csv: row 2, column 'n'"):
        read_source(schema, prefix)


def test_a_local_url_is_a_path(tmp_path: Path) -> None:
    corpus = corpus_of(Format())
    write_target(corpus, f"file://{tmp_path}/a b")
    assert (tmp_path / "a b" / "visits.csv").is_file()
    equal(read_source(corpus.schema, f"file://{tmp_path}/a%20b"), corpus)


class Broken(OSError):
    """A connection that breaks."""


def failing(monkeypatch, store: StorePath, method: str, *, after: int):
    """The store's files fail after so many bytes."""
    opened = type(store.system).open

    def open_(self, path, mode="rb", **more):
        stream = opened(self, path, mode, **more)
        inner, count = getattr(stream, method), [0]

        def call(part, *rest):
            count[0] += len(part) if isinstance(part, bytes) else part
            if count[0] > after:
                raise Broken("connection reset by peer")
            return inner(part, *rest)

        if mode[0] == method[0]:
            setattr(stream, method, call)
        return stream

    monkeypatch.setattr(type(store.system), "open", open_)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: f"{format.kind}-{format.compression}")
def test_an_upload_that_breaks_leaves_nothing_that_looks_whole(monkeypatch, format: Format) -> None:
    url = f"memory://{secrets.token_hex(4)}"
    corpus = corpus_of(format)
    failing(monkeypatch, as_file(url), "write", after=2_000)
    with pytest.raises(OutputError, match="this cannot be written: connection reset by peer") as caught:
        write_target(corpus, url)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert as_file(url).sizes() == {}
    write_target(corpus, url)
    equal(read_source(corpus.schema, url), corpus)


def test_an_upload_of_which_nothing_can_be_removed_is_seen_by_no_reader(monkeypatch) -> None:
    url = f"memory://{secrets.token_hex(4)}"
    corpus = corpus_of(Format())
    monkeypatch.setattr(StorePath, "remove", lambda self: (_ for _ in ()).throw(OutputError("gone")))

    def interrupted() -> None:
        with open_target_corpus(corpus.schema, url) as writer:
            writer.write("wards", corpus.tables["wards"])
            writer.write("visits", corpus.tables["visits"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert as_file(url).sizes()
    with pytest.raises(DataError, match="no file for table 'wards'"):
        read_source(corpus.schema, url)
    write_target(corpus, url)
    equal(read_source(corpus.schema, url), corpus)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: f"{format.kind}-{format.compression}")
def test_a_connection_that_breaks_while_reading_is_told_in_one_line(monkeypatch, format: Format) -> None:
    url = f"memory://{secrets.token_hex(4)}"
    corpus = corpus_of(format)
    write_target(corpus, url)
    failing(monkeypatch, as_file(url), "read", after=200)
    with pytest.raises(DataError, match="this cannot be read: connection reset by peer") as caught:
        read_source(corpus.schema, url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: f"{format.kind}-{format.compression}")
def test_content_that_ends_too_early_is_an_error_and_not_the_end(monkeypatch, format: Format) -> None:
    url = f"memory://{secrets.token_hex(4)}"
    corpus = corpus_of(format)
    write_target(corpus, url)
    told = type(as_file(url).system).info
    longer = lambda self, path, **more: told(self, path, **more) | {"size": told(self, path)["size"] + 7}  # noqa: E731
    monkeypatch.setattr(type(as_file(url).system), "info", longer)
    with pytest.raises(DataError, match="breaks off at byte|no readable Parquet"):
        read_source(corpus.schema, url)


def test_an_object_that_is_replaced_meanwhile_is_an_error(prefix: str) -> None:
    schema = Schema(tables=(Table(name="t", columns=(Column(name="n", kind="integer"),)),))
    put(prefix, {"t.csv": b"n\n1\n"})
    with open_source_corpus(schema, prefix) as source:
        assert len(next(checked_chunks(source, "t"))) == 1
        put(prefix, {"t.csv": b"n\n1\n2\n"})
        with pytest.raises(DataError, match="changed while it was read"):
            next(checked_chunks(source, "t"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pointer: b"{",
        lambda pointer: json.dumps(pointer | {"folder": "../../elsewhere"}).encode(),
        lambda pointer: json.dumps(pointer | {"format": "other/1"}).encode(),
        lambda pointer: json.dumps(pointer | {"files": pointer["files"] | {"visits.csv": 5}}).encode(),
    ],
)
def test_a_pointer_that_is_damaged_or_does_not_fit_is_refused(prefix: str, spoil) -> None:
    corpus = corpus_of(Format())
    write_target(corpus, prefix)
    place = as_file(prefix) / POINTER
    pointer = json.loads(place.read_text("utf-8"))
    place.put(spoil(pointer))
    with pytest.raises(DataError, match="write the corpus again"):
        read_source(corpus.schema, prefix)


def test_reading_streams(s3_bucket: str, monkeypatch) -> None:
    monkeypatch.setattr(csv_reading, "_BLOCK", 1 << 16)
    monkeypatch.setattr(store_paths, "_PIECE", 1 << 16)
    # How far pyarrow reads ahead is a matter of luck, of a megabyte or so.
    corpus = corpus_of(Format(), rows=150_000)
    write_target(corpus, s3_bucket + "/large")
    fetched: list[int] = []
    place = as_file(s3_bucket + "/large")
    readinto = store_paths._Pieces.readinto

    def counted(self, buffer):
        fetched.append(readinto(self, buffer))
        return fetched[-1]

    monkeypatch.setattr(store_paths._Pieces, "readinto", counted)
    size = sum(place.sizes().values())
    with open_source_corpus(corpus.schema, s3_bucket + "/large") as source:
        chunks = source.chunks("visits", rows=1_000)
        next(chunks)
        assert 0 < sum(fetched) < size / 2
        chunks.close()


def test_a_place_that_cannot_be_reached_or_is_taken_is_told(s3_bucket: str) -> None:
    corpus = corpus_of(Format())
    with pytest.raises(OutputError, match="no such bucket"):
        write_target(corpus, "s3://nowhere-at-all/x")
    put(s3_bucket, {"x/notes.txt": b"mine"})
    with pytest.raises(OutputError, match=r"holds 'notes.txt' already"):
        write_target(corpus, f"{s3_bucket}/x")
    with pytest.raises(OutputError, match="is there already"):
        write_target(corpus, f"{s3_bucket}/x/notes.txt")
