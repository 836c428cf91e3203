"""Tiny random encoders of the architectures that the shipped configurations name, made offline."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.conftest import LETTERS, WORDS

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
"""Of every encoder here."""


def bert() -> tuple[Any, Any]:
    """As all-MiniLM, BERT and ConfliBERT: word pieces, token types, absolute positions."""
    from transformers import BertConfig, BertModel, BertTokenizer

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    pieces += [piece for letter in LETTERS for piece in (letter, f"##{letter}")]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **SHAPE)
    return BertTokenizer(vocab=vocabulary), BertModel(config)


def roberta() -> tuple[Any, Any]:
    """Bytes, no token types, positions that start after the padding's."""
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    model = _byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    config = RobertaConfig(
        vocab_size=len(model["vocab"]), max_position_embeddings=66, type_vocab_size=1, **SHAPE
    )
    merges = [tuple(pair) for pair in model["merges"]]
    return RobertaTokenizer(vocab=model["vocab"], merges=merges), RobertaModel(config)


def modernbert() -> tuple[Any, Any]:
    """As ModernBERT-base: rotary positions, layers that look at neighbours only.

    Its tokenizer promises token types, which the encoder does not take.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import ModernBertConfig, ModernBertModel, PreTrainedTokenizerFast

    special = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    model = _byte_pairs(special)
    merges = [tuple(pair) for pair in model["merges"]]
    inner = Tokenizer(models.BPE(vocab=model["vocab"], merges=merges, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(token, model["vocab"][token]) for token in ("[CLS]", "[SEP]")],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    config = ModernBertConfig(
        vocab_size=len(model["vocab"]),
        max_position_embeddings=64,
        local_attention=8,
        global_attn_every_n_layers=3,
        pad_token_id=1,
        bos_token_id=2,
        eos_token_id=3,
        cls_token_id=2,
        sep_token_id=3,
        **SHAPE,
    )
    return tokenizer, ModernBertModel(config)


def deberta() -> tuple[Any, Any]:
    """As DeBERTa-v3: unigram pieces, relative positions, no token types."""
    from transformers import DebertaV2Config, DebertaV2Model, DebertaV2Tokenizer

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    pieces = [(piece, 0.0) for piece in special]
    pieces += [(f"▁{word}", -2.0) for word in WORDS]
    pieces += [(letter, -6.0) for letter in (*LETTERS, "▁")] + [("[MASK]", 0.0)]
    config = DebertaV2Config(
        vocab_size=len(pieces),
        max_position_embeddings=64,
        relative_attention=True,
        position_buckets=16,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
        **SHAPE,
    )
    return DebertaV2Tokenizer(vocab=pieces), DebertaV2Model(config)


def mpnet() -> tuple[Any, Any]:
    """As all-mpnet-base: word pieces between RoBERTa's marks, positions absolute and relative."""
    from transformers import MPNetConfig, MPNetModel, MPNetTokenizer

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>", *WORDS]
    pieces += [piece for letter in LETTERS for piece in (letter, f"##{letter}")]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    config = MPNetConfig(vocab_size=len(vocabulary), max_position_embeddings=66, **SHAPE)
    return MPNetTokenizer(vocab=vocabulary), MPNetModel(config)


ARCHITECTURES = {make.__name__: make for make in (bert, roberta, modernbert, deberta, mpnet)}


def write_encoder(architecture: str, folder: Path) -> Path:
    """Save a tiny encoder as its makers would, with the weights that seed 0 draws."""
    import torch

    torch.manual_seed(0)
    tokenizer, encoder = ARCHITECTURES[architecture]()
    encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _byte_pairs(special: Iterable[str]) -> Any:
    """Return vocabulary and merges of a byte-level BPE that was trained on the tests' words."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        [" ".join(WORDS)] * 5, vocab_size=400, special_tokens=list(special), show_progress=False
    )
    return json.loads(tokenizer.to_str())["model"]
