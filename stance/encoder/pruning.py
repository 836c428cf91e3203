"""Smaller encoders: some of the layers of a larger one, and some of the units of each layer."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
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
    try:
        return _made_of(config, _renumbered(encoder.state_dict(), prefix, kept))
    except RuntimeError:
        raise ConfigError(
            f"encoder.layers: {kept} do not make an encoder of this architecture, whose lowest "
            f"layer differs from the others; keep layer 0"
        ) from None


def narrower(encoder: Any, width: int, batches: Iterable[Mapping[str, torch.Tensor]]) -> Any:
    """Return an encoder with fewer units in the feed-forward part of each layer, as `shallower`.

    Of each layer those units stay that bring most to what comes out: the mean square of a unit's
    value over the tokens of some text, times the square of the norm of its outgoing weights
    (Sun et al. 2024, "Wanda", by whole units).

    Args:
        encoder: A transformer whose layers each have one linear map to `intermediate_size` units
            and one from them, as BERT's, RoBERTa's and DeBERTa's.
        width: Units to keep.
        batches: Text as the encoder takes it, with `attention_mask`.

    Raises:
        ConfigError: If the encoder has no such layers, or not so many units.
    """
    prefix, _ = _stack(encoder)
    full = encoder.config.intermediate_size
    if not 1 <= width <= full:
        raise ConfigError(
            f"encoder.intermediate_size: {width}, but the layers of this encoder have {full} units"
        )
    weights = encoder.state_dict()
    for layer, value in _worth(encoder, prefix, batches).items():
        into, out = _maps(encoder, layer)
        kept = value.topk(width).indices.sort().values
        for name in (f"{into}.weight", f"{into}.bias"):
            if name in weights:
                weights[name] = weights[name][kept]
        weights[f"{out}.weight"] = weights[f"{out}.weight"][:, kept]
    config = copy.deepcopy(encoder.config)
    config.intermediate_size = width
    return _made_of(config, weights)


@torch.inference_mode()
def _worth(
    encoder: Any, prefix: str, batches: Iterable[Mapping[str, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    """Return what each unit brings, shape (W,), by the name of its layer."""
    layers = [f"{prefix}.{number}" for number in range(encoder.config.num_hidden_layers)]
    outs = {layer: encoder.get_submodule(_maps(encoder, layer)[1]) for layer in layers}
    sums = {layer: torch.zeros(out.in_features) for layer, out in outs.items()}
    tokens: Any = None

    def watch(layer: str) -> Any:
        def add(_: Any, values: tuple[torch.Tensor, ...]) -> None:
            sums[layer] += values[0][tokens].square().sum(0)

        return outs[layer].register_forward_pre_hook(add)

    hooks = [watch(layer) for layer in layers]
    encoder.eval()
    for batch in batches:
        tokens = batch["attention_mask"].bool()
        encoder(**batch)
    for hook in hooks:
        hook.remove()
    return {layer: sums[layer] * outs[layer].weight.square().sum(0) for layer in layers}


def _maps(encoder: Any, layer: str) -> tuple[str, str]:
    """Return the names of the linear maps to a layer's units and from them."""
    width = encoder.config.intermediate_size
    linear = {
        f"{layer}.{name}": module
        for name, module in encoder.get_submodule(layer).named_modules()
        if isinstance(module, nn.Linear)
    }
    into = [name for name, module in linear.items() if module.out_features == width]
    out = [name for name, module in linear.items() if module.in_features == width]
    if len(into) != 1 or len(out) != 1:
        raise ConfigError(
            f"encoder.intermediate_size: a {encoder.config.model_type} encoder has not one linear "
            f"map to the {width} units of a layer and one from them; leave it null"
        )
    return into[0], out[0]


def _made_of(config: Any, weights: Mapping[str, torch.Tensor]) -> Any:
    """Return an encoder made anew, not cut in place: what is saved then loads again the same."""
    encoder = AutoModel.from_config(config, attn_implementation=config._attn_implementation)
    encoder.load_state_dict(weights)
    return encoder


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
