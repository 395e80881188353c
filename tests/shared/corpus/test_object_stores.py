"""File systems behind URLs, on a real S3 server."""

import pytest

from shared.corpus.object_stores import file_system, is_url, reading_from, writing_to
from shared.errors import ConfigurationError, DataError, OutputError


def test_what_is_written_to_s3_is_read_back(s3_bucket):
    system, path = file_system(f"{s3_bucket}/folder")
    with system.open(f"{path}/numbers.csv", "wb") as stream:
        for _ in range(200):
            stream.write(b"1234567,\n" * 4_000)
    assert system.size(f"{path}/numbers.csv") == 200 * 4_000 * 9
    assert system.find(path) == [f"{path}/numbers.csv"]
    with system.open(f"{path}/numbers.csv", "rb") as stream:
        assert stream.read(9) == b"1234567,\n"


def test_a_path_is_no_url():
    assert [is_url(text) for text in ("records.csv", "/tmp/a", "C:\\a", "s3://b", "memory://m")] == [
        False, False, False, True, True,
    ]  # fmt: skip


def test_wrong_credentials_are_told_in_one_line(s3_bucket, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    system, path = file_system(f"{s3_bucket}/a")
    with pytest.raises(OutputError, match="access is denied; check AWS_ACCESS_KEY_ID"), writing_to(s3_bucket):
        system.pipe_file(f"{path}/b", b"1")


def test_a_bucket_that_is_not_there_is_told_in_one_line(s3_bucket):
    system, _ = file_system(s3_bucket)
    with pytest.raises(OutputError, match="no such bucket"), writing_to("s3://nowhere"):
        system.pipe_file("nowhere/b", b"1")
    with pytest.raises(DataError, match="nothing at this URL"), reading_from(f"{s3_bucket}/a"):
        system.open(f"{s3_bucket[5:]}/a", "rb")


def test_a_store_that_takes_no_chunked_uploads_is_told_with_its_remedy(s3_bucket, monkeypatch):
    monkeypatch.delenv("AWS_REQUEST_CHECKSUM_CALCULATION")
    system, path = file_system(f"{s3_bucket}/a")
    with pytest.raises(OutputError, match="AWS_REQUEST_CHECKSUM_CALCULATION=when_required"), writing_to(s3_bucket):
        system.pipe_file(f"{path}/b", b"1")


def test_credentials_in_a_url_are_refused_and_not_repeated():
    with pytest.raises(ConfigurationError, match="carries credentials") as caught:
        file_system("s3://key:topsecret@bucket/folder")
    assert "topsecret" not in str(caught.value)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(ConfigurationError, match="protocol 'nonsense' is not known"):
        file_system("nonsense://a/b")


def test_a_protocol_whose_package_is_missing_names_it():
    with pytest.raises(ConfigurationError, match="needs a package that is not installed.*gcsfs"):
        file_system("gs://bucket/a")


def test_the_postgres_fixture_serves_a_database_of_its_own(postgres_server, postgres_url):
    name = postgres_url.rpartition("/")[2]
    assert postgres_server.run("SELECT current_database()", name) == [(name,)]
