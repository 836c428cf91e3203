"""The report of an evaluation: one HTML file, whatever of the evaluation there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from xml.etree.ElementTree import Element

from stance.dossier import behaviour, figures
from stance.dossier.limits import SWAPS
from stance.dossier.markup import node, page, table
from stance.dossier.slices import slices
from stance.metrics import told

Section = Callable[[Mapping[str, Any]], Iterator[Element]]

_SECTIONS: tuple[tuple[str, str, Section], ...] = (
    ("figures", "Figures", figures.measures),
    ("baselines", "Better than what", figures.baselines),
    ("calibration", "Calibration", figures.calibration),
    ("selective", "Knowing when not to answer", figures.selective),
    ("agreement", "Agreement with people", figures.agreement),
    ("slices", "Where it is worse", slices),
    ("behaviour", "Challenge sets", behaviour.challenges),
    ("perturbations", "Changes that must not matter", behaviour.perturbations),
    ("swaps", "Fairness to actors", partial(behaviour.swaps, limits=SWAPS)),
    ("faithfulness", "Evidence", behaviour.evidence),
    ("errors", "Errors to read", behaviour.errors),
)
"""Key of the result, title, and what lays it out; a key that is absent is passed over."""


def html_report(result: Mapping[str, Any]) -> str:
    """Lay out an evaluation as a self-contained HTML page.

    Args:
        result: `stance.Evaluation.result`.

    Returns:
        A page that needs no network and no script, fits narrow screens and paper, follows the
        reader's light or dark setting, and says in words or shapes whatever a colour says.
    """
    data = result["data"]
    shown = [(key, title, lay) for key, title, lay in _SECTIONS if result.get(key) is not None]
    known = {"model", "data", "limits", *figures.WITH_SELECTIVE, *(key for key, *_ in _SECTIONS)}
    shown += [
        (key, key.capitalize(), partial(_others, key=key))
        for key in result
        if key not in known and any(figures.others(key, result[key]))
    ]
    links = [node("li", node("a", title, href=f"#{key}")) for key, title, _ in shown]
    f1 = result["figures"]["macro_f1"]
    sections = [
        node("section", node("h2", title), *lay(result), id=key) for key, title, lay in shown
    ]
    return page(
        f"{result['model']} on {data['name']}",
        node("h1", f"{result['model']} on {data['name']}"),
        node(
            "p", f"Macro-F1 {told(f1)} on {data['rows']:,} sentences in {data['groups']:,} groups."
        ),
        *(node("p", f"Note: {warning}", class_="soft") for warning in data.get("warnings", ())),
        node(
            "p",
            "Figures in brackets are 95 % intervals, from a bootstrap that draws whole groups (an "
            "article, a family of sentences) unless a section says otherwise. In pictures a dot is "
            "the figure, the line through it its interval, and a broken upright line its limit.",
            class_="soft",
        ),
        node("nav", node("ul", *links), aria_label="Sections"),
        *([_limits(result)] if result.get("limits") else []),
        *sections,
    )


def _others(result: Mapping[str, Any], *, key: str) -> Iterator[Element]:
    return figures.others(key, result[key])


def _limits(result: Mapping[str, Any]) -> Element:
    """Return what is held to a limit, those missed first."""
    held = sorted(result["limits"], key=lambda each: each["met"])
    rows = [
        [
            each["name"],
            node(
                "span",
                *(["met"] if each["met"] else ["missed"]),
                class_="met" if each["met"] else "missed",
            ),
            f"{each['value']:.3f}",
            f"{each['bound']} {each['limit']:g}",
        ]
        for each in held
    ]
    missed = sum(not each["met"] for each in held)
    return node(
        "section",
        node("h2", "At a glance"),
        node("p", f"{len(held) - missed} of {len(held)} limits are met."),
        table(("figure", "limit", "found", "held to"), rows, caption="Limits", numbers=2),
        id="limits",
    )
