"""The attribution tagger on PolNeAR's development part, beside published figures.

    make                                                                  # (a) our articles alone
    stance attribution train --config configs/attribution-polnear.yaml    # (b) PolNeAR's train part
    python benchmarks/polnear.py models/attribution models/attribution-polnear

measures the tagger in use in each folder. With `--choose` on the 8 % of PolNeAR's train part that
no training sees: settings are chosen there, and the development part is opened for the table alone.

The protocol. Whole documents are read, those of their sentences that hold no attribution too. A
word is letters and digits or one other sign; a span is a run of words of one role, cut where a
sentence begins, as the published rows cut it where their items do (mostly a sentence). PolNeAR
marks a word for one role of one attribution, so nothing is lost by that; a content in pieces is
several spans. Exact: the same first and last word. By overlap: a span counts if one of its role
shares a word with it. The published rows are for the test part, in other words (CoreNLP's).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stance.artifact import champion
from stance.attribution import Tagger
from stance.attribution.evaluation import evaluate_tagger
from stance.corpus.attributions import POLNEAR, load_marked

PUBLISHED = (
    ("rules", 10.7, 22.8, 5.6),
    ("CoreNLP quote annotator", 13.9, None, 17.5),
    ("CRF", 50.6, 53.4, 28.6),
    ("BiLSTM-CRF", 69.6, 66.7, 59.0),
    ("BERT", 81.1, 74.0, 68.9),
    ("BERT-CRF", 82.2, 74.9, 71.0),
    ("BERT-Cofe", 83.2, 75.3, 72.9),
)
"""Exact F1 of source, cue and content, in per cent: Wang et al., COLING 2022, detailed tables."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", type=Path, default=[Path("models/attribution")])
    parser.add_argument("--choose", action="store_true", help="on held-out train documents")
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    texts = load_marked(POLNEAR, "dev" if options.choose else "test")
    print("published, exact F1 on the test part:  source    cue  content")
    for name, *figures in PUBLISHED:
        cells = "".join(f"{'-' if figure is None else figure:>8}" for figure in figures)
        print(f"  {name:34}{cells}")
    part = "held-out train documents" if options.choose else "the development part"
    for folder in options.models:
        tagger = Tagger(champion(folder) or folder, threads=options.threads)
        print(f"\n{tagger.manifest.name} ({', '.join(tagger.manifest.data['path'])}), {part}")
        print(evaluate_tagger(tagger, texts).to_text(), end="")


if __name__ == "__main__":
    main()
