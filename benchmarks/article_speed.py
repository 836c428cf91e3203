"""How long one article of 800 words takes, everything on: speakers, context, words, the page.

    python benchmarks/article_speed.py [ARTICLE]

Warm is the second article of a process; cold is a shell command, imports and all. On a machine that
others use look at the processor's seconds rather than at the clock's.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import stance
from stance.article import Document
from stance.corpus.articles import load_articles

WORDS = 800


def text_of(argument: str | None) -> str:
    """Return the article named, or our own articles up to 800 words."""
    if argument:
        return stance.read_document(argument).text
    text = ""
    for article in load_articles("data"):
        paragraphs = article.text.split("\n\n")
        for paragraph in paragraphs[1:]:
            if len(text.split()) < WORDS:
                text += paragraph + "\n\n"
    return text


def warm(text: str) -> None:
    """Time each step in a process that has read an article before."""
    model = stance.load()
    model.score_article("Ministers met. They refused to talk.")
    article = model.score_article(text, context=1)
    steps: dict[str, tuple[float, float]] = {}
    for name, step in (
        ("sentences alone", lambda: model.score_article(text, speakers=False)),
        ("speakers, actors, pairs", lambda: model.score_article(text)),
        ("and in context", lambda: model.score_article(text, context=1)),
        ("words of the strongest", lambda: model.weigh_words(article)),
        ("the page", article.to_html),
    ):
        clock, work = time.perf_counter(), time.process_time()
        step()
        steps[name] = (time.perf_counter() - clock, time.process_time() - work)
    for name, (clock, work) in steps.items():
        print(f"  {name:26} {clock:6.2f} s   {work:6.2f} s of a processor")
    last = list(steps)[2:]
    clock, work = (sum(steps[name][i] for name in last) for i in (0, 1))
    print(f"  {'warm, everything on':26} {clock:6.2f} s   {work:6.2f} s of a processor")


def cold(text: str) -> None:
    """Time the shell command."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "article.txt"
        path.write_text(text, encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock = time.perf_counter()
        command = [sys.executable, "-m", "stance", "report", str(path), "--context", "1"]
        subprocess.run([*command, "--html", str(path.with_suffix(".html"))], check=True)
        clock = time.perf_counter() - clock
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"  {'cold, from the shell':26} {clock:6.2f} s   {work:6.2f} s of a processor")


def main(argument: str | None = None) -> None:
    text = text_of(argument)
    document = Document("<text>", text)
    print(f"{len(document.text.split())} words")
    warm(text)
    cold(text)


if __name__ == "__main__":
    main(*sys.argv[1:2])
