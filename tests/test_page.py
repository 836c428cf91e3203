"""The page: everything escaped, nothing fetched, offsets that hold, no error in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from stance.page import render
from stance.schema import (
    ActorScore,
    ArticleActor,
    Mention,
    Metadata,
    PairScore,
    Prediction,
    Score,
    ScoredArticle,
    ScoredPart,
    ScoredSentence,
    Share,
    Span,
    Statement,
    Word,
)

LABELS = ("conciliatory", "neutral", "hardline")
EVIL = (
    "<script>alert(1)</script> said “</script><img src=x onerror=alert(2)>”.\n"
    "Ministers & deputies met\x00 ‮in Göteborg‬ 😀 \u2028 %%{title} $title </span>.\n"
    "“We refuse,” said <b>Ivan</b>; Kyiv offered talks.\n"
    "0 Comments\n"
)


def article(text: str = EVIL, **changes: object) -> ScoredArticle:
    """A scored article that has everything a page may show."""
    lines = list(re.finditer(r"[^\n]+", text))
    speaker = Mention(0, 8, "<rus>", "name", ("ukr",))
    sentences = tuple(
        ScoredSentence(
            text=line.group(),
            start=line.start(),
            end=line.end(),
            label=LABELS[2 - n % 3],
            probabilities={"conciliatory": 0.1, "neutral": 0.2, "hardline": 0.7},
            score=0.6 - 0.6 * (n % 3),
            truncated=n == 1,
            form=("direct", "background", "narration")[n % 3],
            speaker=speaker if n % 3 != 1 else None,
            target=Mention(None, None, "ukr", "dispute") if n % 3 == 0 else None,
            parts=(
                (
                    ScoredPart("Kyiv", 0, 4, "neutral", {}, 0.0, "narration", speaker, None),
                    ScoredPart("said", 5, 9, "hardline", {}, 0.5, "direct", None, speaker),
                )
                if n == 2
                else ()
            ),
            in_context=Prediction("neutral", {"neutral": 0.6, "hardline": 0.4}, 0.0, False),
            evidence=(Word(line.group()[:7], 0, 7, 0.4), Word("x", 8, 9, -0.1)) if n == 0 else (),
        )
        for n, line in enumerate(lines[:-1])
    )
    said = tuple(Statement(n, None, 0.6) for n in range(len(sentences)))
    shares = {label: Share(1 / 3, 0.3, (0.1, 0.5)) for label in LABELS}
    score = Score(0.4, (0.1, 0.6), len(said), shares, (), said[:3], said)
    few = Score(None, None, 1, {label: Share(0.5) for label in LABELS}, (), said[:1], said[:1])
    actors = (
        ActorScore(ArticleActor("<rus>", "<i>Russia</i>", "state"), score, few, score),
        ActorScore(ArticleActor("ukr", "Ukraine", "state", "<rus>"), few, score),
    )
    fields: dict[str, object] = {
        "name": "evil <b>.txt",
        "sentences": sentences,
        "score": 0.2,
        "interval": (-0.1, 0.5),
        "counts": {"conciliatory": 1, "neutral": 1, "hardline": 1},
        "model": "m<1>",
        "poles": ("conciliatory", "hardline"),
        "warnings": ("<em>careful</em>",),
        "boilerplate": (Span(lines[-1].start(), lines[-1].end()),),
        "text": text,
        "metadata": Metadata(title="</title><script>", outlet="A & B", date="2026-01-02"),
        "actors": actors,
        "pairs": tuple(
            PairScore("<rus>", "ukr", level, words, few)
            for level, words in (("side", score), ("actor", few))
        ),
        "narration": few,
        "correction": {"source": "dev", "sentences": 9, "model": "m<1>"},
        "run": "r1",
    }
    return ScoredArticle(**{**fields, **changes})  # type: ignore[arg-type]


class Reader(HTMLParser):
    """Collects tags, attributes and the text of sentences."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, str]] = []
        self.sentences: dict[str, str] = {}
        self.data = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "span" and "data-n" in found:
            self.sentences[found["data-n"] or ""] = ""
        if tag not in ("meta", "rect", "line", "img", "br"):
            self.open.append((tag, found.get("class") or found.get("id") or ""))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        kinds = [name for _, name in self.open]
        if any(name == "data" for name in kinds):
            self.data += data
        if any(name in ("who", "vh") for name in kinds):
            return
        if any(name.startswith("s ") for name in kinds) and self.sentences:
            self.sentences[list(self.sentences)[-1]] += data


def shown(text: str) -> str:
    return text.replace("\x00", "\ufffd")


def test_a_text_full_of_markup_is_just_text() -> None:
    page = render(article())
    reader = Reader(page)
    scripts = [attrs for tag, attrs in reader.tags if tag == "script"]
    assert [s.get("type") for s in scripts] == ["application/json", None]
    assert not any(tag in ("img", "i", "em", "iframe", "link") for tag, _ in reader.tags)
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    for n, sentence in enumerate(article().sentences):
        assert reader.sentences[str(n)] == shown(sentence.text)
    assert "\x00" not in page
    assert "\u2028" not in page.split('id="data">')[1]


def test_data_of_the_page_is_the_articles() -> None:
    scored = article()
    found = json.loads(Reader(render(scored)).data)
    assert [tuple(s["at"]) for s in found["sentences"]] == [(s.start, s.end) for s in scored]
    for entry, sentence in zip(found["sentences"], scored, strict=True):
        assert entry["text"] == shown(" ".join(sentence.text.split()))
    assert (found["model"], found["run"], found["title"]) == ("m<1>", "r1", "</title><script>")


def test_the_page_fetches_nothing() -> None:
    page = render(article())
    assert "default-src 'none'" in page
    reader = Reader(page)
    for _, attrs in reader.tags:
        for name, value in attrs.items():
            if name in ("src", "href", "action", "data", "poster", "srcset"):
                assert (value or "").startswith("#"), (name, value)
    styles = page.split("<style>")[1].split("</style>")[0]
    assert "url(" not in styles
    assert "@import" not in styles


def test_links_lead_to_sentences_of_the_page() -> None:
    reader = Reader(render(article()))
    ids = {attrs.get("id") for _, attrs in reader.tags}
    links = [attrs["href"] or "" for tag, attrs in reader.tags if tag == "a"]
    assert links
    assert all(link[1:] in ids for link in links)


def test_nothing_is_told_by_colour_alone() -> None:
    page = render(article())
    assert 'class="vh"> (hardline, quotation, &lt;i&gt;Russia&lt;/i&gt; and Ukraine' in page
    style = page.split("<style>")[1].split("</style>")[0]
    assert '.s.high::before { content: "▲' in style
    assert '.s.low::before { content: "●' in style


def test_too_little_evidence_is_said() -> None:
    assert "too little evidence (1 of 3)" in render(article())


def test_without_speakers_or_poles_the_page_still_reads() -> None:
    plain = tuple(
        ScoredSentence(s.text, s.start, s.end, "yes", {"yes": 1.0}, None, False) for s in article()
    )
    page = render(
        article(
            sentences=plain,
            counts={"yes": 3},
            poles=None,
            score=None,
            interval=None,
            actors=(),
            pairs=(),
            narration=Score(None, None, 0),
            correction=None,
        )
    )
    assert "Who says what was not looked for" in page
    assert Reader(page).sentences["0"] == plain[0].text
    empty = render(article(sentences=(), actors=(), pairs=(), score=None, interval=None))
    assert 'id="article"' in empty


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WIDTHS = (400, 900, 1600)
# What a reader does, in a frame of each width; what is wrong is written into the page.
PROBE = """
<script>
const wrong = [];
window.onload = () => {
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    const key = (key, on) => on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    if (root.scrollWidth > frame.clientWidth) wrong.push(`overflow ${root.scrollWidth}`);
    const spans = page.querySelectorAll(".s[data-n]"), card = page.getElementById("card");
    spans[0].focus(); key("ArrowDown", spans[0]);
    if (page.activeElement !== spans[1]) wrong.push("arrow");
    if (card.hidden || !card.textContent.includes("neutral")) wrong.push("card");
    key("Escape", spans[1]);
    if (!card.hidden) wrong.push("escape");
    spans[0].click();
    if (!card.textContent.includes("Toward")) wrong.push("tap");
    key("c", spans[0]);
    const cited = card.dataset.citation || "";
    if (!/^[^“]*“[^“]* said ‘[^“”]*’[.]” .*, characters 0–\\d+[.] /.test(cited)) wrong.push(cited);
    card.querySelector("button").click();
    page.querySelector(".pick").click();
    if (page.querySelectorAll(".s.dim").length !== 1) wrong.push("filter");
    if (root.scrollWidth > frame.clientWidth) wrong.push(`overflow later ${root.scrollWidth}`);
    if (page.querySelector("img, i") || frame.contentWindow.evil) wrong.push("injected");
  }
  document.title = "probed: " + (wrong.join("; ") || "sound");
};
</script>
"""


def browse(tmp_path: Path, page: str) -> str:
    """Return the probe's verdict on a page, and what the browser's console said."""
    frames = "".join(
        f'<iframe style="width:{w}px;height:900px;border:0" srcdoc="{escape(page)}"></iframe>'
        for w in WIDTHS
    )
    harness = tmp_path / "probe.html"
    harness.write_text(f"<!doctype html><meta charset=utf-8>{PROBE}{frames}", encoding="utf-8")
    done = subprocess.run(
        [
            *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--enable-logging=stderr", "--virtual-time-budget=8000", "--window-size=1700,1000"),
            *(f"--user-data-dir={tmp_path / 'profile'}", f"file://{harness}"),
        ],
        capture_output=True,
        text=True,
        timeout=180,
    )
    title = re.search(r"<title>(probed: [^<]*)</title>", done.stdout)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return "\n".join([title[1] if title else "not probed", *console])


def test_page_works_in_a_browser_at_every_width(tmp_path: Path) -> None:
    page = render(article())
    for tag in ("span", "p", "div", "section", "details", "table", "ul", "b"):
        assert len(re.findall(rf"<{tag}\b", page)) == page.count(f"</{tag}>"), tag
    if CHROMIUM is None:  # then the markup is all that can be looked at
        return
    assert browse(tmp_path, page) == "probed: sound"


@pytest.mark.parametrize("text", ["One line.\nTwo.\n", "א" * 30 + "\nb\u0301" * 5 + "\nc\n"])
def test_every_text_has_a_page(text: str) -> None:
    assert Reader(render(article(text))).sentences
