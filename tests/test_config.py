"""Configuration: what is accepted, and how a mistake is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from stance.config import (
    Config,
    as_override,
    check,
    load_attribution_config,
    load_config,
    restore,
)
from stance.schema import ConfigError

from tests.conftest import ROOT

SHIPPED = sorted(
    path
    for path in (ROOT / "configs").rglob("*.yaml")
    if not path.name.startswith(("pretrain", "attribution"))  # of other kinds
)


def write(text: str) -> Path:
    path = Path("experiment.yaml")
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_config_loads_and_opens_with_its_command(path: Path) -> None:
    assert load_config(path).labels
    command = "tune" if path.name == "tune.yaml" else "train"
    command = f"# stance {command} --config {path.relative_to(ROOT)}"
    assert path.read_text().startswith(command)


def test_models_of_a_folder_of_their_own_are_held_against_each_other_alone() -> None:
    configs = [load_config(path) for path in SHIPPED]
    pairs = {(config.output, config.tracking.registered_model) for config in configs}
    assert len(pairs) == len({output for output, _ in pairs}) == len({name for _, name in pairs})


@pytest.mark.parametrize("name", ["attribution", "attribution-polnear"])
def test_the_taggers_configs_load_and_open_with_their_command(name: str) -> None:
    path = ROOT / f"configs/{name}.yaml"
    assert load_attribution_config(path).data.path
    assert path.read_text().startswith(f"# stance attribution train --config configs/{name}.yaml")


def test_overrides_win_over_the_file() -> None:
    config = load_config(write("train: {epochs: 3}"), ["train.epochs=2", "encoder.max_length=64"])
    assert config.train.epochs == 2
    assert config.encoder.max_length == 64


def test_bare_exponent_is_a_number() -> None:
    assert load_config(write("train: {learning_rate: 2e-5}")).train.learning_rate == 2e-5


def test_resolved_config_reads_back_the_same() -> None:
    config = load_config(None, ["train.seed=7", "poles=null"])
    path = write(config.to_yaml())
    assert load_config(path) == config


def test_one_folder_needs_no_brackets() -> None:
    assert load_config(None, ["data.path=mine"]).data.path == (Path("mine"),)
    both = load_config(None, ["data.path=[mine, data/real]", "data.weights=[1, 0.5]"]).data
    assert both.path == (Path("mine"), Path("data/real"))
    assert both.weights == (1, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {epoch: 3}", "experiment.yaml: unknown key 'train.epoch'; did you mean 'epochs'?"),
        ("trian: {}", "experiment.yaml: unknown key 'trian'; did you mean 'train'?"),
        ("zzz: 1", "unknown key 'zzz'; known keys: labels, poles, encoder"),
        ("train: {epochs: many}", "experiment.yaml: train.epochs: input should be a valid number"),
        ("train: {focal_gamma: -1}", "train.focal_gamma: input should be greater than or equal to"),
        ("train: {layer_decay: 0}", "train.layer_decay: input should be greater than 0"),
        ("train: {ema: 1}", "train.ema: input should be less than 1"),
        ("train: {oversample: 2}", "train.oversample: input should be less than or equal to 1"),
        (
            "train: {precision: int8}",
            "train.precision: input should be 'auto', 'fp32', 'bf16' or 'fp16'",
        ),
        ("train: {class_weights: {angry: 2}}", "train.class_weights: ['angry'] are not among the"),
        ("train: {class_weights: {hardline: -1}}", "hardline: input should be greater than or eq"),
        ("{labels: [a, b], poles: null, train: {class_weights: {a: 0, b: 0}}}", "every label weig"),
        ("encoder: {lora: {rank: 0}}", "encoder.lora.rank: input should be greater than or equal"),
        ("encoder: {lora: {rnak: 4}}", "unknown key 'encoder.lora.rnak'; did you mean 'rank'?"),
        ("{encoder: {lora: {}}, train: {reinitialized: 1}}", "reinitialized goes without encoder."),
        ("data: {column_weights: {source: {x: -1}}}", "source.x: input should be greater than or"),
        ("train: {epochs: 0}", "train.epochs: input should be greater than 0 (found 0)"),
        ("train: {schedule: zigzag}", "train.schedule: input should be 'linear', 'cosine'"),
        ("labels: [a, a]", "labels must be two or more different names"),
        (
            "{labels: [a, b], poles: [conciliatory, hardline]}",
            "poles ['conciliatory', 'hardline'] are not among the labels",
        ),
        ("data: {path: [a, b], weights: [1]}", "1 weights for 2 folders"),
        ("data: {path: []}", "path names no folder"),
        ("data: {weights: [0]}", "every weight is 0: nothing to learn from"),
        ("data: {weights: [-1]}", "data.weights.0: input should be greater than or equal to 0"),
        ("tune: {train.epohcs: {low: 1, high: 2}}", "tune: unknown key 'train.epohcs'; did you"),
        ("tune: {trian.epochs: {low: 1, high: 2}}", "tune: unknown key 'trian'; did you mean"),
        ("tune: {train.epochs: {lo: 1}}", "unknown key 'tune.train.epochs.lo'; did you mean 'low'"),
        ("tune: {train.epochs: {low: 0, high: 2}}", "tune: train.epochs: input should be greater"),
        ("tune: {train.epochs: {low: 3, high: 2}}", "tune.train.epochs: low 3 is not under high 2"),
        ("tune: {train.epochs: {low: 3}}", "tune.train.epochs: expected low and high, or choices"),
        ("tune: {train.epochs: {choices: [3]}}", "tune.train.epochs: choices are two or more"),
        ("tune: {train.schedule: {choices: [linear, zigzag]}}", "tune: train.schedule: input"),
        ("tune: {train.seed: {low: 1, high: 9}}", "tune: 'train.seed' cannot be searched"),
        ("tune: {data.path: {choices: [a, b]}}", "tune: 'data.path' cannot be searched"),
        ("tune: {promotion.alpha: {low: 0.1, high: 1}}", "'promotion.alpha' cannot be searched"),
        ("- 1", "expected `key: value` lines, found list"),
        ("train: {epochs: 3", "not valid YAML"),
    ],
)
def test_mistake_is_told_with_file_key_and_cure(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_config(write(text))


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write("train: {epochs: -1, seeed: 3}\nencoder: {max_length: 2}"))
    assert len(str(caught.value).splitlines()) == 3


def test_missing_file_names_those_that_exist() -> None:
    write("{}")
    with pytest.raises(ConfigError, match=r"nope.yaml: no such configuration file.*experiment"):
        load_config("nope.yaml")


@pytest.mark.parametrize("override", ["train.epochs", "=3", "train.epochs.x=3"])
def test_malformed_override_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match="override"):
        load_config(write(yaml.safe_dump({"train": {"epochs": 3}})), [override])


def test_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().train.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize("known_as", [check, restore])
def test_saved_settings_are_checked_and_overridden_like_read_ones(known_as: Any) -> None:
    saved = Config().model_dump(mode="json")
    assert known_as(Config, saved, where="m") == Config()
    changed = known_as(Config, saved, ["promotion.alpha=0.5"], where="m")
    assert changed.promotion.alpha == 0.5
    with pytest.raises(
        ConfigError, match=r"m: unknown key 'promotion.alhpa'; did you mean 'alpha'"
    ):
        known_as(Config, saved, ["promotion.alhpa=0.5"], where="m")
    assert saved == Config().model_dump(mode="json")


def test_settings_that_are_no_more_are_left_out_of_saved_ones_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    saved = Config().model_dump(mode="json")
    saved["train"]["swapped"] = 0.3
    saved["old"] = {"a": 1}
    assert restore(Config, saved, where="models/a") == Config()
    (warning,) = caplog.messages
    assert warning == "models/a: saved with settings that are no more: train.swapped, old"
    assert saved["train"]["swapped"] == 0.3
    with pytest.raises(ConfigError, match=r"unknown key 'train.swapped'"):
        check(Config, saved, where="my.yaml")
    with pytest.raises(ConfigError, match=r"m: unknown key 'train.swapped'"):
        restore(Config, saved, ["train.swapped=0.3"], where="m")
    saved["train"]["epochs"] = "many"
    with pytest.raises(ConfigError, match=r"m: train.epochs: ") as error:
        restore(Config, saved, where="m")
    assert "swapped" not in str(error.value)


def test_space_reads_numbers_as_numbers_and_may_reach_into_a_null_section() -> None:
    config = load_config(
        write(
            "tune:\n"
            "  train.learning_rate: {low: 1e-5, high: 3e-4, log: true}\n"
            "  train.epochs: {low: 2, high: 5}\n"
            "  encoder.layers: {choices: [3, 6, null]}\n"
            "  encoder.lora.rank: {choices: [4, 8]}\n"
        )
    )
    rate = config.tune["train.learning_rate"]
    assert (rate.low, rate.high, rate.log) == (1e-5, 3e-4, True)
    assert isinstance(config.tune["train.epochs"].low, int)
    assert config.tune["encoder.layers"].choices == (3, 6, None)
    path = write(config.to_yaml())
    assert load_config(path) == config


@pytest.mark.parametrize(
    "value", [1, 0.1, 1e-5, 1.5e-4, True, None, "cosine", [1, 0.5], {"neutral": 2.0}, "3", "a: b"]
)
def test_override_gives_back_the_value_it_was_made_of(value: object) -> None:
    key, _, text = as_override("train.x", value).partition("=")
    assert key == "train.x"
    assert "\n" not in text
    assert yaml.safe_load(text) == value
