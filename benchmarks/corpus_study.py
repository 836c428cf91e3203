"""What the corpus's size and its rounds of writing buy: one row a training, measured the same way.

    python benchmarks/corpus_study.py --data my_gold.csv

trains `configs/default.yaml` on parts of `data/train.jsonl`, with the same dev and test, and prints
macro-F1 on dev, on test and on each labelled file given, with 95 % intervals. About half an hour on
two cores.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import stance

Row = dict[str, object]
Part = Callable[[list[Row]], list[Row]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=Path("data"))
    parser.add_argument("--config", default="configs/default.yaml")
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="further labelled files")
    parser.add_argument("--sizes", type=int, nargs="*", default=[500, 1000, 2000, 4000])
    parser.add_argument("--rounds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("overrides", nargs="*", help="section.key=value")
    options = parser.parse_args()

    parts: dict[str, Part] = {f"{size} sentences": limited(size) for size in options.sizes}
    parts |= {f"rounds 1 to {last}": up_to(last) for last in options.rounds}
    header = ["dev", "test", *(path.stem for path in options.data)]
    print(f"{'trained on':22}{'n':>7}" + "".join(f"{name:>24}" for name in header), flush=True)
    for name, part in parts.items():
        with tempfile.TemporaryDirectory() as scratch:
            print(measure(name, part, Path(scratch), options), flush=True)


def measure(name: str, part: Part, scratch: Path, options: argparse.Namespace) -> str:
    """Train on a part and return its line of the table."""
    corpus = scratch / "data"
    corpus.mkdir()
    for split in ("dev", "test"):
        shutil.copy(options.corpus / f"{split}.jsonl", corpus)
    lines = (options.corpus / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = part([json.loads(line) for line in lines])
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (corpus / "train.jsonl").write_text(text, encoding="utf-8")
    trained = stance.train(
        options.config,
        [
            f"data.path={corpus}",
            f"output={scratch / 'models'}",
            "tracking.enabled=false",
            *options.overrides,
        ],
    )
    results = [
        stance.evaluate(trained.folder, split=split, baselines=False, output=None)
        for split in ("dev", "test")
    ] + [
        stance.evaluate(trained.folder, data=path, baselines=False, output=None)
        for path in options.data
    ]
    figures = [result.result["figures"]["macro_f1"] for result in results]
    cells = "".join(f"{f['value']:>9.3f} [{f['low']:.3f}, {f['high']:.3f}]" for f in figures)
    return f"{name:22}{len(rows):>7}{cells}"


def limited(size: int) -> Part:
    """Take whole groups, drawn at random, until there are `size` rows."""

    def part(rows: list[Row]) -> list[Row]:
        groups = list(dict.fromkeys(row["group"] for row in rows))
        random.Random(0).shuffle(groups)
        rank = {group: i for i, group in enumerate(groups)}
        return sorted(rows, key=lambda row: rank[row["group"]])[:size]

    return part


def up_to(last: int) -> Part:
    """Take what was written in the rounds up to the last."""
    return lambda rows: [row for row in rows if int(str(row.get("round", 1))) <= last]


if __name__ == "__main__":
    main()
