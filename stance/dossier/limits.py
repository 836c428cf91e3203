"""What a good model is held to, and whether one keeps to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CALIBRATION, CALIBRATION_ELSEWHERE = 0.03, 0.08
"""Highest calibration error on the own test split, and on data that dev says nothing of."""

SELECTIVE = {"0.8": 0.6, "0.5": 0.35}
"""Highest error at a coverage, as a part of the error at full coverage."""

CHALLENGE = 0.10
"""Highest share of failures of a challenge set."""

SWAPS = {"flips": 0.02, "shift": 0.02, "worst": 0.05}
"""What swaps of actors are held to: share of flips, mean |Δp|, and that of the worst actor."""


def verdicts(result: Mapping[str, Any], *, own: bool = True) -> list[dict[str, Any]]:
    """Hold an evaluation to its limits.

    Args:
        result: `stance.Evaluation.result`.
        own: Whether the data is the corpus that the model was trained on.

    Returns:
        Of every figure with a limit, as far as measured: `name`, `value`, `limit` (the highest that
        will do) and `met`.
    """
    return [
        {"name": name, "value": value, "limit": limit, "met": value <= limit}
        for name, value, limit in _held(result, own)
        if value is not None
    ]


def _held(result: Mapping[str, Any], own: bool) -> Iterator[tuple[str, float | None, float]]:
    if calibration := result.get("calibration"):
        limit = CALIBRATION if own else CALIBRATION_ELSEWHERE
        yield "calibration error", calibration["after"]["ece"]["value"], limit
    at = result["selective"]["at"] if result.get("selective") else {}
    for coverage, limit in SELECTIVE.items():
        if coverage in at:
            name = f"error at {float(coverage):.0%} coverage, as a part of all"
            yield name, at[coverage]["ratio"]["value"], limit
    for capability, each in (result.get("behaviour") or {}).items():
        yield f"challenge: {capability}", each["rate"], CHALLENGE
    for kind, each in (result.get("perturbations") or {}).items():
        if each["limit"] is not None:
            yield f"flips by {kind}", each["flip_rate"]["value"], each["limit"]
    if (swaps := result.get("swaps")) and swaps["swaps"]:
        worst = swaps["actors"][swaps["worst"]]
        yield "flips by actor swaps", swaps["flip_rate"], SWAPS["flips"]
        yield "mean |Δp| of actor swaps", swaps["mean_shift"], SWAPS["shift"]
        yield f"mean |Δp| of the worst actor ({worst['name']})", worst["shift"], SWAPS["worst"]
