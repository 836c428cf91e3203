"""Showing which words carry a label."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from stance.cli.common import ModelOption

if TYPE_CHECKING:
    from stance.schema import Explanation

_WIDTH = 20


class Method(StrEnum):
    """How words are weighed."""

    OCCLUSION = "occlusion"
    GRADIENTS = "gradients"


def explain(
    sentences: Annotated[list[str], typer.Argument(help="Sentences, each in quotes.")],
    model: ModelOption = None,
    method: Annotated[
        Method, typer.Option(help="gradients needs torch and captum.")
    ] = Method.OCCLUSION,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Say which words carry the label of a sentence."""
    from stance.prediction import load

    found = load(model).explain(sentences, method=method.value)
    if as_json:
        print(json.dumps([each.to_dict() for each in found], ensure_ascii=False, indent=2))
        return
    print("\n".join(_table(each) for each in found), end="")


def _table(found: Explanation) -> str:
    """Lay out an explanation: a line a word, its weight, and a bar to the side it speaks for."""
    wide = max(len(word.text) for word in found.words)
    most = max(abs(word.weight) for word in found.words) or 1
    lines = [f"{found.label} {found.probability:.2f} ({found.method})"]
    for word in found.words:
        bar = round(abs(word.weight) / most * _WIDTH)
        marks = ("+" if word.weight > 0 else "-") * bar
        lines.append(f"  {word.text:{wide}}  {word.weight:+.3f}  {marks}".rstrip())
    return "\n".join(lines) + "\n"
