"""Sections of a report on what a model does where its label should be known, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from stance.dossier.limits import CHALLENGE
from stance.dossier.markup import Child, node, table
from stance.dossier.plots import Chart, bar
from stance.metrics import told

KINDS = {
    "typos": "typos (two letters swapped)",
    "case": "case (all small, all capitals)",
    "punctuation": "punctuation",
    "quotes": "style of quotation marks",
    "contractions": "contractions",
    "source": "a source added in front",
    "frame": "attribution in other words",
}


def challenges(result: Mapping[str, Any]) -> Iterator[Element]:
    """Failure rates of the challenge sets, beside published ones."""
    found = result.get("behaviour")
    if not found:
        yield node("p", "No challenge sets were found beside the model's corpus.")
        return
    rows: list[list[Child]] = []
    for capability, each in found.items():
        figure = {"value": each["rate"], "low": each.get("low"), "high": each.get("high")}
        rows.append(
            [
                capability,
                bar(figure, limit=CHALLENGE),
                _held(each["rate"], CHALLENGE),
                told(figure, percent=True),
                f"{each['failures']} of {each['cases']}",
            ]
        )
    head = ("capability", "failures, 0 to 100 %", "limit 10 %", "rate", "cases")
    caption = "Challenge sets, a capability each; intervals after Wilson"
    yield table(head, rows, caption=caption, numbers=2)
    yield from _published(found)


def perturbations(result: Mapping[str, Any]) -> Iterator[Element]:
    """What changes that must not matter do."""
    found = result["perturbations"]
    rows: list[list[Child]] = []
    for kind, each in found.items():
        limit = each["limit"]
        rows.append(
            [
                KINDS.get(kind, kind),
                bar(each["flip_rate"], high=0.2, limit=limit),
                _held(each["flip_rate"]["value"], limit),
                told(each["flip_rate"], percent=True),
                told(each["mean_shift"]),
                f"{each['variants']:,}",
                f"{each['sentences']:,}",
            ]
        )
    head = ("change", "flips, 0 to 20 %", "limit", "flips", "mean |Δp|", "variants", "sentences")
    caption = "Changes that must not matter, in a draw of the sentences"
    yield table(head, rows, caption=caption, numbers=4)
    yield from _published(found)
    flips = [(KINDS.get(k, k), e) for k, each in found.items() for e in each["examples"][:1]]
    if flips:
        yield node("h3", "One flip of each kind")
    for kind, example in flips:
        turn = f"{kind}: {example['before']} becomes {example['after']}"
        yield node("p", turn, class_="soft")
        yield node("blockquote", example["text"], node("br"), "→ ", example["variant"])


def swaps(result: Mapping[str, Any], limits: Mapping[str, float]) -> Iterator[Element]:
    """What a model makes of the same sentence about somebody else."""
    found = result["swaps"]
    if not found["swaps"]:
        yield node("p", "No sentence names a state or an armed group that can be swapped.")
        return
    told_of: list[tuple[str, Mapping[str, Any], str, bool]] = [
        ("swaps that change the label", found["intervals"]["flip_rate"], "flips", True),
        ("mean |Δp|", found["intervals"]["mean_shift"], "shift", False),
    ]
    if worst := found["actors"].get(found["worst"]):
        low, high = worst["shift_interval"]
        largest = {"value": worst["shift"], "low": low, "high": high}
        told_of.append((f"worst actor, {worst['name']}", largest, "worst", False))
    rows: list[list[Child]] = []
    for name, figure, key, percent in told_of:
        limit = limits[key]
        drawn = bar(figure, high=0.2, limit=limit)
        rows.append([name, drawn, _held(figure["value"], limit), told(figure, percent=percent)])
    yield table(
        ("figure", "0 to 0.2", "limit", "found"),
        rows,
        caption=f"{found['swaps']:,} swaps in {found['sentences']} sentences drawn from the data",
        numbers=1,
    )
    yield from _actors(found["actors"].values(), found["fewest"])
    kinds = [
        [kind, f"{each['flips']:,} of {each['swaps']:,}", told(each, percent=True)]
        for kind, each in found["kinds"].items()
    ]
    head = ("actor named by", "flips", "share")
    yield table(head, kinds, caption="By how the sentence names its actor", numbers=2)
    yield node("h3", "The largest shifts")
    for each in found["largest"]:
        turn = f"|Δp| {each['shift']:.2f}: {each['before']}, then {each['after']}"
        yield node("p", turn, class_="soft")
        yield node("blockquote", each["text"], node("br"), "→ ", each["variant"])


def evidence(result: Mapping[str, Any]) -> Iterator[Element]:
    """Whether the words that are shown are the words that the model goes by."""
    found = result["faithfulness"]
    if not found["sentences"]:
        yield node("p", "There was no sentence to explain.")
        return
    chart = Chart(
        "Probability of the label as words are taken out",
        across="share of the words taken out",
        up="probability of the label",
    )
    removed = found["removed"]
    middle = len(removed) // 2
    curve = list(zip(removed, found["random"], strict=True))
    chart.line(curve, style="two", name="random words", at=middle)
    curve = list(zip(removed, found["curve"], strict=True))
    chart.line(curve, style="one", name="weightiest first", at=middle)
    yield chart.draw(
        f"Deletion curves of {found['sentences']} sentences. Area {found['area']:.3f} by weight "
        f"(solid), {found['random_area']:.3f} at random (broken); gain "
        f"{told({'value': found['gain'], **_interval(found)})}."
    )


def errors(result: Mapping[str, Any]) -> Iterator[Element]:
    """The most confident mistakes, with the words that carry them."""
    found = result["errors"]
    yield node("p", f"{found['count']:,} sentences are labelled otherwise than gold.")
    for name, title in (("confident", "Most confident"), ("near", "Near-misses")):
        if found.get(name):
            yield node("h3", title)
        for each in found.get(name, ()):
            yield _error(each)


def _error(each: Mapping[str, Any]) -> Element:
    predicted = each["predicted"]
    told = f"{predicted} {each['probabilities'][predicted]:.2f}, gold {each['gold']}"
    words = [word for word in each.get("words", ()) if word["weight"] > 0.02]
    best = sorted(words, key=lambda word: -word["weight"])[:3]
    carried = ", ".join(f"{word['text']} (+{word['weight']:.2f})" for word in best)
    quoted = node("blockquote", *_marked(each["text"], best))
    return node(
        "div",
        node("p", told, class_="soft"),
        quoted,
        node("p", f"carried by: {carried}" if carried else "", class_="soft"),
        class_="error",
    )


def _marked(text: str, words: Sequence[Mapping[str, Any]]) -> Iterator[Child]:
    """Yield a text with the words that carry its label marked."""
    at = 0
    for word in sorted(words, key=lambda word: word["start"]):
        yield text[at : word["start"]]
        yield node("mark", word["text"])
        at = word["end"]
    yield text[at:]


def _actors(actors: Collection[Mapping[str, Any]], fewest: int) -> Iterator[Element]:
    """A row an actor, from the one made most hardline to the most conciliatory; then the few."""
    counted = [actor for actor in actors if actor["swaps"] >= fewest]
    known = [actor for actor in counted if actor["direction"] is not None]
    if known:
        yield _directions(known, fewest)
    else:
        why = "the labels have no poles" if counted else f"no actor was put in {fewest} times"
        yield node("p", f"No direction of shifts is told: {why}.")
    few = [f"{actor['name']} {actor['swaps']}" for actor in actors if actor["swaps"] < fewest]
    if few:
        names = f"Put in fewer than {fewest} times, too few for a verdict: {', '.join(few)}."
        yield node("p", names, class_="soft")


def _directions(known: list[Mapping[str, Any]], fewest: int) -> Element:
    known.sort(key=lambda actor: -actor["direction"])
    rows: list[list[Child]] = []
    for actor in known:
        low, high = actor["direction_interval"]
        figure = {"value": actor["direction"], "low": low, "high": high}
        drawn = bar(figure, low=-0.2, high=0.2)
        swaps = f"{actor['flips']} of {actor['swaps']}"
        rows.append(
            [actor["name"], drawn, f"{actor['direction']:+.3f}", f"{actor['shift']:.3f}", swaps]
        )
    head = ("actor put in", "conciliatory ← score → hardline", "score", "mean |Δp|", "flips")
    caption = (
        "Who is made to look more hardline: mean change of the score when an actor takes another's "
        f"place, −0.2 to +0.2, most hardline first; actors put in at least {fewest} times"
    )
    return table(head, rows, caption=caption, numbers=3)


def _interval(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"low": found.get("low"), "high": found.get("high")}


def _held(value: float | None, limit: float | None) -> Child:
    """Say whether a figure keeps to its limit."""
    if value is None or limit is None:
        return "no limit"
    return node(
        "span", "met" if value <= limit else "missed", class_="met" if value <= limit else "missed"
    )


def _published(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Element]:
    """Yield the published rates of the tests, if there are any."""
    rows = [
        [
            name,
            each["test"],
            ", ".join(f"{system} {rate:.0%}" for system, rate in each["rates"].items()),
            each["source"],
        ]
        for name, test in found.items()
        for each in test.get("published", ())
    ]
    if rows:
        caption = (
            "Published failures of sentiment systems in tests of the same capability; the task "
            "differs, so they say what is usual, not who is better"
        )
        yield table(("here", "there", "failures", "source"), rows, caption=caption)
