"""Texts as arrays of token ids."""

from __future__ import annotations

import numpy as np
import pytest

from shared.engines.encoded import Texts
from shared.errors import DataError


def test_a_text_is_its_prompt_and_what_follows():
    texts = Texts.of([[1, 2], []], [[3], [4, 5]], 9, rows=np.array([7, 3]))
    assert len(texts) == texts.examples == 2
    assert texts.ids(0).tolist() == [1, 2, 3]
    assert texts.written(0).tolist() == [3]
    assert texts.written(1).tolist() == [4, 5]
    assert texts.lengths.tolist() == [3, 2]


def test_examples_are_groups_of_texts():
    texts = Texts.of([[]] * 4, [[1]] * 4, 9, groups=np.array([0, 1, 1, 4]))
    which, places = texts.of_examples(np.array([2, 0, 1]))
    assert which.tolist() == [1, 2, 3, 0]
    assert places.tolist() == [0, 0, 0, 1]
    assert [part.tolist() for part in texts.of_examples(np.zeros(0, dtype=np.int64))] == [[], []]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"tokens": np.array([1], dtype=np.int32)}, "do not fit"),
        ({"size": 2}, "none of the 2"),
        ({"prompts": np.array([3])}, "longer than its text"),
        ({"rows": np.array([1, 2])}, "do not fit"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, wanted):
    right = {
        "tokens": np.array([1, 2], dtype=np.int32),
        "offsets": np.array([0, 2]),
        "prompts": np.array([1]),
        "rows": np.array([0]),
        "size": 9,
    }
    Texts(**right)
    with pytest.raises(DataError, match=wanted):
        Texts(**{**right, **change})
