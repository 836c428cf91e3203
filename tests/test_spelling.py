"""Slips of the pen are read as what was meant, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stance.runtime import Scorer
from stance.spelling import Spelling

WORDPIECE = ["[UNK]", "agreed", "trail", "trial", "peace", "united", "talks", "##agree", "##d", "a"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("They agered to it.", "They agreed to it."),
        ("They agreed to it.", "They agreed to it."),
        ("The trial ended.", "The trial ended."),  # known, though a slip away from another
        ("Agerde", "Agerde"),  # a name may be anything
        ("two-agered, agered's", "two-agered, agered's"),  # a part of a word is not a word
        ("a paece of nuited tlaks", "a peace of united talks"),
        ("the ipso facto agerdd", "the ipso facto agerdd"),  # two slips
    ],
)
def test_two_letters_the_wrong_way_round_are_turned(text: str, read: str) -> None:
    assert Spelling(WORDPIECE).mended(text) == read


def test_a_word_that_may_mean_two_is_left() -> None:
    assert Spelling(["bacdef", "abdcef"]).mended("abcdef") == "abcdef"


@pytest.mark.parametrize("blank", ["Ġ", "▁"])
def test_words_of_other_vocabularies_begin_with_a_blank(blank: str) -> None:
    spelling = Spelling([f"{blank}agreed", "trail", f"{blank}peace", "s"])
    assert spelling.mended("we agered on traill paece") == "we agreed on traill peace"
    assert spelling.mended("the tarils") == "the tarils"


def test_a_saved_model_scores_a_slip_like_the_word(model_folder: Path) -> None:
    scorer = Scorer(model_folder)
    texts = ["they refuse talks.", "they reufse talks.", "they refuse peace."]
    meant, slipped, other = scorer.score(texts).logits
    np.testing.assert_allclose(slipped, meant, atol=1e-5)
    assert not np.allclose(other, meant, atol=1e-3)
