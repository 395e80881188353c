"""Text to token ids and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engines.language.tokenisers import ByteTokeniser, FileTokeniser, tokeniser_from
from shared.errors import ConfigurationError, DataError


@given(st.text())
@settings(deadline=None)
def test_bytes_give_every_text_back(text):
    tokeniser = ByteTokeniser()
    ids = tokeniser.encode(text)
    assert tokeniser.decode([*ids, tokeniser.end]) == text
    assert b"".join(tokeniser.pieces[i] for i in ids).decode() == text


def test_bytes_that_are_cut_in_a_character_do_not_stop_decoding():
    assert ByteTokeniser().decode("é".encode()[:1]) == "\ufffd"


def test_a_file_gives_every_text_back(llama: Path):
    tokeniser = tokeniser_from(str(llama))
    pieces = tokeniser.pieces

    @given(st.text(st.characters(codec="utf-8")))
    @settings(deadline=None)
    def holds(text: str) -> None:
        ids = tokeniser.encode(text)
        assert tokeniser.decode([*ids, tokeniser.end]) == text
        assert b"".join(pieces[i] for i in ids).decode() == text

    holds()


def test_files_that_are_none_are_refused(tmp_path: Path, llama: Path):
    with pytest.raises(ConfigurationError, match="no tokeniser file"):
        tokeniser_from(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="is no tokeniser file"):
        tokeniser_from(str(tmp_path))
    with pytest.raises(ConfigurationError, match="the token that ends a text is 999"):
        FileTokeniser(llama / "tokenizer.json", end_id=999)
