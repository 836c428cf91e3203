"""Sentence boundaries: ours beside kept libraries, on the gold set and the published golden rules.

    python benchmarks/boundaries.py            # the table: dev, test, golden rules
    python benchmarks/boundaries.py --errors   # ours on dev and the rules; opens no test
    python benchmarks/boundaries.py --time     # seconds against length

A library that is not installed is left out of the table; none of them is needed by the project:

    pip install pysbd==0.3.4 blingfire==0.1.8 syntok==1.4.4 segtok==1.5.11 sentence-splitter==1.4 \
        spacy==3.8.18

A boundary lies between two sentences of a passage and counts as found if it is exact; blanks do not
count, so a splitter may keep or strip them. A sentence is whole if both its ends are right.
Libraries get a text paragraph by paragraph (split at blank lines), the usual way to call them; on
"our blocks" they get what `stance` cuts first: paragraphs, headlines, list items.
"""

from __future__ import annotations

import argparse
import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from stance.article.sentences import blocks, split

Splitter = Callable[[str], Sequence[str]]
"""From a paragraph to its sentences; together they hold every character but blanks, in order."""

MARK = "‖"
FOLDER = Path(__file__).parents[1] / "data" / "boundaries"
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Passage:
    """A text and its gold boundaries: how many characters that are no blanks stand before each."""

    name: str
    text: str
    gold: frozenset[int]


def read_gold(path: Path) -> list[Passage]:
    """Read a file in the format that the head of `data/boundaries/dev.txt` describes."""
    parts = re.split(r"^=== (\w+) \|.*\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    passages = []
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        marked = body.strip("\n")
        if not marked.endswith(MARK):
            raise ValueError(f"{path}: {name}: expected {MARK} at the end, found {marked[-20:]!r}")
        passages.append(Passage(name, marked.replace(MARK, ""), ends(marked.split(MARK)[:-1])))
    return passages


def size(text: str) -> int:
    return len("".join(text.split()))


def ends(sentences: Sequence[str]) -> frozenset[int]:
    """Return the boundaries between sentences that follow each other without a gap."""
    counts = np.cumsum([size(sentence) for sentence in sentences])
    return frozenset(int(count) for count in counts[:-1])


def ours(text: str) -> frozenset[int]:
    """Boundaries of `stance`: where a sentence begins or ends, since it may leave out a line."""
    spans = split(text)
    edges = {
        size(text[:edge])
        for span in (*spans.sentences, *spans.boilerplate)
        for edge in (span.start, span.end)
    }
    return frozenset(edges - {0, size(text)})


def by_paragraph(splitter: Splitter) -> Callable[[str], frozenset[int]]:
    def boundaries(text: str) -> frozenset[int]:
        parts = re.split(r"\n\s*\n", text)
        return ends([s for part in parts if part.strip() for s in splitter(part)])

    return boundaries


def on_our_blocks(splitter: Splitter) -> Callable[[str], frozenset[int]]:
    def boundaries(text: str) -> frozenset[int]:
        parts = (text[block.start : block.end].replace("\n", " ") for block in blocks(text))
        return ends([s for part in parts for s in splitter(part)])

    return boundaries


def libraries() -> Iterator[tuple[str, Splitter]]:
    """Yield those that are installed, each with its defaults for English."""
    for name, load in LOADERS.items():
        try:
            yield name, load()
        except ImportError:
            print(f"({name} is not installed)")


def load_sentencex() -> Splitter:
    import sentencex

    return lambda text: sentencex.segment("en", text)


def load_pysbd() -> Splitter:
    import pysbd

    return pysbd.Segmenter(language="en", clean=False).segment


def load_blingfire() -> Splitter:
    import blingfire

    return lambda text: blingfire.text_to_sentences(text).split("\n")


def load_syntok() -> Splitter:
    from syntok import segmenter

    def sentences(text: str) -> list[str]:
        paragraphs = segmenter.analyze(text)
        return ["".join(str(t) for t in sentence) for part in paragraphs for sentence in part]

    return sentences


def load_segtok() -> Splitter:
    from segtok import segmenter

    return lambda text: list(segmenter.split_multi(text))


def load_sentence_splitter() -> Splitter:
    from sentence_splitter import SentenceSplitter

    return SentenceSplitter(language="en").split


def load_spacy() -> Splitter:
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = 20_000_000
    return lambda text: [sentence.text for sentence in pipeline(text).sents]


LOADERS: dict[str, Callable[[], Splitter]] = {
    "sentencex": load_sentencex,
    "pysbd": load_pysbd,
    "blingfire": load_blingfire,
    "syntok": load_syntok,
    "segtok": load_segtok,
    "sentence-splitter": load_sentence_splitter,
    "spacy sentencizer": load_spacy,
}


def counts(passage: Passage, found: frozenset[int]) -> list[int]:
    """Return boundaries right, found, gold; sentences whole, gold."""
    gold = [0, *sorted(passage.gold), size(passage.text)]
    edges = found | {0, gold[-1]}
    whole = sum(
        start in edges and end in edges and not any(start < edge < end for edge in found)
        for start, end in itertools.pairwise(gold)
    )
    right = len(passage.gold & found)
    return [right, len(found), len(passage.gold), whole, len(gold) - 1]


def with_intervals(rows: Sequence[list[int]]) -> str:
    """Format F1 of boundaries and share of whole sentences, with 95 % bootstraps over passages."""
    table = np.array(rows)  # (passages, 5)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), size=RESAMPLES)
    right, found, gold, whole, sentences = np.vstack([table.sum(axis=0), draws @ table]).T
    figures = (2 * right / (found + gold), whole / sentences)
    return "  ".join(
        f"{v[0]:.3f} [{np.percentile(v[1:], 2.5):.3f}, {np.percentile(v[1:], 97.5):.3f}]"
        for v in figures
    )


def print_table() -> None:
    parts = {half: read_gold(FOLDER / f"{half}.txt") for half in ("dev", "test", "rules")}
    for half in ("dev", "test"):
        total = sum(len(p.gold) for p in parts[half])
        print(f"{half}: {len(parts[half])} passages, {total} boundaries")
    splitters = {"stance": ours}
    for name, library in libraries():
        splitters[name] = by_paragraph(library)
        splitters[f"{name}, our blocks"] = on_our_blocks(library)
    columns = (
        "dev: boundary F1",
        "whole sentences",
        "test: boundary F1",
        "whole sentences",
        "rules",
    )
    print(f"{'':<31}" + "".join(f"{head:<24}" for head in columns))
    for name, boundaries in splitters.items():
        rows = {half: [counts(p, boundaries(p.text)) for p in parts[half]] for half in parts}
        rules = sum(right == found == gold for right, found, gold, *_ in rows["rules"])
        figures = "  ".join(with_intervals(rows[half]) for half in ("dev", "test"))
        print(f"{name:<31}{figures.replace(']  ', ']    ')}    {rules}/{len(rows['rules'])}")


def print_errors() -> None:
    for file in ("dev", "rules"):
        passages = read_gold(FOLDER / f"{file}.txt")
        print(f"{file}: F1, whole sentences: ", end="")
        print(with_intervals([counts(p, ours(p.text)) for p in passages]))
        for passage in passages:
            places = [i for i, character in enumerate(passage.text) if not character.isspace()]
            found = ours(passage.text)
            for edge in sorted(passage.gold ^ found):
                place = places[edge]
                kind = "missed" if edge in passage.gold else "false "
                before, after = passage.text[max(place - 45, 0) : place], passage.text[place:][:30]
                print(f"  {passage.name} {kind} {before + MARK + after!r}")


MONSTERS = {
    "words without a stop": "word ",
    "quotation marks": '"',
    "opening marks": "“",
    "stops": ". ",
    "initials": "A. ",
    "right to left": "שלום. ",
    "combining": "e\u0301\u0323. ",
    "null bytes": "a.\x00 ",
    "line breaks": "\n",
    "short lines": "a\n",
    "brackets": "(",
}


def print_times() -> None:
    """Print seconds against length: linear time has tenfold seconds at tenfold length."""
    passages = read_gold(FOLDER / "dev.txt")
    article = "\n\n".join(passage.text for passage in passages) + "\n\n"
    lengths = (10_000, 100_000, 1_000_000, 10_000_000)
    print(f"{'seconds for characters:':<32}" + "".join(f"{length:>12,}" for length in lengths))
    rows: dict[str, tuple[str, Callable[[str], Any], int]] = {
        "stance": (article, split, len(lengths)),
        **{f"stance, {name}": (unit, split, 3) for name, unit in MONSTERS.items()},
        **{name: (article, by_paragraph(library), 3) for name, library in libraries()},
    }
    for name, (unit, run, columns) in rows.items():
        print(f"{name:<32}", end="", flush=True)
        for length in lengths[:columns]:
            text = (unit * (length // len(unit) + 1))[:length]
            start = time.perf_counter()
            run(text)
            print(f"{time.perf_counter() - start:>12.3f}", end="", flush=True)
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--errors", action="store_true", help="our errors on dev and the rules")
    parser.add_argument("--time", action="store_true", help="seconds against length")
    options = parser.parse_args()
    if options.errors:
        print_errors()
    elif options.time:
        print_times()
    else:
        print_table()


if __name__ == "__main__":
    main()
