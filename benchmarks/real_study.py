"""What labelled real sentences buy beside written ones: one row a training, measured the same way.

    python benchmarks/real_study.py main --seeds 13 14 15 --data my_gold.csv

trains on written sentences (`data`), on real ones (`data/real`), on both, and on both with the
configuration's unlabelled text, and prints macro-F1 on the real test split, on the written one and
on each labelled file given: mean and standard deviation over seeds. Other tables, without
unlabelled text, one seed unless more are given:

    curve       real sentences alone, 1,000 / 2,500 / all
    left-out    real sentences of all sources, and without each, measured on dev and test by source
    weights     both, with several weights of a real sentence; measured on real dev
    first       public corpora first, then ours: do intermediate tasks pay on real dev?

`--set train.epochs=2` and the like change the configuration for every row; `data.train_limit=3000`
trains each on as many sentences, drawn by document, in a few minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import stance
from stance.corpus import Corpus, load_corpus
from stance.corpus.public import public_rows
from stance.corpus.table import text_faults
from stance.training import Trained

Row = dict[str, Any]
REAL, WRITTEN = Path("data/real"), Path("data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=["main", "curve", "left-out", "weights", "first"])
    parser.add_argument("--config", default="configs/full.yaml")
    parser.add_argument("--seeds", type=int, nargs="*", default=[13])
    parser.add_argument("--only", nargs="*", help="rows to measure, by name")
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="further labelled files")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value for every row")
    options = parser.parse_args()
    study = Study(options)
    getattr(study, options.table.replace("-", "_"))()


class Study:
    """Trains on parts of the corpora and prints a line for each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.real = load_corpus(REAL)
        self.written = load_corpus(WRITTEN)

    def main(self) -> None:
        real, written = self.real.rows("train"), self.written.rows("train")
        self.header("real test", "written test", *(path.stem for path in self.options.data))
        both = [*written, *real]
        for name, rows in (("written", written), ("real", real), ("both", both)):
            self.line(name, rows, self.everywhere)
        self.line("both, unlabelled", both, self.everywhere, unlabelled=True)

    def curve(self) -> None:
        self.header("real test", "written test", *(path.stem for path in self.options.data))
        for size in (1000, 2500, None):
            rows = limited(self.real, size)
            self.line(f"{len(rows)} real", rows, self.everywhere)

    def left_out(self) -> None:
        rows = self.real.rows("train")
        held = {source: [] for source in sorted({row["source"] for row in rows})}
        for row in [*self.real.rows("dev"), *self.real.rows("test")]:
            held[row["source"]].append(row)
        self.header(*held)

        def by_source(trained: Trained) -> list[float]:
            return [on_rows(trained, of_source) for of_source in held.values()]

        self.line("all sources", rows, by_source)
        for source in held:
            self.line(
                f"without {source}",
                [row for row in rows if row["source"] != source],
                by_source,
                dev=[row for row in self.real.rows("dev") if row["source"] != source],
            )

    def weights(self) -> None:
        self.header("real dev", "written dev")
        for weight in (0.5, 1.0, 2.0, 4.0):
            rows = [*self.written.rows("train"), *self.real.rows("train")]
            self.line(f"real weighs {weight:g}", rows, self.on_dev, weight=weight)

    def first(self) -> None:
        self.header("real dev", "written dev")
        rows = self.real.rows("train")
        self.line("ours at once", rows, self.on_dev)
        for name, labels in (
            ("newsmtsc", ["negative", "neutral", "positive"]),
            ("cameo", None),
            ("plv", ["conciliatory", "hardline"]),
        ):
            if self.options.only and f"{name} first" not in self.options.only:
                continue
            with tempfile.TemporaryDirectory() as scratch:
                encoder = self.pretrained(name, labels, Path(scratch))
                self.line(f"{name} first", rows, self.on_dev, encoder=encoder)

    def pretrained(self, name: str, labels: list[str] | None, scratch: Path) -> Path:
        """Fine-tune on a public corpus and return the model's folder, an encoder to start from."""
        found = public_rows(name)
        unique = {row["text"].lower(): row for row in found if not text_faults(row["text"])}
        rows = list(unique.values())
        random.Random(0).shuffle(rows)
        held = [{**row, "group": row["id"]} for row in rows]
        tenth = len(held) // 10
        splits = {"dev": held[:tenth], "test": held[-1:], "train": held[tenth:-1]}
        write(scratch / "data", splits)
        settings = [f"data.path={scratch / 'data'}", "data.weights=null", "train.epochs=1"]
        settings.append("distill.teachers=[]")  # they know our labels alone
        if labels is not None:
            settings += [f"labels=[{','.join(labels)}]", "poles=null"]
        return self.train(scratch, settings, self.options.seeds[0]).folder

    def line(
        self,
        name: str,
        rows: list[Row],
        measure: Callable[[Trained], list[float]],
        *,
        weight: float = 1.0,
        encoder: Path | None = None,
        dev: list[Row] | None = None,
        unlabelled: bool = False,
    ) -> None:
        """Train on rows with each seed, choose by `dev` if given, and print a line."""
        if self.options.only and name not in self.options.only:
            return
        results = []
        for seed in self.options.seeds:
            with tempfile.TemporaryDirectory() as scratch:
                folders, weights = self.parts(rows, Path(scratch), weight, dev)
                settings = [f"data.path={folders}", f"data.weights={weights}"]
                if encoder is not None:
                    settings.append(f"encoder.name={encoder}")
                trained = self.train(Path(scratch), settings, seed, unlabelled=unlabelled)
                results.append(measure(trained))
        cells = ""
        for column in zip(*results, strict=True):
            spread = f" ± {statistics.stdev(column):.3f}" if len(column) > 1 else ""
            cells += f"{statistics.mean(column):.3f}{spread}".rjust(20)
        limit = stance.load_config(self.options.config, self.options.set).data.train_limit
        n = min(len(rows), limit or len(rows))
        print(f"{name:28}{n:>7}{cells}", flush=True)

    def parts(
        self, rows: list[Row], scratch: Path, weight: float, dev: list[Row] | None
    ) -> tuple[str, str]:
        """Write each corpus's rows beside its dev split; return folders and weights."""
        folders, weights = [], []
        for name, corpus, value in (("written", self.written, 1.0), ("real", self.real, weight)):
            known = {row["id"] for row in corpus.rows("train")}
            part = [row for row in rows if row["id"] in known]
            if part:
                write(
                    scratch / name,
                    {**corpus.splits, "train": part, "dev": dev or corpus.rows("dev")},
                )
                folders.append(str(scratch / name))
                weights.append(str(value))
        return f"[{','.join(folders)}]", f"[{','.join(weights)}]"

    def train(
        self, scratch: Path, settings: list[str], seed: int, *, unlabelled: bool = False
    ) -> Trained:
        # The configuration's unlabelled text would hide what the labelled rows differ in.
        without = [] if unlabelled else ["distill.unlabelled=[]"]
        return stance.train(
            self.options.config,
            [
                *without,
                *settings,
                f"train.seed={seed}",
                f"output={scratch / 'models'}",
                "tracking.enabled=false",
                *self.options.set,
            ],
        )

    def everywhere(self, trained: Trained) -> list[float]:
        files = [evaluated(trained, path) for path in self.options.data]
        tests = [on_rows(trained, corpus.rows("test")) for corpus in (self.real, self.written)]
        return [*tests, *files]

    def on_dev(self, trained: Trained) -> list[float]:
        return [on_rows(trained, corpus.rows("dev")) for corpus in (self.real, self.written)]

    def header(self, *columns: str) -> None:
        print(f"{'trained on':28}{'n':>7}" + "".join(f"{c:>20}" for c in columns), flush=True)


def on_rows(trained: Trained, rows: Iterable[Row]) -> float:
    """Return a model's macro-F1 on rows."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows.jsonl"
        write(Path(scratch), {"rows": list(rows)})
        return evaluated(trained, path)


def evaluated(trained: Trained, path: Path) -> float:
    """Return a model's macro-F1 on a labelled file."""
    options: dict[str, Any] = {"baselines": False, "behaviour": False, "output": None}
    return stance.evaluate(trained.folder, data=path, **options).macro_f1


def limited(corpus: Corpus, size: int | None) -> list[Row]:
    return corpus.rows("train") if size is None else corpus.limited(size, seed=0)


def write(folder: Path, splits: dict[str, list[Row]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
