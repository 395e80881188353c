"""Models that packages carry, as folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.engines.language.conversion import converted, packaged_model
from shared.errors import ConfigurationError, DataError
from shared.training.reporter import SilentReporter


def test_a_package_that_is_not_there_says_how_to_get_it():
    with pytest.raises(ConfigurationError, match="run `make models`"):
        packaged_model("some-model", package="no_such_package")


def test_a_package_without_a_model_says_so_too():
    with pytest.raises(ConfigurationError, match="run `make models`"):
        packaged_model("some-model", package="json")


def test_what_was_converted_is_not_converted_again(llama: Path):
    missing = llama / "nothing.gguf"
    assert converted(missing, llama.parent, llama.name, reporter=SilentReporter()) == llama


def test_a_file_that_is_no_model_leaves_nothing_behind(tmp_path: Path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(DataError, match="no model that can be converted"):
        converted(broken, tmp_path / "models", "broken", reporter=SilentReporter())
    assert not (tmp_path / "models").exists()


def test_a_gguf_file_becomes_a_model_that_learns(tmp_path: Path):
    import numpy as np
    from gguf import GGUFWriter

    from shared.engines.language.config import LanguageConfig
    from shared.engines.language.engine import LanguageEngine

    path = tmp_path / "tiny.gguf"
    _write_llama(GGUFWriter(path, "llama"), np.random.default_rng(0))
    folder = converted(path, tmp_path / "models", "tiny", reporter=SilentReporter())
    engine = LanguageEngine.fresh(
        LanguageConfig.with_settings({"network": "pretrained", "base": str(folder), "rank": 2}, private=False), seed=0
    )
    assert np.isfinite(engine.log_density(engine.encoded(["ab"], ["ba"]))).all()
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == ["tiny"]


def _write_llama(writer, random) -> None:
    """One layer of width 16, with a vocabulary of bytes."""
    import gguf
    from tokenizers import pre_tokenizers

    pieces = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "ab"]
    width, wide = 16, 32
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(wide)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(width // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(pieces))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(pieces)
    writer.add_token_types([gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL] * (len(pieces) - 3))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    shapes = {
        "token_embd": (len(pieces), width),
        "output_norm": (width,),
        "blk.0.attn_norm": (width,),
        "blk.0.ffn_norm": (width,),
        **{f"blk.0.attn_{part}": (width, width) for part in ("q", "k", "v", "output")},
        "blk.0.ffn_gate": (wide, width),
        "blk.0.ffn_up": (wide, width),
        "blk.0.ffn_down": (width, wide),
    }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(size=shape).astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
