"""Shallower encoders: a choice of the layers of a deeper one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModel

from stance.schema import ConfigError


def shallower(encoder: Any, layers: int | Sequence[int]) -> Any:
    """Return an encoder made of some of another's layers, with their weights.

    Args:
        encoder: A transformer with one stack of layers.
        layers: Which layers, 0 the lowest; or how many, spread evenly from the lowest to the
            highest (6 of 12 are 0, 2, 4, 7, 9, 11, as in DistilBERT, Sanh et al. 2019).

    Returns:
        The new encoder; its configuration says which layers it kept (`kept_layers`).

    Raises:
        ConfigError: If the encoder has not these layers, or layers that cannot be moved.
    """
    prefix, depth = _stack(encoder)
    kept = evenly(depth, layers) if isinstance(layers, int) else list(layers)
    if (
        not 1 <= len(kept) <= depth
        or sorted(set(kept)) != kept
        or not 0 <= kept[0] <= kept[-1] < depth
    ):
        raise ConfigError(
            f"encoder.layers: {layers}, but this encoder has {depth} layers: expected a number "
            f"from 1 to {depth}, or rising numbers from 0 to {depth - 1}"
        )
    config = copy.deepcopy(encoder.config)
    config.num_hidden_layers = len(kept)
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[layer] for layer in kept]
    config.kept_layers = kept
    # Made anew rather than cut in place: what is saved now loads again the same.
    student = AutoModel.from_config(config, attn_implementation=config._attn_implementation)
    try:
        student.load_state_dict(_renumbered(encoder.state_dict(), prefix, kept))
    except RuntimeError:
        raise ConfigError(
            f"encoder.layers: {kept} do not make an encoder of this architecture, whose lowest "
            f"layer differs from the others; keep layer 0"
        ) from None
    return student


def evenly(depth: int, count: int) -> list[int]:
    """Return `count` of the numbers from 0 to `depth - 1`, evenly spread, both ends among them."""
    return [round(layer * (depth - 1) / max(1, count - 1)) for layer in range(count)]


def _stack(encoder: Any) -> tuple[str, int]:
    """Return the name of the list of layers and its length."""
    stacks = {
        name: len(module)
        for name, module in encoder.named_modules()
        if isinstance(module, torch.nn.ModuleList)
    }
    name = max(stacks, key=lambda name: stacks[name], default="")
    if not stacks or stacks[name] != encoder.config.num_hidden_layers:
        raise ConfigError(
            f"encoder.layers: a {encoder.config.model_type} encoder has no layers to choose from"
        )
    return name, stacks[name]


def _renumbered(
    weights: dict[str, torch.Tensor], stack: str, kept: Sequence[int]
) -> dict[str, torch.Tensor]:
    number = {str(old): new for new, old in enumerate(kept)}
    result = {}
    for name, value in weights.items():
        if not name.startswith(f"{stack}."):
            result[name] = value
            continue
        layer, _, rest = name.removeprefix(f"{stack}.").partition(".")
        if layer in number:
            result[f"{stack}.{number[layer]}.{rest}"] = value
    return result
