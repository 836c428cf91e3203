"""A torch network to the ONNX graph that scoring runs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from stance.schema import ModelError

AXES = {0: "batch", 1: "tokens"}
"""What may vary of a tensor with a value for each token."""


def trace(
    network: torch.nn.Module,
    encoder: Any,
    example: Mapping[str, torch.Tensor],
    path: Path,
    *,
    outputs: Mapping[str, Mapping[int, str]],
) -> None:
    """Write a network as ONNX, traced in eager attention, the form that exports in every release.

    Args:
        network: Takes its inputs in order and returns bare tensors.
        encoder: The transformer in it.
        example: Inputs by name, each of shape (B, T); rows of unlike length, so that masks are in
            the graph.
        path: Where to write.
        outputs: Name of each output, and which of its axes may vary.

    Raises:
        ModelError: If the encoder cannot be exported so.
    """
    implementation = encoder.config._attn_implementation
    encoder.set_attn_implementation("eager")
    names: Sequence[str] = list(example)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                # In evaluation mode itself, since it is put back into the mode it comes in.
                network.eval(),
                tuple(example.values()),
                str(path),
                input_names=names,
                output_names=list(outputs),
                dynamic_axes={**dict.fromkeys(names, AXES), **outputs},
                opset_version=17,
                dynamo=False,
            )
    except Exception as error:  # a tracer meets whatever an architecture does
        raise ModelError(
            f"a {encoder.config.model_type} encoder cannot be exported to ONNX by tracing, which "
            f"scoring needs: {' '.join(str(error).split())[:300]}\nChoose another encoder.name; "
            f"BERT, RoBERTa, DeBERTa-v2/v3 and ModernBERT are known to export"
        ) from error
    finally:
        encoder.set_attn_implementation(implementation)
