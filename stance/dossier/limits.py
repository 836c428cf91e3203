"""What a good model is held to, and whether one keeps to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST, LEAST = "at most", "at least"

CALIBRATION, CALIBRATION_ELSEWHERE = 0.03, 0.08
"""Highest calibration error on the own test split, and on data that dev says nothing of."""

SELECTIVE = {"0.8": 0.6, "0.5": 0.35}
"""Highest error at a coverage, as a part of the error at full coverage."""

COVERAGE, COVERAGE_OF_LABEL = (0.88, 0.93), 0.85
"""Ends of the coverage of label sets of 90 %, and the least that a label must have."""

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
        Of every figure with a limit, as far as measured: `name`, `value`, `bound` ("at most" or
        "at least"), `limit` and `met`.
    """
    return [
        {
            "name": name,
            "value": value,
            "bound": bound,
            "limit": limit,
            "met": value <= limit if bound == MOST else value >= limit,
        }
        for name, value, bound, limit in _held(result, own)
        if value is not None
    ]


def _held(result: Mapping[str, Any], own: bool) -> Iterator[tuple[str, float | None, str, float]]:
    if calibration := result.get("calibration"):
        limit = CALIBRATION if own else CALIBRATION_ELSEWHERE
        yield "calibration error", calibration["after"]["ece"]["value"], MOST, limit
    at = result["selective"]["at"] if result.get("selective") else {}
    for coverage, limit in SELECTIVE.items():
        if coverage in at:
            name = f"error at {float(coverage):.0%} coverage, as a part of all"
            yield name, at[coverage]["ratio"]["value"], MOST, limit
    if own and (sets := result.get("sets")):
        covered = sets["coverage"]["value"]
        yield "coverage of label sets", covered, LEAST, COVERAGE[0]
        yield "coverage of label sets", covered, MOST, COVERAGE[1]
        for label, each in sets["labels"].items():
            yield f"coverage of label sets: {label}", each["value"], LEAST, COVERAGE_OF_LABEL
    for capability, each in (result.get("behaviour") or {}).items():
        yield f"challenge: {capability}", each["rate"], MOST, CHALLENGE
    for kind, each in (result.get("perturbations") or {}).items():
        if each["limit"] is not None:
            yield f"flips by {kind}", each["flip_rate"]["value"], MOST, each["limit"]
    if (swaps := result.get("swaps")) and swaps["swaps"]:
        yield "flips by actor swaps", swaps["flip_rate"], MOST, SWAPS["flips"]
        yield "mean |Δp| of actor swaps", swaps["mean_shift"], MOST, SWAPS["shift"]
        if worst := swaps["actors"].get(swaps["worst"]):
            name = f"mean |Δp| of the worst actor ({worst['name']})"
            yield name, worst["shift"], MOST, SWAPS["worst"]
