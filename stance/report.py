"""Pictures and tables that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stance.metrics import told


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


def corpus_pictures(
    described: Mapping[str, Any], lengths: Sequence[int], labels: Sequence[str], folder: Path
) -> None:
    """Draw label shares by column and the spread of sentence lengths (words) as PNGs."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    inks = ("#2f7f79", "#c9c9c4", "#a8452f")  # told apart without colour too: order and legend
    for column in [key for key in described if key in ("form", "register", "dispute", "decade")]:
        table = described[column]
        values = list(table)[::-1]
        figure = Figure(figsize=(7, 0.8 + 0.3 * len(values)), layout="constrained")
        axes = figure.subplots()
        left = np.zeros(len(values))
        for label, ink in zip(labels, inks, strict=False):
            counts = np.array([table[value].get(label, 0) for value in values], dtype=float)
            axes.barh(values, counts, left=left, color=ink, label=label, edgecolor="white")
            left += counts
        axes.set_xlabel("sentences")
        axes.set_title(column, loc="left")
        axes.legend(frameon=False, ncols=len(labels), loc="lower right", fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(folder / f"{column}.png", dpi=110)
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.hist(lengths, bins=range(0, max(lengths) + 2, 2), color="#4b6584")
    axes.axvline(float(np.mean(lengths)), color="black", linewidth=1)
    axes.set_xlabel(f"words in a sentence (mean {np.mean(lengths):.1f})")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / "length.png", dpi=110)


def evaluation_table(result: Mapping[str, Any]) -> str:
    """Lay out an evaluation as plain text, every figure with its 95 % interval."""
    data = result["data"]
    lines = [
        f"{result['model']} on {data['name']}: {data['rows']} sentences in {data['groups']} groups",
        "95 % intervals from a bootstrap over groups",
        *(f"note: {warning}" for warning in data["warnings"]),
        "",
        f"{'':28}{'macro-F1':>22}{'weighted F1':>22}{'accuracy':>22}",
    ]
    systems = {"this model": result["figures"], **result["baselines"]}
    for name, figures in systems.items():
        lines.append(f"{name:28}" + _cells(figures, ("macro_f1", "weighted_f1", "accuracy")))
    lines += ["", f"{'label':28}{'precision':>22}{'recall':>22}{'F1':>22}{'support':>9}"]
    for label, row in result["figures"]["labels"].items():
        cells = _cells(row, ("precision", "recall", "f1"))
        lines.append(f"{label:28}{cells}{row['support']:>9}")
    lines += ["", *_single_figures(result), "", *_confusion_lines(result["figures"])]
    if result["outside"]:
        head = f"{'of other domains':28}{'flagged':>10}{'cases':>8}{'rate':>8}"
        lines += ["", f"{head}{'no label at abstain=0.9':>26}"]
        for kind, found in result["outside"].items():
            rate = f"{found['rate']:.0%}"
            silent = "-" if found["silent"] is None else found["silent"]
            lines.append(f"{kind:28}{found['flagged']:>10}{found['cases']:>8}{rate:>8}{silent:>26}")
    if result["slices"]["worst"]:
        lines += ["", *slices_table(result["slices"])]
    if "behaviour" in result:
        lines += ["", *_behaviour_lines(result)]
    return "\n".join(lines) + "\n"


def _behaviour_lines(result: Mapping[str, Any]) -> list[str]:
    """Lay out what the tests of behaviour found, a line each, those over their limit marked."""
    lines = []
    if result["behaviour"]:
        lines = [f"{'challenge set':28}{'failures':>10}{'cases':>8}{'rate':>8}"]
    for capability, found in result["behaviour"].items():
        rate = f"{found['rate']:.0%}"
        lines.append(f"{capability:28}{found['failures']:>10}{found['cases']:>8}{rate:>8}")
    lines += [""] if lines else []
    lines.append(f"{'change that must not matter':28}{'variants':>12}{'flips':>24}")
    for kind, found in result["perturbations"].items():
        lines.append(f"{kind:28}{found['variants']:>12}{told(found['flip_rate']):>24}")
    swaps = result["swaps"]
    if swaps["swaps"]:
        figures = swaps["intervals"]
        lines += [
            "",
            f"{'actor swaps':28}{swaps['swaps']:>12}{told(figures['flip_rate']):>24}",
            f"{'  mean |Δp|':40}{told(figures['mean_shift']):>24}",
        ]
        if worst := swaps["actors"].get(swaps["worst"]):
            lines.append(f"{'  worst actor: ' + worst['name']:40}{worst['shift']:>24.3f}")
    if missed := [limit["name"] for limit in result["limits"] if not limit["met"]]:
        lines += ["", f"limits missed ({len(missed)} of {len(result['limits'])}):"]
        lines += [f"  {name}" for name in missed]
    return lines


def _single_figures(result: Mapping[str, Any]) -> list[str]:
    """Lay out what is told of the model alone, a line each."""
    figures, calibration = result["figures"], result["calibration"]
    at = result["selective"]["at"]
    rows = [
        ("balanced accuracy", figures["balanced_accuracy"]),
        ("Matthews correlation", figures["mcc"]),
        ("ROC-AUC, one against the rest", figures["roc_auc"]),
        ("log loss (nats)", figures["log_loss"]),
        ("Brier score (0 to 2)", figures["brier"]),
        ("calibration error, uncalibrated", calibration["before"]["ece"]),
        ("calibration error", calibration["after"]["ece"]),
        ("area under risk-coverage", result["selective"]["area"]),
        *(
            (f"error of the surest {float(c):.0%}{of}", found[key])
            for c, found in at.items()
            for key, of in (("error", ""), ("ratio", " / of all"))
        ),
    ]
    if sets := result["sets"]:
        rows += [
            (f"label sets of {sets['level']:.0%}: coverage", sets["coverage"]),
            *((f"  of {label}", found) for label, found in sets["labels"].items()),
            ("  labels in a set, mean", sets["size"]),
        ]
    for found in result["abstention"]:
        rows += [
            (f"abstain={found['level']}: answered", found["answered"]),
            ("  right labels among them", found["precision"]),
        ]
    if result["unfamiliar"]:
        rows.append(("flagged as unfamiliar", result["unfamiliar"]))
    if result["agreement"]:
        for one in result["agreement"]["annotators"]:
            who = f"annotator {one['annotator']}"
            rows.append((f"kappa of the model and {who}", one["model"]["kappa"]))
            if one["people"]:
                rows.append((f"kappa of the others and {who}", one["people"]["kappa"]))
        rows.append(("Krippendorff's alpha of the annotators", result["agreement"]["alpha"]))
    return [f"{name:40}{told(value):>24}" for name, value in rows]


def _confusion_lines(figures: Mapping[str, Any]) -> list[str]:
    labels = list(figures["labels"])
    wide = max(15, 2 + max(map(len, labels)))
    lines = [f"{'confusion (rows gold)':{wide + 6}}" + "".join(f"{x:>{wide}}" for x in labels)]
    for label, row in zip(labels, figures["confusion"], strict=True):
        lines.append(f"{label:{wide + 6}}" + "".join(f"{count:>{wide}}" for count in row))
    return lines


def comparison_table(result: Mapping[str, Any]) -> str:
    """Lay out two models side by side as plain text."""
    data, mcnemar, changed = result["data"], result["mcnemar"], result["changed"]
    lines = [
        f"first   {result['first']}",
        f"second  {result['second']}",
        f"on {data['name']}: {data['rows']} sentences in {data['groups']} groups",
        *(f"note: {warning}" for warning in data["warnings"]),
        "",
        f"{'':20}{'first':>22}{'second':>22}{'first - second':>24}{'p':>7}",
    ]
    for name, found in result["difference"].items():
        both = "".join(f"{told(result['figures'][one][name]):>22}" for one in ("first", "second"))
        signed = f"{found['value']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"
        lines.append(f"{name.replace('_', ' '):20}{both}{signed:>24}{found['p']:>7.3f}")
    lines += [
        "p: the chance that the first is no better (paired bootstrap over groups)",
        f"McNemar: only the first is right {mcnemar['only_first']} times, only the second "
        f"{mcnemar['only_second']} times, p {mcnemar['p']:.3f}",
        "",
        f"{'slice':44}{'sentences':>10}{'accuracy, first - second':>28}{'p':>7}{'corrected':>11}",
    ]
    for one in sorted(result["slices"], key=lambda one: one["p"])[:20]:
        signed = f"{one['value']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
        lines.append(
            f"{one['name'][:43]:44}{one['rows']:>10}{signed:>28}{one['p']:>7.3f}"
            f"{one['p_corrected']:>11.3f}"
        )
    lines += ["", f"{changed['count']} sentences labelled otherwise; of them"]
    for row in changed["rows"][:20]:
        lines.append(f"  {row['gold']}: {row['first']} / {row['second']}  {row['text'][:120]}")
    return "\n".join(lines) + "\n"


def slices_table(slices: Mapping[str, Any]) -> list[str]:
    """Lay out the worst slices."""
    head = f"{'worst of ' + str(slices['tested']) + ' slices':44}{'sentences':>10}"
    lines = [f"{head}{'error':>22}{'elsewhere':>11}{'p':>8}{'corrected':>11}"]
    for one in slices["worst"]:
        lines.append(
            f"{one['name'][:43]:44}{one['rows']:>10}{told(one['error']):>22}"
            f"{one['rest']:>11.3f}{one['p']:>8.4f}{one['p_corrected']:>11.4f}"
        )
    return lines


def promotion_table(decision: Mapping[str, Any]) -> str:
    """Lay out what the gate found as plain text: each figure, and what is held to its limit."""
    data = decision["data"]
    lines = [
        f"{decision['model']} against {decision['champion'] or 'no champion'}, "
        f"dev: {data['rows']} sentences in {data['groups']} groups",
        f"{'':44}{'model':>9}{'champion':>10}{'found':>9}{'limit':>8}",
    ]
    marks = {True: "ok", False: "NO", None: "-"}
    for check in decision["checks"]:
        cells = "".join(
            f"{'-' if check[key] is None else format(check[key], '.3f'):>{width}}"
            for key, width in (("model", 9), ("champion", 10), ("found", 9), ("limit", 8))
        )
        lines.append(f"{check['name']:44}{cells}  {marks[check['passed']]}")
    if (difference := decision["difference"]) is not None:
        lines.append(f"difference of macro-F1 on dev {told(difference)} (95 %, paired bootstrap)")
    return "\n".join([*lines, decision["verdict"]]) + "\n"


def _cells(figures: Mapping[str, Any], names: Sequence[str]) -> str:
    return "".join(f"{told(figures[name]):>22}" for name in names)
