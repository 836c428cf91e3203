"""The report: one file that is read offline, on any screen, without colour."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stance.behaviour import examine
from stance.confidence import LEVELS
from stance.dossier import html_report, model_card, verdicts
from stance.dossier.figures import BY_LABEL
from stance.dossier.markup import node, table
from stance.dossier.plots import bar

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def figure(value: float | None, half: float = 0.02) -> dict[str, float | None]:
    return {
        "value": value,
        "low": None if value is None else value - half,
        "high": None if value is None else value + half,
    }


def calibrated(ece: float) -> dict[str, Any]:
    bins = [{"n": 9, "probability": p, "share": figure(p + ece)} for p in (0.4, 0.6, 0.9)]
    labels = ("against", "for")
    return {
        "ece": figure(ece, 0.01),
        "log_loss": figure(0.4 + ece),
        "brier": figure(0.2 + ece),
        "labels": {label: {"ece": figure(ece)} for label in labels},
        "reliability": dict.fromkeys(("predicted", *labels), bins),
    }


def part(i: int) -> dict[str, Any]:
    return {
        "name": f"actor=number{i}",
        "rows": 40,
        "rest": 0.2,
        "p_corrected": 0.04,
        "error": figure(i / 100),
        "macro_f1": figure(0.5),
    }


def result(**changes: Any) -> dict[str, Any]:
    """An evaluation with everything in it, and texts that would break a careless page."""
    nasty = "<script>alert('x')</script> & “never” " + "a" * 200
    labels = {
        label: {**{key: figure(0.7) for key in BY_LABEL}, "support": 1200}
        for label in ("against", "for")
    }
    figures = {
        **{key: figure(0.8) for key in ("macro_f1", "weighted_f1", "accuracy", "log_loss")},
        **{key: figure(0.6) for key in ("balanced_accuracy", "mcc")},
        "roc_auc": figure(None),
        "labels": labels,
        "confusion": [[1000, 200], [100, 1100]],
    }
    rate = {"cases": 60, "failures": 12, "rate": 0.2, "low": 0.12, "high": 0.32}
    published = [{"test": "negation", "rates": {"Google": 0.9}, "source": "somebody 2020"}]
    flip = {"text": nasty, "variant": nasty, "before": "for", "after": "against", "shift": 0.4}
    changed = {
        "sentences": 400,
        "variants": 800,
        "flips": 20,
        "flip_rate": figure(0.025, 0.01),
        "mean_shift": figure(0.02, 0.01),
        "limit": 0.03,
        "published": published,
        "examples": [flip],
    }
    actors = {
        f"a{i}": {
            "name": f"Actor of a long name {i}",
            "type": "state",
            "swaps": 90,
            "flips": i,
            "shift": 0.01 * i,
            "shift_interval": [0.009 * i, 0.011 * i],
            "direction": 0.01 * (i - 4),
            "direction_interval": [0.01 * (i - 5), 0.01 * (i - 3)],
        }
        for i in range(9)
    }
    kappas = {"kappa": figure(0.61), "same": figure(0.79)}
    wrong = {
        "text": nasty,
        "gold": "for",
        "predicted": "against",
        "probabilities": {"against": 0.9, "for": 0.1},
        "words": [{"text": "never", "start": 33, "end": 38, "weight": 0.4}],
    }
    found = {
        "model": "20260101-default",
        "data": {"name": "data test", "rows": 2028, "groups": 507, "warnings": ["few & far"]},
        "figures": figures,
        "baselines": {"majority": {"n": 500, **figures, "difference": figure(0.3)}},
        "calibration": {"before": calibrated(0.08), "after": calibrated(0.02)},
        "selective": {
            "area": figure(0.1),
            "chance_area": 0.2,
            "error": figure(0.2),
            "at": {"0.8": {"error": figure(0.1), "ratio": figure(0.5)}},
            "curve": [{"coverage": i / 20, "error": 0.01 * i} for i in range(1, 21)],
        },
        "sets": {
            "level": 0.9,
            "coverage": figure(0.95),
            "size": figure(1.3),
            "single": figure(0.75),
            "labels": {"against": figure(0.8), "for": figure(0.97)},
        },
        "abstention": [{"level": 0.9, "precision": figure(0.91), "answered": figure(0.7)}],
        "unfamiliar": figure(0.03),
        "unfamiliar_by_words": {"01-10": figure(0.6), "over 30": figure(0.02)},
        "outside": {
            "sport": {
                "cases": 24,
                "flagged": 12,
                "rate": 0.5,
                "low": 0.31,
                "high": 0.69,
                "silent": 15,
            }
        },
        "slices": {"tested": 9, "worst": [part(9)], "columns": {"actor": [part(8), part(9)]}},
        "behaviour": {"negation": {**rate, "published": published}, "irony": rate},
        "perturbations": {"typos": changed, "source": {**changed, "limit": None}},
        "swaps": {
            "sentences": 100,
            "swaps": 810,
            "flips": 20,
            "flip_rate": 0.025,
            "mean_shift": 0.01,
            "intervals": {"flip_rate": figure(0.025), "mean_shift": figure(0.01, 0.001)},
            "actors": actors,
            "worst": "a8",
            "fewest": 20,
            "kinds": {"capitals": {"swaps": 80, "flips": 2, **figure(0.025)}},
            "largest": [flip],
        },
        "faithfulness": {
            "sentences": 60,
            "removed": [0, 0.5, 1],
            "curve": [0.9, 0.3, 0.3],
            "random": [0.9, 0.6, 0.3],
            "area": 0.4,
            "random_area": 0.6,
            "gain": 0.2,
            "low": 0.1,
            "high": 0.3,
        },
        "agreement": {
            "annotators": [
                {"annotator": 1, "rows": 90, "model": kappas, "people": None},
                {"annotator": 2, "rows": 90, "model": kappas, "people": kappas},
            ],
            "alpha": figure(0.7),
        },
        "errors": {"count": 300, "confident": [wrong] * 25, "near": [wrong]},
        **changes,
    }
    return {"limits": verdicts(found), **found}


class Reader(HTMLParser):
    """Reads what a browser would act on."""

    VOID = frozenset(("meta", "br", "img", "link", "input", "hr"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.loose_tables = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "table":
            parents = [attributes for name, attributes in self.tags if name == "div"]
            self.loose_tables += parents[-1].get("class") != "scroll"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data.replace("\u00a0", " ")


def test_page_is_whole_and_fetches_and_runs_nothing() -> None:
    read = Reader(html_report(result()))
    assert read.open == []
    assert not {"script", "link", "iframe", "object", "img"} & {tag for tag, _ in read.tags}
    for _, attributes in read.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    page = html_report(result())
    assert "url(" not in page
    assert "@import" not in page


def test_links_lead_somewhere_and_ids_are_unique() -> None:
    read = Reader(html_report(result()))
    ids = [a["id"] for _, a in read.tags if "id" in a]
    links = [a["href"] for tag, a in read.tags if tag == "a"]
    assert len(ids) == len(set(ids))
    assert len(links) == 11
    assert {str(link)[1:] for link in links} <= set(ids)


def test_texts_are_shown_as_they_are() -> None:
    read = Reader(html_report(result()))
    assert "<script>alert('x')</script> & “never”" in read.words
    assert "few & far" in read.words
    assert read.words.count("against 0.90, gold for") == 26  # every error that is in report.json
    assert "the lead over them, on 500 of the sentences, drawn" in read.words
    assert "1.300 [1.280, 1.320] labels in a set, one alone in 75.0% [73.0%, 77.0%]" in read.words
    assert "log loss 0.480 [0.460, 0.500] before, 0.420 [0.400, 0.440] after" in read.words
    others = read.words.split("Other figures of each")[1]
    assert "majority0.800 [0.780, 0.820]0.600 [0.580, 0.620]0.600 [0.580, 0.620]" in others
    of_labels = others.split("F1 of each label")[1]
    assert "majority0.700 [0.680, 0.720]0.700 [0.680, 0.720]" in of_labels
    assert "01-1060.0% [58.0%, 62.0%]over 302.0%" in read.words
    assert "sport50.0% [31.0%, 69.0%]15 of 24" in read.words  # of other domains
    assert "2900.610 [0.590, 0.630]0.610 [0.590, 0.630]0.790 [0.770, 0.810]" in read.words
    assert "Krippendorff's alpha of all 0.700 [0.680, 0.720]" in read.words


def test_pictures_and_tables_are_told_in_words_too() -> None:
    page = html_report(result())
    read = Reader(page)
    pictures = [a for tag, a in read.tags if tag == "svg"]
    assert len(pictures) > 20
    assert all(a["role"] == "img" and a["aria-label"] and a["viewbox"] for a in pictures)
    assert page.count("<caption>") == page.count("<table")
    assert "✗" in page  # what is missed is marked, not only coloured
    assert "missed" in read.words
    assert "met" in read.words


def test_nothing_is_wider_than_a_narrow_screen() -> None:
    read = Reader(html_report(result()))
    assert read.loose_tables == 0
    for tag, attributes in read.tags:
        if tag in ("svg", "table", "div", "section", "figure"):
            assert "width" not in attributes
    style = html_report(result()).split("<style>")[1].split("</style>")[0]
    widths = re.findall(r"[^-]min-width:\s*([\d.]+)rem", style)
    assert all(float(width) * 16 < 360 for width in widths)
    assert "overflow-wrap: anywhere" in style


def test_page_follows_light_dark_and_paper() -> None:
    page = html_report(result())
    assert "@media (prefers-color-scheme: dark)" in page
    assert "@media print" in page
    names = {*re.findall(r"var\((--\w+)\)", page)}
    assert names
    blocks = re.findall(r":root \{([^}]*)\}", page)
    assert len(blocks) == 3  # paper of a reader whose screen is dark is white too
    for block in blocks:
        assert names <= set(re.findall(r"--\w+(?=:)", block))


def test_limits_missed_come_first_with_what_was_found() -> None:
    read = Reader(html_report(result()))
    glance = read.words.split("At a glance")[1].split("Figures")[0]
    assert "6 of 12 limits are met." in glance
    assert glance.index("missed") < glance.index("met", glance.index("missed") + 6)
    assert "Actor of a long name 8" in glance
    assert "coverage of label sets: againstmissed0.800at least 0.85" in glance
    assert "coverage of label setsmissed0.950at most 0.93" in glance


def test_what_was_not_measured_has_no_section() -> None:
    keys = ("model", "data", "figures")
    bare = {key: value for key, value in result().items() if key in keys}
    read = Reader(html_report({**bare, "baselines": {}, "behaviour": {}, "agreement": None}))
    assert {a["id"] for _, a in read.tags if "id" in a} == {"figures", "baselines", "behaviour"}
    assert "not at hand" in read.words
    no_swaps = {"sentences": 0, "swaps": 0, "flips": 0, "flip_rate": None, "mean_shift": None}
    read = Reader(html_report(result(swaps=no_swaps, faithfulness={"sentences": 0})))
    assert "No sentence names a state" in read.words


def test_actors_put_in_a_few_times_are_told_as_few_and_are_not_the_worst() -> None:
    swaps = result()["swaps"]
    few = {**swaps["actors"]["a8"], "name": "Rare", "swaps": 3, "shift": 0.9}
    found = result(swaps={**swaps, "actors": {**swaps["actors"], "rare": few}})
    words = Reader(html_report(found)).words
    assert "worst actor, Actor of a long name 8" in words
    assert "Put in fewer than 20 times, too few for a verdict: Rare 3." in words
    assert words.count("Rare") == 1
    alone = result(swaps={**swaps, "actors": {"rare": few}, "worst": None})
    words = Reader(html_report(alone)).words
    assert "worst actor" not in words
    assert "no actor was put in 20 times" in words
    assert not any("worst actor" in limit["name"] for limit in alone["limits"])


def test_figures_of_a_kind_that_the_page_does_not_know_are_told_all_the_same() -> None:
    drift = {"form": [{"name": "speech", "f1": {"n": 40, **figure(0.6)}, "n": 40}]}
    read = Reader(html_report(result(drift=drift, empty={"n": 3})))
    assert "form, speech, f1" in read.words
    assert "0.600 [0.580, 0.620]" in read.words
    ids = {a["id"] for _, a in read.tags if "id" in a}
    assert "drift" in ids
    assert "empty" not in ids


def test_many_slices_of_a_column_are_cut_to_the_worst() -> None:
    parts = [part(i) for i in range(30)]
    found = {"tested": 30, "worst": [parts[29]], "columns": {"actor": parts}}
    words = Reader(html_report(result(slices=found))).words
    assert "the 12 of 30 with the largest error" in words
    assert "number18" in words
    assert "number17" not in words
    assert "actor=number29" in words
    none = {"tested": 0, "worst": [], "columns": {}}
    assert "No part of the data" in Reader(html_report(result(slices=none))).words


def test_texts_of_other_domains_are_counted_by_kind_and_told(model_folder: Path) -> None:
    import stance
    from stance.evaluation.confident import outside

    model = stance.load(model_folder)
    assert outside(model) is None
    Path("corpus").mkdir()
    Path("corpus/outside.csv").write_text("id,kind,text\n1,code,qq zz xx ((()))\n2,sport,we met.\n")
    model.manifest = replace(model.manifest, data={"path": ["corpus"]})
    never = np.full(len(LEVELS), np.inf)
    model.confidence = replace(model.confidence, farthest=-1.0, answers=never)
    found = outside(model)
    assert found is not None
    assert list(found) == ["code", "sport"]
    assert (found["sport"]["cases"], found["sport"]["flagged"], found["sport"]["rate"]) == (1, 1, 1)
    assert found["sport"]["low"] == pytest.approx(0.2065, abs=1e-4)  # Wilson's of 1 in 1
    assert found["sport"]["silent"] is None  # dev does not reach the precision
    # What is not far gets no label all the same where the model is not sure enough.
    model.confidence = replace(model.confidence, farthest=1e9, answers=np.full(len(LEVELS), 1.1))
    found = outside(model)
    assert found is not None
    assert (found["code"]["flagged"], found["code"]["silent"]) == (0, 1)
    words = Reader(html_report(result(outside=found))).words
    assert "code0.0% [0.0%, 79.3%]1 of 1" in words


def test_zero_shot_model_stands_beside_the_others(model_folder: Path, tiny_encoder: Path) -> None:
    import stance
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    names = {0: "contradiction", 1: "entailment"}
    config = BertConfig.from_pretrained(tiny_encoder, id2label=names, label2id=None)
    BertForSequenceClassification(config).save_pretrained("nli")
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained("nli")
    found = stance.evaluate(model_folder, split="dev", nli="nli", behaviour=False, output=None)
    assert found.result["baselines"]["zero-shot nli"]["difference"]["low"] is not None
    assert "zero-shot nli" in Reader(found.to_html()).words


def test_what_the_tests_of_behaviour_find_can_be_laid_out(model_folder: Path) -> None:
    import stance

    texts = ["Sweden met Norway on monday.", "“We will not go,” the army said."]
    found = examine(stance.load(model_folder), texts)
    read = Reader(html_report(result(**found)))
    assert "2 sentences" in read.words
    assert "was put in 20 times" in read.words


def test_interval_that_leaves_the_scale_stays_in_its_picture() -> None:
    drawn = bar({"value": 1.4, "low": -3.0, "high": 9.0}, limit=2)
    assert drawn is not None
    for mark in drawn:
        assert all(0 <= float(mark.get(name, "0")) <= 200 for name in ("x1", "x2", "cx"))
    assert bar(figure(None)) is None


def test_text_and_elements_keep_their_order() -> None:
    from xml.etree.ElementTree import tostring

    made = node("p", "a", node("b", "c"), "d", None, "e", class_="f")
    assert tostring(made, encoding="unicode") == '<p class="f">a<b>c</b>de</p>'
    cells = table(("x", "y"), [("r", "1")], caption="t", numbers=1)
    assert tostring(cells, encoding="unicode").count('class="number"') == 2


MANIFEST = {
    "labels": ["against", "for"],
    "config": {
        "encoder": {"name": "all-MiniLM-L6-v2", "max_length": 128},
        "train": {"epochs": 3.0, "batch_size": 32, "learning_rate": 1.5e-4, "seed": 13},
    },
    "data": {"path": ["data"], "fingerprint": "0123456789abcdef01", "rows": {"train": 1200}},
    "provenance": {"duration_seconds": 600, "machine": "Linux", "versions": {"stance": "0.1.0"}},
}


def test_card_is_read_by_the_library_of_model_hubs() -> None:
    from huggingface_hub import ModelCard

    card = ModelCard(model_card(result(), MANIFEST))
    assert card.data.license == "apache-2.0"
    assert card.data.language == ["en"]
    assert card.data.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    found = {each.metric_name: each for each in card.data.eval_results}
    assert found["Macro-F1"].metric_value == 0.8
    assert found["Macro-F1"].dataset_revision == "0123456789abcdef01"
    assert "ROC-AUC, one against the rest" not in found  # it is not defined
    assert found["Accuracy"].task_type == "text-classification"


def test_card_says_what_the_model_learnt_from_and_what_it_misses() -> None:
    card = model_card(result(), MANIFEST)
    for said in (
        "1,200 in train",
        "learning rate 0.00015",
        "| macro-F1 | 0.800 [0.780, 0.820] |",
        "| majority | 0.800 [0.780, 0.820] |",
        "6 of 12 limits are met. Missed:",
        "| challenge: negation | 0.200 | at most 0.1 |",
        "| coverage of label sets: against | 0.800 | at least 0.85 |",
        "## Use and misuse",
    ):
        assert said in card, said
    assert "challenge: typos" not in card


def test_card_claims_no_licence_of_other_data() -> None:
    other = {**MANIFEST, "data": {**MANIFEST["data"], "path": ["data", "public:cameo"]}}
    front = model_card(result(), other).split("---")[1]
    assert "license: other" in front
    assert "apache" not in front


def test_evaluation_writes_page_and_card_and_says_the_same_in_all(model_folder: Path) -> None:
    import stance

    folder = Path("models") / model_folder.name
    shutil.copytree(model_folder, folder)
    found = stance.evaluate(folder, baselines=False, html="mine/page.html")
    assert found.folder is not None
    page = (found.folder / "report.html").read_text(encoding="utf-8")
    assert Path("mine/page.html").read_text(encoding="utf-8") == page == found.to_html()
    assert {a["id"] for _, a in Reader(page).tags if "id" in a} >= {
        *("limits", "figures", "calibration", "selective", "perturbations", "swaps"),
        *("faithfulness", "errors"),
    }
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card == (found.folder / "README.md").read_text(encoding="utf-8")
    f1 = f"{found.result['figures']['macro_f1']['value']:.3f}"
    assert f"| macro-F1 | {f1}" in card
    assert f"Macro-F1 {f1}" in Reader(page).words
    assert found.result["limits"] == verdicts(found.result)
    for error in found.result["errors"]["confident"]:
        assert [word["text"] for word in error["words"]]
    assert stance.load(folder).predict("we met.").label  # the folder is as sound as before


def test_evaluation_without_behaviour_or_on_other_data_writes_no_card(model_folder: Path) -> None:
    import stance

    folder = Path("models") / model_folder.name
    shutil.copytree(model_folder, folder)
    found = stance.evaluate(folder, split="dev", baselines=False, behaviour=False)
    assert not {"behaviour", "perturbations", "swaps"} & set(found.result)
    assert found.to_text()
    assert found.folder is not None
    assert (found.folder / "report.html").is_file()
    assert not (folder / "README.md").exists()


MEASURE = """
<script>
addEventListener("load", () => setTimeout(() => {
  const said = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument;
    const wide = page.documentElement.scrollWidth;
    if (wide > frame.clientWidth) said.push("overflow " + frame.clientWidth + " " + wide);
    for (const each of frame.clientWidth > 700 ? page.querySelectorAll("table") : [])
      if (each.scrollWidth > each.parentElement.clientWidth + 1)
        said.push("scrolls " + frame.clientWidth + " " + each.caption.textContent);
    for (const each of page.images) if (!each.naturalWidth) said.push("broken " + each.src);
    for (const each of page.querySelectorAll("svg")) {
      const box = each.getBoundingClientRect();
      if (!box.width || !box.height) said.push("empty picture " + each.outerHTML.slice(0, 80));
    }
    for (const each of page.querySelectorAll("p, li, h1, h2, blockquote, figure")) {
      const box = each.getBoundingClientRect();
      if (box.right > frame.clientWidth + 1) said.push("cut " + each.textContent.slice(0, 40));
    }
    said.push("read " + page.querySelectorAll("section").length);
  }
  document.title = JSON.stringify(said);
}, 50));
</script>
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_windows_and_paper_without_errors(scheme: str, tmp_path: Path) -> None:
    """In Chromium where there is one; elsewhere the tests above read the page for the same."""
    page = html_report(result())
    Reader(page)
    if CHROMIUM is None:
        return
    printed = page.replace("@media print", "@media all")  # and A4, which does not scroll
    frames = "".join(
        f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{escaped(shown)}"></iframe>'
        for width, shown in ((400, page), (1280, page), (718, printed))
    )
    path = tmp_path / "frames.html"
    path.write_text(f"<!DOCTYPE html><title>no</title>{frames}{MEASURE}", encoding="utf-8")
    dark = "0" if scheme == "dark" else "1"
    done = subprocess.run(
        [
            CHROMIUM,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--blink-settings=preferredColorScheme={dark}",
            *("--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom"),
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None
    assert title.group(1) == '["read 12","read 12","read 12"]'


def escaped(page: str) -> str:
    return page.replace("&", "&amp;").replace('"', "&quot;")
