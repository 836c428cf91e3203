"""What a model is set beside: a lexicon, its predecessor, a zero-shot model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stance
from stance import artifact
from stance.baselines import lexicon_labels
from stance.schema import LABELS, ModelError


def test_lexicon_counts_words_and_turns_negated_ones() -> None:
    texts = [
        "They threatened new sanctions.",
        "She welcomed the truce and offered talks.",
        "The council has nine members.",
        "We will not accept this.",
        "There will be no attack.",
    ]
    found = lexicon_labels(texts, LABELS)
    assert found is not None
    assert [LABELS[i] for i in found] == [
        *("hardline", "conciliatory", "neutral", "hardline", "conciliatory")
    ]
    assert lexicon_labels(texts, ("hawkish", "dovish", "neutral")) is None


def test_predecessor_and_lexicon_are_in_the_table(model_folder: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(model_folder, Path("models", name))
        manifest = json.loads(Path("models", name, "stance.json").read_text())
        Path("models", name, "stance.json").write_text(json.dumps({**manifest, "name": name}))
        artifact.set_champion(Path("models", name), how="force", why="test")
    found = stance.evaluate("models/b", split="dev", behaviour=False, output=None).to_dict()
    assert {"stance lexicon", "champion a", "majority"} <= set(found["baselines"])
    assert found["baselines"]["champion a"]["difference"]["value"] == 0
    assert found["baselines"]["majority"]["difference"]["value"] > 0


def test_of_a_large_file_a_draw_is_set_beside_the_others(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stance.evaluation.rivals.MOST", 5)
    said: list[str] = []
    options: dict[str, Any] = {"split": "dev", "behaviour": False, "output": None}
    found = stance.evaluate(model_folder, **options, say=said.append)
    assert {each["n"] for each in found.result["baselines"].values()} == {5}
    assert found.result["figures"]["n"] == 9
    assert "baselines: on 5 of the 9 sentences, drawn" in said
    assert "on 5 of the sentences, drawn" in found.to_html()
    again = stance.evaluate(model_folder, **options)
    assert again.result["baselines"] == found.result["baselines"]


def test_zero_shot_model_is_asked_for_each_label(tiny_encoder: Path) -> None:
    from stance.encoder import zero_shot
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    config = BertConfig.from_pretrained(
        tiny_encoder, id2label={0: "contradiction", 1: "entailment"}, label2id=None
    )
    BertForSequenceClassification(config).save_pretrained("nli")
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained("nli")
    probs = zero_shot("nli", ["we met.", "they refuse talks."], ["a peace.", "a threat.", "met."])
    assert probs.shape == (2, 3)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    config.id2label = {0: "LABEL_0", 1: "LABEL_1"}
    BertForSequenceClassification(config).save_pretrained("other")
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained("other")
    with pytest.raises(ModelError, match="expected a model of natural language inference"):
        zero_shot("other", ["we met."], ["a."])
