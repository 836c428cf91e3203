"""Sections of a report on what a model gets right, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from stance.dossier.markup import Child, node, table
from stance.dossier.plots import Chart, bar
from stance.metrics import told

Figure = Mapping[str, Any]

WHOLE = {
    "macro_f1": ("macro-F1", 0, 1),
    "weighted_f1": ("weighted F1", 0, 1),
    "accuracy": ("accuracy", 0, 1),
    "balanced_accuracy": ("balanced accuracy", 0, 1),
    "mcc": ("Matthews correlation (0 is chance)", -1, 1),
    "roc_auc": ("ROC-AUC, one against the rest", 0, 1),
    "log_loss": ("log loss (nats; lower is better)", 0, 2),
    "brier": ("Brier score (0 to 2; lower is better)", 0, 2),
}
"""Figures of all labels together, with what they are called and the ends of their scale."""

BY_LABEL = ("precision", "recall", "f1", "roc_auc")
"""Figures of each label."""


def measures(result: Mapping[str, Any]) -> Iterator[Element]:
    """Figures of the model, of each label, of the baselines, and the confusion of labels."""
    found = result["figures"]
    rows: list[list[Child]] = [
        [name, bar(found[key], low=low, high=high), told(found[key])]
        for key, (name, low, high) in WHOLE.items()
        if key in found
    ]
    head: tuple[str, ...] = ("figure", "with its interval", "95 % interval")
    yield table(head, rows, caption="All labels together", numbers=1)
    labels = [
        [label, *(told(row.get(key)) for key in BY_LABEL), f"{row['support']:,}"]
        for label, row in found["labels"].items()
    ]
    head = ("label", "precision", "recall", "F1", "ROC-AUC", "sentences")
    yield table(head, labels, caption="Each label", numbers=5)
    yield _confusion(found["confusion"], list(found["labels"]))


def baselines(result: Mapping[str, Any]) -> Iterator[Element]:
    """The model beside simpler ones."""
    if not result.get("baselines"):
        yield node("p", "Not measured: the training data was not at hand, or was not asked for.")
        return
    systems = {f"this model ({result['model']})": result["figures"], **result["baselines"]}
    rows = [
        [
            name,
            bar(found["macro_f1"]),
            told(found["macro_f1"]),
            told(found["accuracy"]),
            told(found["difference"]) if "difference" in found else "",
        ]
        for name, found in systems.items()
    ]
    caption = "Fitted on the same training sentences; the lead by a paired bootstrap"
    n = min(found["n"] for found in result["baselines"].values())
    if n < result["data"]["rows"]:
        caption += f"; the others, and the lead over them, on {n:,} of the sentences, drawn"
    yield table(
        ("system", "macro-F1, 0 to 1", "macro-F1", "accuracy", "this model's lead in macro-F1"),
        rows,
        caption=caption,
        numbers=3,
    )
    further = ("weighted_f1", "balanced_accuracy", "mcc")
    rows = [[name, *(told(found[key]) for key in further)] for name, found in systems.items()]
    head: tuple[str, ...] = ("system", "weighted F1", "balanced accuracy", "Matthews correlation")
    yield table(head, rows, caption="Other figures of each", numbers=len(further))
    rows = [
        [name, *(told(row["f1"]) for row in found["labels"].values())]
        for name, found in systems.items()
    ]
    head = ("system", *result["figures"]["labels"])
    yield table(head, rows, caption="F1 of each label", numbers=len(head) - 1)


def calibration(result: Mapping[str, Any]) -> Iterator[Element]:
    """Whether probabilities mean what they say, before and after scaling."""
    found = result["calibration"]
    rows: list[list[Child]] = []
    for name in (None, *found["after"]["labels"]):
        before, after = (
            (found[when] if name is None else found[when]["labels"][name])["ece"]
            for when in ("before", "after")
        )
        cells = (told(before, percent=True), told(after, percent=True))
        rows.append([name or "the predicted label", bar(after, high=0.2), *cells])
    yield table(
        ("probability of", "after, 0 to 20 %", "before scaling", "after"),
        rows,
        caption="Expected calibration error, debiased (0 is best)",
        numbers=2,
    )
    losses = [
        f"{name} {told(found['before'][key])} before, {told(found['after'][key])} after"
        for key, name in (("log_loss", "log loss"), ("brier", "Brier score"))
    ]
    yield node("p", f"What scaling does: {'; '.join(losses)}.")
    pictures = [
        _reliability(found, name)
        for name in ("predicted", *found["after"]["labels"])
        if name in found["after"].get("reliability", {})
    ]
    yield node("div", *pictures, class_="pair")


def selective(result: Mapping[str, Any]) -> Iterator[Element]:
    """What leaving the unsure ones out buys."""
    found = result["selective"]
    curve = [(point["coverage"], point["error"]) for point in found["curve"]]
    top = max(0.05, 1.15 * max(error for _, error in curve))
    chart = Chart(
        "Error by share of sentences answered",
        across="share of sentences answered, the surest first",
        up="error",
        y=(0, top),
    )
    chart.guide((0, found["chance_area"]), (1, found["chance_area"]))
    chart.line(curve, style="one", name="this model", at=len(curve) // 2)
    yield chart.draw(
        f"Area under the curve {told(found['area'])}; thin line: sentences left out at random."
    )
    rows = [
        [f"the surest {float(coverage):.0%}", told(at["error"], percent=True), told(at["ratio"])]
        for coverage, at in found["at"].items()
    ]
    everything = ["all", told(found["error"], percent=True), "1.000"]
    yield table(
        ("answered", "error", "share of the error of all"),
        [everything, *rows],
        caption="Answering less, erring less",
        numbers=2,
    )
    yield from _trust(result)


WITH_SELECTIVE = ("sets", "abstention", "unfamiliar", "unfamiliar_by_words", "outside")
"""Keys of the result that the section on not answering lays out too."""


def _trust(result: Mapping[str, Any]) -> Iterator[Element]:
    """Label sets, abstention by precision, and texts that are flagged."""
    if sets := result.get("sets"):
        rows: list[list[Child]] = [
            [name, bar(found), told(found, percent=True)]
            for name, found in (("all", sets["coverage"]), *sets["labels"].items())
        ]
        caption = (
            f"Label sets of {sets['level']:.0%}: how often they hold the gold label; "
            f"{told(sets['size'])} labels in a set, one alone in "
            f"{told(sets['single'], percent=True)} of them"
        )
        yield table(("gold", "0 to 1", "coverage"), rows, caption=caption, numbers=1)
    if abstention := result.get("abstention"):
        rows = [
            [
                f"{each['level']:.0%}",
                *(told(each[key], percent=True) for key in ("precision", "answered")),
            ]
            for each in abstention
        ]
        head = ("promised", "right among the answered", "answered")
        yield table(head, rows, caption="Abstaining by a precision", numbers=2)
    if unfamiliar := result.get("unfamiliar"):
        share = told(unfamiliar, percent=True)
        yield node("p", f"Flagged as unlike the training data: {share} of the sentences.")
    if lengths := result.get("unfamiliar_by_words"):
        rows = [[words, bar(each), told(each, percent=True)] for words, each in lengths.items()]
        caption = "Sentences flagged as unlike the training data, by their number of words"
        yield table(("words", "flagged, 0 to 100 %", "flagged"), rows, caption=caption, numbers=1)
    if outside := result.get("outside"):
        yield _outside(outside)


def _outside(found: Mapping[str, Mapping[str, Any]]) -> Element:
    """Return how many texts of other domains are flagged, and get no label."""
    rows: list[list[Child]] = []
    for kind, each in found.items():
        rate = {"value": each["rate"], "low": each["low"], "high": each["high"]}
        silent = "not told" if each["silent"] is None else f"{each['silent']} of {each['cases']}"
        rows.append([kind, bar(rate), told(rate, percent=True), silent])
    return table(
        ("text", "flagged, 0 to 100 %", "flagged", "no label with abstain=0.9"),
        rows,
        caption="Texts of other domains, flagged as unlike the training data; Wilson's intervals",
        numbers=2,
    )


def agreement(result: Mapping[str, Any]) -> Iterator[Element]:
    """The model's agreement with each annotator, beside the annotators' with each other."""
    found = result["agreement"]
    rows = [
        [
            str(one["annotator"]),
            f"{one['rows']:,}",
            *(
                told(one[who][figure]) if one[who] else "no one else"
                for figure in ("kappa", "same")
                for who in ("model", "people")
            ),
        ]
        for one in found["annotators"]
    ]
    head = (
        "annotator",
        "sentences",
        "kappa with the model",
        "kappa with the others",
        "same label as the model",
        "same label as the others",
    )
    alpha = f"Krippendorff's alpha of all {told(found['alpha'])}"
    caption = f"Agreement with each annotator: Cohen's kappa, 1 is full, 0 chance; {alpha}"
    yield table(head, rows, caption=caption, numbers=5)


def others(name: str, found: Any) -> Iterator[Element]:
    """Whatever else an evaluation found: every figure in it with its path, a row each."""
    rows: list[list[Child]] = [
        [path, f"{figure['n']:,}" if "n" in figure else "", bar(figure), told(figure)]
        for path, figure in _figures_in(found, "")
    ]
    if rows:
        yield table(("what", "sentences", "0 to 1", "figure"), rows, caption=name, numbers=1)


def _figures_in(found: Any, path: str) -> Iterator[tuple[str, Figure]]:
    """Yield the figures in nested mappings and lists, each with the names that lead to it."""
    if isinstance(found, Mapping):
        if isinstance(found.get("value", ""), int | float | None):
            yield path, {"low": None, "high": None, **found}
            return
        nested = [(str(key), value) for key, value in found.items()]
    elif isinstance(found, list | tuple):
        nested = [(_named(value), value) for value in found]
    else:
        return
    for name, value in nested:
        yield from _figures_in(value, ", ".join(filter(None, (path, name))))


def _named(entry: Any) -> str:
    """Return what an entry of a list is called: the texts in it."""
    if not isinstance(entry, Mapping):
        return ""
    return ", ".join(value for value in entry.values() if isinstance(value, str))


def _confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> Element:
    """Return the confusion counts as a table; the shade only repeats the share that is written."""
    rows = []
    for label, counts in zip(labels, matrix, strict=True):
        total = sum(counts) or 1
        cells = [
            node(
                "td",
                f"{count:,}",
                node("br"),
                node("span", f"{count / total:.0%}", class_="soft"),
                style=f"background: rgba(var(--shade), {0.45 * count / total:.2f})",
            )
            for count in counts
        ]
        rows.append(node("tr", node("th", f"{label} (gold)", scope="row"), *cells))
    head = node("tr", node("td"), *(node("th", label, scope="col") for label in labels))
    caption = "Confusion: columns are predictions; shares are of the gold label's sentences"
    whole = node(
        "table",
        node("caption", caption),
        node("thead", head),
        node("tbody", *rows),
        class_="confusion",
    )
    return node("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _reliability(found: Mapping[str, Any], name: str) -> Element:
    """Draw how often a probability comes true, before scaling and after."""
    subject = "the predicted label" if name == "predicted" else name
    chart = Chart(f"Reliability of {subject}", across="probability given", up="share right")
    chart.guide((0, 0), (1, 1))
    for when, style in (("before", "two"), ("after", "one")):
        bins = found[when]["reliability"][name]
        chart.line([(b["probability"], b["share"]["value"]) for b in bins], style=style)
        for each in bins:
            chart.interval(each["probability"], each["share"], style=style)
    return chart.draw(
        f"Reliability of {subject}. Dots, solid: after scaling; diamonds, broken: before; "
        f"a calibrated model is on the thin diagonal. Bars: 95 % intervals."
    )
