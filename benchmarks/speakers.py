"""Who says it, toward whom: how often the rules are right on our own articles.

    python benchmarks/speakers.py

The attributions are those that people marked, so this measures resolution alone: form, actor and
target. Rules were written on the articles of the train split; dev and test articles are held out
(one of them was read before; their totals were seen while rules were still being written). Gold
names actors as an analyst would list them
("Gerard Santini", "French transport ministry"): an answer is right if its actor, or the side for
which it speaks, is a gazetteer actor of the gold name, or if its names in the article share a
word of it that is no office ("Santini"). Intervals: bootstrap over articles.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
from stance.actors import gazetteer
from stance.corpus import load_corpus
from stance.corpus.articles import Article, load_articles
from stance.schema import ArticleActor, Attribution, Mention
from stance.speakers import Gazetteer, Voices, identify
from stance.speakers.phrases import plain
from stance.speakers.words import BODIES, COMMON, ORGANS, PEOPLE, ROLES

KNOWN = Gazetteer(gazetteer())
GENERIC = COMMON | ROLES | BODIES | ORGANS | PEOPLE
FORMS = {
    "direct quotation": ("direct",),
    "indirect speech": ("indirect", "mixed"),
    "narrated deed": ("narration",),
    "background": ("background",),
}


def right(gold: str, found: Sequence[ArticleActor], text: str) -> bool:
    """Tell whether one of the actors found is the one that gold names."""
    ids = {actor for *_, actor in KNOWN.find(gold)}
    own = set(re.findall(r"\w{3,}", plain(gold))) - GENERIC
    for actor in found:
        if actor.id in ids or actor.side in ids:
            return True
        if actor.id == "all-parties" and re.search(r"\b(?:all|both|each|every|other)|;|,", gold):
            return True
        names = [actor.name, *(text[m.start : m.end] for m in actor.mentions)]
        if ids & {other for *_, other in KNOWN.find(actor.name)}:
            return True
        words = {word for name in names for word in re.findall(r"\w{3,}", plain(name))}
        if own & words or (not ids and not own and words & set(plain(gold).split())):
            return True
    return False


def together(article: Article, voices: Voices) -> tuple[float, float, int]:
    """Return the sums of B-cubed precision and recall over sentences, and how many.

    Whether the sentences of one gold speaker are one actor's and no other's, whatever it is called
    (Bagga & Baldwin 1998); of sentences with a gold speaker that were answered.
    """
    pairs = [
        (gold.speaker, voice.speaker.actor)
        for gold, voice in zip(article.sentences, voices.sentences, strict=True)
        if gold.speaker and voice.speaker
    ]
    golds, ours, both = (Counter(x) for x in ((g for g, _ in pairs), (o for _, o in pairs), pairs))
    precision = sum(both[pair] / ours[pair[1]] for pair in pairs)
    recall = sum(both[pair] / golds[pair[0]] for pair in pairs)
    return precision, recall, len(pairs)


def read(article: Article) -> Voices:
    """Identify the speakers of an article from its marked attributions and labels."""
    return identify(
        article.text,
        [sentence.span for sentence in article.sentences],
        [Attribution(a.sources, a.cues, a.contents) for a in article.attributions],
        moves=[sentence.label != "neutral" for sentence in article.sentences],
        actors=KNOWN,
    )


def judge(article: Article) -> Counter[str]:
    """Count what is right, wrong and left unclear in an article."""
    voices = read(article)
    precision, recall, answered = together(article, voices)
    counts: Counter[str] = Counter({"b3 answered": answered})
    counts["b3 precision"] = round(1000 * precision)
    counts["b3 recall"] = round(1000 * recall)

    for gold, voice in zip(article.sentences, voices.sentences, strict=True):
        if gold.form in FORMS:
            counts["form right" if voice.form in FORMS[gold.form] else "form wrong"] += 1
        for what, name, mention in (
            ("speaker", gold.speaker, voice.speaker),
            ("target", gold.target, voice.target),
        ):
            counts[f"{what} {_verdict(name, mention, voices, article.text)}"] += 1
    return counts


def _verdict(name: str | None, mention: Mention | None, voices: Voices, text: str) -> str:
    if name is None:
        return "extra" if mention else "rightly none"
    if mention is None:
        return "unclear"
    by = {actor.id: actor for actor in voices.actors}
    return "right" if right(name, [by[actor] for actor in mention.actors], text) else "wrong"


def report(title: str, articles: Sequence[Article]) -> None:
    """Print a table of shares, each with its interval."""
    counts = [judge(article) for article in articles]
    print(
        f"\n{title}: {len(articles)} articles, {sum(len(a.sentences) for a in articles)} sentences"
    )
    rows = (
        ("form", ("form right",), ("form right", "form wrong")),
        ("speaker, of those with one", ("speaker right",), _all("speaker", 3)),
        ("speaker, of those answered", ("speaker right",), _all("speaker", 2)),
        ("no speaker, of those without", ("speaker rightly none",), _none("speaker")),
        ("one speaker one actor, precision", ("b3 precision",), ("b3 answered",)),
        ("one speaker one actor, recall", ("b3 recall",), ("b3 answered",)),
        ("target, of those with one", ("target right",), _all("target", 3)),
        ("target, of those answered", ("target right",), _all("target", 2)),
        ("no target, of those without", ("target rightly none",), _none("target")),
    )
    for name, top, bottom in rows:
        value, low, high, n = share(counts, top, bottom)
        if top[0].startswith("b3"):  # sums kept in thousandths
            value, low, high = value / 1000, low / 1000, high / 1000
        print(f"  {name:34} {value:.3f} [{low:.3f}, {high:.3f}]  n = {n}")


def _all(what: str, number: int) -> tuple[str, ...]:
    return tuple(f"{what} {x}" for x in ("right", "wrong", "unclear")[:number])


def _none(what: str) -> tuple[str, ...]:
    return (f"{what} rightly none", f"{what} extra")


def share(
    counts: Sequence[Counter[str]], top: Sequence[str], bottom: Sequence[str]
) -> tuple[float, float, float, int]:
    """Return a share with its 95 % bootstrap interval over articles, and of how many."""
    pairs = np.array([[sum(c[k] for k in keys) for keys in (top, bottom)] for c in counts])
    rng = np.random.default_rng(0)
    drawn = pairs[rng.integers(0, len(pairs), (2000, len(pairs)))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / np.maximum(drawn[:, 1], 1), [2.5, 97.5])
    hits, total = pairs.sum(axis=0)
    return hits / max(total, 1), float(low), float(high), int(total)


def main(folder: str = "data") -> None:
    corpus = load_corpus(folder)
    home = {row["id"]: split for split, rows in corpus.splits.items() for row in rows}
    articles = load_articles(folder)
    train = [a for a in articles if home[a.sentences[0].id] == "train"]
    held = [a for a in articles if home[a.sentences[0].id] != "train"]
    report("rules written on (train)", train)
    report("held out (dev and test)", held)


if __name__ == "__main__":
    main(*sys.argv[1:2])
