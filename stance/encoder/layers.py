"""The parts of an encoder, lowest first, and what is done to them before training."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from stance.config import EncoderConfig, TrainConfig
from stance.encoder.model import Classifier
from stance.schema import ConfigError, require

EMBEDDINGS = (
    ".embeddings",
    ".encoder.rel_embeddings",
    ".encoder.LayerNorm",
    ".encoder.relative_attention_bias",
)
"""Ends of the names of what is below the lowest layer; all but the first are positions, DeBERTa's
and MPNet's."""


def parts(encoder: Any) -> list[list[torch.nn.Module]]:
    """Return the modules of an encoder's embeddings and of each of its layers, lowest first.

    What is in none of them (a last normalisation, a pooler) is above the highest layer.
    """
    stacks = [list(m) for m in encoder.modules() if isinstance(m, torch.nn.ModuleList)]
    layers = max(stacks, key=lambda stack: len(stack), default=[])
    embeddings = [
        module for name, module in encoder.named_modules() if f".{name}".endswith(EMBEDDINGS)
    ]
    return [embeddings or [encoder.get_input_embeddings()], *([layer] for layer in layers)]


def lowest(encoder: Any, count: int) -> list[torch.nn.Module]:
    """Return the modules of the lowest parts, which are to be left as they are.

    Raises:
        ConfigError: If the encoder has fewer parts.
    """
    levels = parts(encoder)
    if count > len(levels):
        raise ConfigError(
            f"train.frozen: {count} parts, but this encoder has {len(levels)} "
            f"(embeddings and {len(levels) - 1} layers)"
        )
    return [module for level in levels[:count] for module in level]


def prepare(model: Classifier, encoder: EncoderConfig, settings: TrainConfig) -> None:
    """Re-initialise, adapt, freeze and save the memory of a classifier, as the settings say.

    Raises:
        ConfigError: If the encoder has fewer layers than are named, or lacks what is asked of it.
        DependencyError: If adapters are wanted and peft is not installed.
    """
    layers = len(parts(model.encoder)) - 1
    lowest(model.encoder, settings.frozen)  # too many, before anything is changed
    if settings.reinitialized > layers:
        raise ConfigError(
            f"train.reinitialized: {settings.reinitialized} layers, but this encoder has {layers}"
        )
    if settings.frozen + settings.reinitialized > 1 + layers:
        raise ConfigError(
            f"train.frozen: {settings.frozen} and train.reinitialized: {settings.reinitialized} "
            f"of {1 + layers} parts overlap: layers made anew have to be trained"
        )
    if settings.gradient_checkpointing and not model.encoder.supports_gradient_checkpointing:
        raise ConfigError(
            f"train.gradient_checkpointing: a {model.encoder.config.model_type} encoder cannot; "
            f"set it to false, or take a smaller train.batch_size with gradient_accumulation"
        )
    _reinitialize(model.encoder, settings.reinitialized)
    if encoder.lora is not None:
        _add_adapters(model, encoder)
    model.freeze(lowest(model.encoder, settings.frozen))  # adapters in them too
    if settings.gradient_checkpointing:
        model.encoder.activation_checkpointing_enable()


def _reinitialize(encoder: Any, layers: int) -> None:
    """Draw the weights of the highest layers anew, as in pre-training (Zhang et al. 2021)."""
    for part in parts(encoder)[1:][-layers:] if layers else []:
        for module in part[0].modules():
            for parameter in module.parameters(recurse=False):
                # transformers marks loaded weights, and leaves marked ones alone
                parameter.__dict__.pop("_is_hf_initialized", None)
            encoder._init_weights(module)


def _add_adapters(model: Classifier, settings: EncoderConfig) -> None:
    """Train low-rank additions to the linear layers instead of the layers (Hu et al. 2022)."""
    peft = require("peft", extra="lora", purpose="encoder.lora")
    lora = settings.lora
    assert lora is not None
    options = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) if lora.targets else "all-linear",
    )
    try:
        with warnings.catch_warnings():  # it asks transformers by a name that is going to change
            warnings.simplefilter("ignore", FutureWarning)
            model.encoder = peft.get_peft_model(model.encoder, options)
    except ValueError as error:
        names = {name.rpartition(".")[2] for name, m in model.encoder.named_modules() if _linear(m)}
        raise ConfigError(
            f"encoder.lora.targets: {' '.join(str(error).split())}; "
            f"linear layers of this encoder: {', '.join(sorted(names))}"
        ) from None


def merge_adapters(model: Classifier) -> None:
    """Add what adapters have learnt to the weights, and take the adapters away."""
    if hasattr(model.encoder, "merge_and_unload"):
        model.encoder = model.encoder.merge_and_unload()


def optimizer(model: Classifier, settings: TrainConfig) -> torch.optim.Optimizer:
    """Return AdamW with a rate for the head, which starts from nothing, and one for each layer.

    Each part of the encoder has `layer_decay` times the rate of the one above it (Howard & Ruder
    2018); the highest layer and what is above it have `learning_rate`.
    """
    levels = parts(model.encoder)
    below = {
        parameter: len(levels) - 1 - level
        for level, part in enumerate(levels)
        for module in part
        for parameter in module.parameters()
    }
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for parameter in model.encoder.parameters():
        if parameter.requires_grad:
            rate = settings.learning_rate * settings.layer_decay ** below.get(parameter, 0)
            groups.setdefault(rate, []).append(parameter)
    ordered = [{"params": groups[rate], "lr": rate} for rate in sorted(groups, reverse=True)]
    head = {"params": list(model.head.parameters()), "lr": settings.head_learning_rate}
    return torch.optim.AdamW([*ordered, head], weight_decay=settings.weight_decay, fused=True)


def _linear(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.Linear)
