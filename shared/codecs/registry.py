"""Which codec serves which kind of column."""

from __future__ import annotations

from collections.abc import Mapping

from shared.codecs.boolean import BooleanCodec
from shared.codecs.categorical import CategoricalCodec
from shared.codecs.contract import Codec
from shared.codecs.identifier import IdentifierCodec
from shared.codecs.number import NumberCodec
from shared.corpus.schema import Kind

_CLASSES: Mapping[Kind, type[Codec]] = {
    "categorical": CategoricalCodec,
    "integer": NumberCodec,
    "real": NumberCodec,
    "date": NumberCodec,
    "datetime": NumberCodec,
    "boolean": BooleanCodec,
    "identifier": IdentifierCodec,
}


def codec_class(kind: Kind) -> type[Codec]:
    """The codec of a column kind."""
    return _CLASSES[kind]
