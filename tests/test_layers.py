"""What is done to an encoder's layers before training, and the rate each learns at."""

from __future__ import annotations

import builtins
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from stance.config import Config, EncoderConfig, TrainConfig
from stance.encoder.layers import merge_adapters, optimizer, parts, prepare
from stance.encoder.model import Classifier, load_pretrained
from stance.schema import ConfigError, DependencyError


def classifier(encoder: Path) -> Classifier:
    torch.manual_seed(0)
    return load_pretrained(Config.model_validate({"encoder": {"name": str(encoder)}}))[1]


def prepared(encoder: Path, *, lora: dict[str, Any] | None = None, **settings: Any) -> Classifier:
    model = classifier(encoder)
    encoder_settings = EncoderConfig.model_validate({"lora": lora})
    prepare(model, encoder_settings, TrainConfig.model_validate(settings))
    return model


def rates(model: Classifier, **settings: Any) -> dict[str, float]:
    """The rate of each parameter that is trained, by name."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = optimizer(model, TrainConfig.model_validate(settings)).param_groups
    return {names[parameter]: group["lr"] for group in groups for parameter in group["params"]}


def test_each_layer_has_its_part_of_the_rate_above(tiny_encoder: Path) -> None:
    settings = {"learning_rate": 0.01, "head_learning_rate": 0.5, "layer_decay": 0.5}
    found = rates(classifier(tiny_encoder), **settings)
    expected = {
        "encoder.pooler": 0.01,
        "encoder.encoder.layer.1": 0.01,
        "encoder.encoder.layer.0": 0.005,
        "encoder.embeddings": 0.0025,
        "head": 0.5,
    }
    assert len(found) == len(list(classifier(tiny_encoder).parameters()))
    for name, rate in found.items():
        (place,) = [place for place in expected if name.startswith(place)]
        assert rate == pytest.approx(expected[place]), name


def test_without_decay_there_is_one_rate_for_the_encoder(tiny_encoder: Path) -> None:
    found = rates(classifier(tiny_encoder), learning_rate=0.01, head_learning_rate=0.5)
    assert set(found.values()) == {0.01, 0.5}


def test_frozen_parts_are_not_given_to_the_optimizer(tiny_encoder: Path) -> None:
    model = prepared(tiny_encoder, frozen=2)
    assert not any("embeddings" in name or "layer.0" in name for name in rates(model))


def test_frozen_parts_have_no_dropout_and_the_others_have(tiny_encoder: Path) -> None:
    model = prepared(tiny_encoder, frozen=2).eval().train()
    awake = {name for name, module in model.named_modules() if module.training}
    assert not any("embeddings" in name or "layer.0" in name for name in awake)
    assert {"encoder.encoder.layer.1.output.dropout", "dropout"} <= awake


def test_highest_layers_are_drawn_anew_and_the_others_kept(tiny_encoder: Path) -> None:
    before = dict(classifier(tiny_encoder).encoder.named_parameters())
    after = dict(prepared(tiny_encoder, reinitialized=1).encoder.named_parameters())
    for name, value in after.items():
        assert value.equal(before[name]) is (
            "layer.1" not in name or not name.endswith("weight") or "LayerNorm" in name
        ), name
    fresh = after["encoder.layer.1.attention.self.query.weight"]
    assert fresh.std().item() == pytest.approx(0.02, rel=0.15)  # BERT's initializer_range


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frozen": 9}, r"train.frozen: 9 parts, but this encoder has 3 \(embeddings and 2"),
        ({"reinitialized": 3}, "train.reinitialized: 3 layers, but this encoder has 2"),
        ({"frozen": 2, "reinitialized": 2}, "train.frozen: 2 and train.reinitialized: 2 of 3"),
    ],
)
def test_more_layers_than_there_are_is_refused(
    tiny_encoder: Path, settings: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        prepared(tiny_encoder, **settings)


LORA = {"rank": 4, "alpha": 8}


def test_only_adapters_and_head_are_trained(tiny_encoder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a user would see it
        found = rates(prepared(tiny_encoder, lora=LORA, frozen=2))
    assert all("lora_" in name or name.startswith("head") for name in found)
    assert any("layer.1.attention.self.query.lora_A" in name for name in found)
    assert not any("layer.0" in name for name in found)


def test_adapters_go_where_told(tiny_encoder: Path) -> None:
    found = rates(prepared(tiny_encoder, lora={**LORA, "targets": ["value"]}))
    assert all(".value.lora_" in name or name.startswith("head") for name in found)


def test_unknown_targets_are_told_with_what_there_is(tiny_encoder: Path) -> None:
    with pytest.raises(ConfigError, match=r"lora\.targets: .*linear layers .*: dense, key, query"):
        prepared(tiny_encoder, lora={"targets": ["nope"]})


def test_merged_adapters_score_what_the_adapted_model_scored(tiny_encoder: Path) -> None:
    model = prepared(tiny_encoder, lora=LORA).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zero at first
            torch.nn.init.normal_(parameter, std=0.1)
    batch = {"input_ids": torch.tensor([[2, 5, 6, 3]]), "attention_mask": torch.ones(1, 4).long()}
    with torch.inference_mode():
        adapted, plain = (
            model(**batch)["logits"],
            classifier(tiny_encoder).eval()(**batch)["logits"],
        )
        merge_adapters(model)
        merged = model(**batch)["logits"]
    torch.testing.assert_close(merged, adapted, atol=1e-5, rtol=0)
    assert (merged - plain).abs().max() > 1e-3
    assert type(model.encoder).__name__ == "BertModel"
    assert not any("lora" in name for name in model.state_dict())


def test_missing_peft_is_told_with_the_extra(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(DependencyError, match=r"encoder.lora needs peft.*stance\[lora\]"):
        prepared(tiny_encoder, lora=LORA)


def test_peft_is_imported_only_for_adapters(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = []
    original = builtins.__import__

    def spy(name: str, *rest: Any, **options: Any) -> Any:
        imported.append(name)
        return original(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", spy)
    prepared(tiny_encoder, frozen=1)
    assert not any(name.startswith("peft") for name in imported)


def test_recomputed_activations_give_the_same_loss_and_gradients(tiny_encoder: Path) -> None:
    batch = {"input_ids": torch.tensor([[2, 5, 6, 3]]), "attention_mask": torch.ones(1, 4).long()}
    found = []
    for recompute in (False, True):
        model = prepared(tiny_encoder, gradient_checkpointing=recompute, frozen=1).train()
        runs: list[None] = []
        layer = parts(model.encoder)[1][0]
        layer.attention.self.register_forward_hook(lambda *_, runs=runs: runs.append(None))
        torch.manual_seed(1)
        loss = torch.nn.functional.cross_entropy(model(**batch)["logits"], torch.tensor([1]))
        loss.backward()
        assert len(runs) == 1 + recompute
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        found.append([loss.detach(), *gradients])
    assert len(found[0]) > 10
    torch.testing.assert_close(found[1], found[0])
