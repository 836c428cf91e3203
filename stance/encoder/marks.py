"""Punctuation written in one way, so that the style of a source does not move a label."""

from __future__ import annotations

import copy
from typing import Any

from tokenizers import Regex, normalizers
from transformers import PreTrainedTokenizerFast

_ONE_WAY = (
    (r"(?<=\w)’(?=\w)", "'"),
    (r"[«‹]\s*|\s*[»›]|``|''|[“”„‟]|(?<!\w)['‘’‚]|['‘’](?!\w)", '"'),
    (r"\s*(?:--+|[‒–—―])\s*", " - "),
    ("[‐‑]", "-"),
    ("…", "..."),
    (r"(?<!\.)\.\s*\z", ""),
)
"""What is found, and what is read in its place, in this order: apostrophes within a word; every
other mark of quotation, an apostrophe after a plural too; dashes; an ellipsis; a last full stop,
which a headline lacks and a caption may."""


def with_plain_marks(tokenizer: Any) -> Any:
    """Return a tokenizer that reads quotation marks, dashes and a last full stop in one way.

    It stands in the tokenizer's own normalizer: it is saved with it, holds wherever the model
    scores, and offsets still point into the text as it was given.

    Args:
        tokenizer: One of the `tokenizers` library, with an encoder's special tokens.

    Returns:
        A tokenizer of no encoder's class: transformers makes the normalizer of such a class anew
        when it loads one, and what was saved would be lost.
    """
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    plain = [normalizers.Replace(Regex(found), read) for found, read in _ONE_WAY]
    rest = [backend.normalizer] if backend.normalizer is not None else []
    backend.normalizer = normalizers.Sequence([*plain, *rest])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        padding_side=tokenizer.padding_side,
        truncation_side=tokenizer.truncation_side,
        **tokenizer.special_tokens_map,
    )
