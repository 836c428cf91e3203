"""A text as the encoder reads it: what must not move a label is written in one way."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable
from typing import Any

from tokenizers import Regex, normalizers
from transformers import PreTrainedTokenizerFast

from stance.actors import LEADERS, gazetteer

Pairs = list[tuple[str, str]]

_MARKS: Pairs = [
    (r"(?<=\w)’(?=\w)", "'"),
    (r"[«‹]\s*|\s*[»›]|``|''|[“”„‟]|(?<!\w)['‘’‚]|['‘’](?!\w)", '"'),
    (r"\s*(?:--+|[‒–—―])\s*", " - "),
    ("[‐‑]", "-"),
    ("…", "..."),
    (r"(?<!\.)\.\s*\z", ""),
    (r"(?i)\bwon't\b", "will not"),
    (r"(?i)(?<=\bca)n't\b", "nnot"),
    (r"(?i)(?<=\w)n't\b", " not"),
    (r"(?i)(?<=\w)'ll\b", " will"),
    (r"(?i)(?<=\w)'re\b", " are"),
    (r"(?i)(?<=\w)'ve\b", " have"),
]
"""What is found, and what is read in its place, in this order: apostrophes within a word; every
other mark of quotation, an apostrophe after a plural too; dashes; an ellipsis; a last full stop,
which a headline lacks and a caption may; words drawn together ("don't")."""

_OTHER_WORDS = {"Male", "Polish", "US"}
"""Names that in small letters are other words."""


def in_one_way(tokenizer: Any, *, mask_actors: bool = False) -> Any:
    """Return a tokenizer that reads marks of punctuation and contractions in one way.

    It stands in the tokenizer's own normalizer: it is saved with it, holds wherever the model
    scores, and offsets still point into the text as it was given.

    Args:
        tokenizer: One of the `tokenizers` library, with an encoder's special tokens. One that was
            returned by this function reads no text twice.
        mask_actors: Whether it reads every state, and every armed group, as one and the same.

    Returns:
        A tokenizer of no encoder's class: transformers makes the normalizer of such a class anew
        when it loads one, and what was saved would be lost.
    """
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    there = backend.to_str()
    for pairs in [_MARKS, _actors()] if mask_actors else [_MARKS]:
        if json.dumps(pairs[0][0], ensure_ascii=False) not in there:
            steps = [normalizers.Replace(Regex(found), read) for found, read in pairs]
            rest = [backend.normalizer] if backend.normalizer is not None else []
            backend.normalizer = normalizers.Sequence([*steps, *rest])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        padding_side=tokenizer.padding_side,
        truncation_side=tokenizer.truncation_side,
        **tokenizer.special_tokens_map,
    )


def _actors() -> Pairs:
    """Return how the names of states and armed groups are found, and what is read in their place.

    The forms are those that `stance.actors.swap` exchanges, so that a text and the same about
    another actor become one: "an Iranian envoy" and "the United States' offer" what "a Norwegian
    envoy" and "Norway's offer" become. One state stands for all, and a word for all groups (entity
    masking, as in relation extraction: Zhang et al. 2017, TACRED).
    """
    forms: dict[str, set[str]] = {}
    for actor in gazetteer().values():
        for kind, own in actor.forms.items():
            forms.setdefault(f"{actor.type} {kind}", set()).update(own)
    places = (forms["state capitals"] | forms["state seats"]) - forms["state names"]
    groups = forms["armed group names"] | forms["armed group people"]
    adjective = _any_of(forms["state adjectives"])
    return [  # the longer name first: "Kosovo Liberation Army", "Mexico City", "Mexico", "Mexican"
        (rf"(?i:\bthe )?{_any_of(groups)}", "the rebels"),
        (rf"(?i:\ban? )?{_any_of(forms['armed group adjectives'])}", "a rebel"),
        (rf"(?i:\bthe )?{_any_of(places)}", "Ottawa"),
        (rf"(?i:\bthe )?{_any_of(forms['state names'])}", "Canada"),
        (rf"(?i:\ban )(?={adjective})", "a "),
        (adjective, "Canadian"),
        (_any_of(forms["state people"]), "Canadians"),
        (rf"(?<=Canadian ){_any_of(LEADERS)}", "leader"),
        (r"(?<=Canada|Ottawa|the rebels)['’](?= \w)", "'s"),
    ]


def _any_of(names: Iterable[str]) -> str:
    """Return a pattern of whole words, the longest first."""
    tree: dict[str, Any] = {}
    for name in sorted(set(names) - _OTHER_WORDS):  # the same pattern in every process
        branch = tree
        for letter in name.lower():
            branch = branch.setdefault(letter, {})
        branch[""] = {}
    exact = "|".join(f"(?-i:{name})" for name in sorted(_OTHER_WORDS & set(names)))
    return rf"(?<!\w)(?i:{_pattern(tree)}{'|' + exact if exact else ''})(?!\w)"


def _pattern(tree: dict[str, Any]) -> str:
    """Return a pattern of the words of a tree of letters: each letter is looked at once, where a
    list of the words would be gone through at every place of a text."""
    branches = [re.escape(letter) + _pattern(rest) for letter, rest in tree.items() if letter]
    if not branches:
        return ""
    return f"(?:{'|'.join(branches)})" + "?" * ("" in tree)
