"""Pictures and tables that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def confusion_picture(matrix: Sequence[Sequence[int]], labels: Sequence[str], path: Path) -> None:
    """Draw confusion counts (rows gold) as a PNG; shade is the share of the gold label."""
    from matplotlib.figure import Figure

    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(
        figsize=(1.6 + 1.1 * len(labels), 1.2 + 1.0 * len(labels)), layout="constrained"
    )
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=20, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    for (row, column), count in np.ndenumerate(counts):
        ink = "white" if shares[row, column] > 0.55 else "black"
        text = f"{count}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=ink)
    figure.savefig(path, dpi=130)


def evaluation_table(result: Mapping[str, Any]) -> str:
    """Lay out an evaluation as plain text, every figure with its 95 % interval."""
    lines = [
        f"{result['model']} on {result['data']['name']}: {result['data']['rows']} sentences "
        f"in {result['data']['groups']} groups",
        "95 % intervals from a bootstrap over groups",
        "",
        f"{'':28}{'macro-F1':>20}{'weighted F1':>20}{'accuracy':>20}",
    ]
    systems = {"this model": result["figures"], **result["baselines"]}
    for name, figures in systems.items():
        cells = "".join(
            f"{_figure(figures[key]):>20}" for key in ("macro_f1", "weighted_f1", "accuracy")
        )
        lines.append(f"{name:28}{cells}")
    head = f"{'label':28}{'precision':>20}{'recall':>20}{'F1':>20}{'support':>9}"
    lines += ["", head]
    for label, row in result["figures"]["labels"].items():
        cells = "".join(f"{_figure(row[key]):>20}" for key in ("precision", "recall", "f1"))
        lines.append(f"{label:28}{cells}{row['support']:>9}")
    labels = list(result["figures"]["labels"])
    lines += ["", "confusion (rows gold)" + "".join(f"{label:>15}" for label in labels)]
    for label, row in zip(labels, result["figures"]["confusion"], strict=True):
        lines.append(f"{label:21}" + "".join(f"{count:>15}" for count in row))
    return "\n".join(lines) + "\n"


def _figure(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
