"""Speed of scoring beside other ways to do it, on the same sentences, in one run.

    python benchmarks/throughput.py --model models/ACCURATE --fast models/FAST
    python benchmarks/throughput.py --model models/ACCURATE --bulk 100000 1000000 --work scratch/
    python benchmarks/throughput.py --model models/ACCURATE --plot growth.png

All contestants take turns in short rounds, on one thread each; what is printed are medians over the
rounds, and medians of the ratios within a round, of CPU time: other work on the machine then moves
them little. Macro-F1 is that of the whole file with its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import stance
from numpy.typing import NDArray
from stance import artifact, metrics
from stance.corpus.table import read_labelled
from stance.prediction import Model

from ceiling import Ceiling, cpu_seconds

Predict = Callable[[Sequence[str]], Any]
REFERENCE = "Hugging Face pipeline, batch 32"

NUMBERS = (500, 1000, 2000, 4000, 8000)
LENGTHS = (8, 16, 32, 64, 96)
"""Sentences, and words of a sentence, that times are plotted against."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="the accurate model [the champion]")
    parser.add_argument("--fast", help="the fast model")
    parser.add_argument("--data", nargs="*", default=["data/test.jsonl"], help="labelled files")
    parser.add_argument("--sentences", type=int, default=256, help="of the first file, to time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--head-rows", type=int, default=2000, help="to fit the embedding's head")
    parser.add_argument("--bulk", type=int, nargs="*", help="sentences from Parquet to Parquet")
    parser.add_argument("--processes", type=int, default=1, help="of --bulk")
    parser.add_argument("--work", type=Path, help="folder for --bulk's files")
    parser.add_argument("--plot", type=Path, help="picture of time against number and length")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        models = {"accurate": with_int8(options.model, Path(scratch) / "accurate")}
        if options.fast:
            models["fast"] = with_int8(options.fast, Path(scratch) / "fast")
        if options.bulk:
            for sentences in options.bulk:
                bulk(sentences, options, models)
        elif options.plot:
            growth(options.plot, options.data[0], models)
        else:
            race(options, models)
            start_up(models)


def with_int8(name: str | None, copy: Path) -> Path:
    """Return a model with a network in 8 bits: itself, or a copy that gets one."""
    folder = stance.load(name).folder
    manifest = artifact.read_manifest(folder)
    if manifest.int8:
        return folder
    from stance.export import add_int8

    copy.mkdir()
    for file in (*manifest.files, artifact.MANIFEST):
        (copy / file).write_bytes((folder / file).read_bytes())
    rows = read_labelled(Path("data/dev.jsonl"), labels=manifest.labels)
    gold = metrics.numbers([row["label"] for row in rows], manifest.labels)
    seen = [row["text"] for row in read_labelled(Path("data/train.jsonl"), labels=manifest.labels)]
    np.random.default_rng(0).shuffle(seen)
    texts = [row["text"] for row in rows]
    add_int8(copy, seen, texts, gold, say=lambda line: print(f"{name}: {line}"))
    for file in ("config.json", "model.safetensors", "head.safetensors", "tokenizer_config.json"):
        (copy / file).symlink_to((folder / file).resolve())
    return copy


def race(options: argparse.Namespace, models: dict[str, Path]) -> None:
    """Print speed, latency and macro-F1 of every contestant, and the share of the int8 ceiling."""
    files = [read_labelled(Path(name)) for name in options.data]
    texts = [row["text"] for row in files[0]][: options.sentences]
    contestants, ours = others(options, models["accurate"]), own(models)
    contestants |= {name: model.predict_proba for name, model in ours.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    alone: dict[str, list[float]] = {name: [] for name in contestants}
    ceilings = {name: Ceiling(model) for name, model in ours.items() if "int8" in name}
    products: dict[str, list[float]] = {name: [] for name in ceilings}
    for _ in range(options.rounds + 1):  # the first warms up
        for name, predict in contestants.items():
            seconds[name].append(cpu_seconds(lambda p=predict: p(texts)))  # type: ignore[misc]
            singles = [cpu_seconds(lambda p=predict, t=t: p([t])) for t in texts[:8]]  # type: ignore[misc]
            alone[name].append(float(np.median(singles)))
        for name, ceiling in ceilings.items():
            products[name].append(ceiling.seconds(texts))
    told_f1 = {name: f1_of(name, contestants[name], files, ours) for name in contestants}
    print(
        f"{len(texts)} sentences of {options.data[0]}, {options.rounds} rounds, CPU time, 1 thread"
    )
    print(
        f"{'':36}{'sentences/s':>12}{'x batch 32':>11}{'ms alone':>9}{'x pipeline':>11}  macro-F1"
    )
    single = alone["Hugging Face pipeline, batch 1"]
    for name in contestants:
        speed = len(texts) / median(seconds[name])
        gain = median(np.divide(seconds[REFERENCE], seconds[name]))
        latency = median(np.divide(single, alone[name]))
        milliseconds = 1000 * median(alone[name])
        print(
            f"{name:36}{speed:>12.1f}{gain:>11.2f}{milliseconds:>9.1f}{latency:>11.2f}"
            f"  {told_f1[name]}"
        )
    for name, of_products in products.items():
        share = median(np.divide(of_products, seconds[name]))
        print(f"{name}: its matrix products alone take {share:.0%} of its time (the int8 ceiling)")
    for name, model in ours.items():
        size = (model.folder / artifact.GRAPHS[model.precision]).stat().st_size / 1e6
        ece = ", ".join(f"{calibration(model, rows):.3f}" for rows in files)
        print(f"{name}: {size:.1f} MB, expected calibration error {ece}")


def own(models: dict[str, Path]) -> dict[str, Model]:
    found = {}
    for name, folder in models.items():
        for precision in artifact.GRAPHS:
            if artifact.GRAPHS[precision] in artifact.read_manifest(folder).files:
                model = stance.load(folder, precision=precision, threads=1)
                found[f"stance, {name}, {precision}"] = model
    return found


def others(options: argparse.Namespace, folder: Path) -> dict[str, Predict]:
    """Return what others do: from sentences to probabilities, labels or dictionaries."""
    import torch
    import transformers
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from stance.encoder import embed, load_classifier, locate

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    manifest = artifact.read_manifest(folder)
    classifier = load_classifier(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    class Wrapped(transformers.PreTrainedModel):  # type: ignore[misc]
        """The fine-tuned classifier as a pipeline takes it."""

        config_class = type(classifier.encoder.config)
        _supports_sdpa = True

        def __init__(self) -> None:
            super().__init__(classifier.encoder.config)
            self.classifier = classifier

        def forward(self, **inputs: Any) -> Any:
            return transformers.modeling_outputs.SequenceClassifierOutput(
                logits=self.classifier(**inputs)["logits"]
            )

    wrapped = Wrapped().eval()
    wrapped.config.id2label = dict(enumerate(manifest.labels))
    pipe = transformers.pipeline("text-classification", model=wrapped, tokenizer=tokenizer)
    cut = {"truncation": True, "max_length": manifest.max_length}

    def sorted_batches(texts: Sequence[str]) -> NDArray[np.float64]:
        order = np.argsort([-len(text) for text in texts])
        result = np.zeros((len(texts), len(manifest.labels)))
        with torch.inference_mode():
            for start in range(0, len(order), 32):
                rows = order[start : start + 32]
                batch = [texts[row] for row in rows]
                inputs = tokenizer(batch, padding=True, return_tensors="pt", **cut)
                result[rows] = classifier(**inputs)["logits"].numpy()
        return result

    train = read_labelled(Path("data/train.jsonl"), labels=manifest.labels)
    few = train[:: max(1, len(train) // options.head_rows)][: options.head_rows]
    encoder = locate("all-MiniLM-L6-v2")
    head = LogisticRegression(C=10, max_iter=1000, class_weight="balanced")
    head.fit(embed(encoder, [r["text"] for r in few]), [r["label"] for r in few])
    words = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        LogisticRegression(C=10, max_iter=1000, class_weight="balanced"),
    ).fit([r["text"] for r in train], [r["label"] for r in train])
    return {
        "Hugging Face pipeline, batch 1": lambda texts: pipe(list(texts), batch_size=1, **cut),
        REFERENCE: lambda texts: pipe(list(texts), batch_size=32, **cut),
        "torch, sorted batches": sorted_batches,
        f"embedding + head ({len(few)} rows)": embedding(encoder, head),
        "TF-IDF + logistic regression": words.predict,
    }


def embedding(encoder: str, head: Any) -> Predict:
    """Return sentence-transformers with a linear head, as SetFit scores."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(encoder, device="cpu")
    return lambda texts: head.predict(
        model.encode(list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    )


def f1_of(
    name: str, predict: Predict, files: Sequence[Sequence[dict[str, Any]]], ours: dict[str, Model]
) -> str:
    """Return macro-F1 on each file; what runs the same network in torch is as good as fp32."""
    if "pipeline" in name or name.startswith("torch"):
        return "as stance, accurate, fp32"
    found = []
    labels = next(iter(ours.values())).labels
    for rows in files:
        gold = metrics.numbers([row["label"] for row in rows], labels)
        answer = predict([row["text"] for row in rows])
        if name in ours:
            predicted = np.asarray(answer).argmax(axis=1)
        else:
            predicted = metrics.numbers([str(label) for label in answer], labels)
        groups = [row.get("group") or row.get("doc") for row in rows]
        f1 = metrics.evaluate_predictions(gold, predicted, labels, groups=groups)["macro_f1"]
        found.append(f"{f1['value']:.3f} [{f1['low']:.3f}, {f1['high']:.3f}]")
    return "  ".join(found)


def calibration(model: Model, rows: Sequence[dict[str, Any]]) -> float:
    gold = metrics.numbers([row["label"] for row in rows], model.labels)
    return float(
        metrics.calibration_error(gold, model.predict_proba([row["text"] for row in rows]))
    )


def start_up(models: dict[str, Path]) -> None:
    """Print the CPU seconds and the memory of a start."""
    score = "stance.load({!r}, threads=1).predict('We will talk.')"
    cases = {
        "stance --help": ["-m", "stance", "--help"],
        "import stance": ["-c", "import stance"],
        **{
            f"one sentence, {name}": ["-m", "stance", "predict", "-", "--model", str(folder)]
            for name, folder in models.items()
        },
        **{
            f"load and predict, {name}": ["-c", f"import stance; {score.format(str(folder))}"]
            for name, folder in models.items()
        },
    }
    for name, command in cases.items():
        runs = [spent([sys.executable, *command]) for _ in range(3)]
        seconds, memory = min(run[0] for run in runs), max(run[1] for run in runs)
        print(f"{name:36}{seconds:>8.2f} s CPU{memory:>8.0f} MB")


SPENT = """
import os, sys, time
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, setpgroup=0)
page, most = os.sysconf("SC_PAGE_SIZE"), 0
def resident(process):
    try:
        inside = os.getpgid(int(process)) == pid
        return int(open(f"/proc/{process}/statm").read().split()[1]) * page if inside else 0
    except OSError:
        return 0
while not (ended := os.wait4(pid, os.WNOHANG))[0]:
    most = max(most, sum(map(resident, filter(str.isdigit, os.listdir("/proc")))))
    time.sleep(0.1)
_, status, usage = ended
seconds = usage.ru_utime + usage.ru_stime
print(status, seconds, usage.ru_maxrss / 1024, most / 2**20, file=sys.stderr)
"""
"""A small process that starts a command: of a large one's child, the memory before it starts
counts."""


def spent(command: list[str]) -> tuple[float, float, float]:
    """Return the CPU seconds of a command, and the most memory in MB of one of its processes, and
    of all together."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", SPENT, *command],
        input="We will never negotiate.",
        capture_output=True,
        text=True,
        check=True,
    )
    status, seconds, memory, together = map(float, done.stderr.splitlines()[-1].split())
    if status:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return seconds, memory, together


def bulk(sentences: int, options: argparse.Namespace, models: dict[str, Path]) -> None:
    """Score articles made of altered sentences, from Parquet to Parquet, and the same bare."""
    import pyarrow
    import pyarrow.parquet

    folder = models.get("fast", models["accurate"])
    work = options.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    source = [row["text"] for row in read_labelled(Path("data/train.jsonl"))]
    size = 20
    schema = pyarrow.schema([("id", pyarrow.int64()), ("text", pyarrow.string())])
    with pyarrow.parquet.ParquetWriter(work / "input.parquet", schema) as writer:
        for start in range(0, sentences, 1000 * size):
            numbers = range(start, min(start + 1000 * size, sentences), size)
            texts = ["\n\n".join(altered(source, n + k) for k in range(size)) for n in numbers]
            writer.write_table(pyarrow.table({"id": list(numbers), "text": texts}, schema))
    command = [
        *(sys.executable, "-m", "stance", "predict", str(work / "input.parquet"), "--overwrite"),
        *("--output", str(work / "scored.parquet"), "--model", str(folder)),
        *("--processes", str(options.processes), "--threads", "1"),
    ]
    began = time.perf_counter()
    seconds, memory, together = spent(command)
    wall = time.perf_counter() - began
    file = pyarrow.parquet.ParquetFile(work / "scored.parquet")
    bare = next(file.iter_batches(4000, columns=["text"]))["text"].to_pylist()
    model = stance.load(folder, threads=1)
    rate = len(bare) / min(cpu_seconds(lambda: model.predict_proba(bare)) for _ in range(2))
    found = file.metadata.num_rows
    print(
        f"{found} sentences from Parquet to Parquet, {model.name}, {model.precision}: "
        f"{wall:.0f} s, {seconds:.0f} s of CPU; at most {memory:.0f} MB in a "
        f"process, {together:.0f} MB in all; {found / seconds:.0f} sentences per CPU "
        f"second, {found / seconds / rate:.0%} of the engine's bare {rate:.0f}",
        flush=True,
    )


def altered(source: Sequence[str], number: int) -> str:
    """Return a sentence that was not there before: equal ones would be scored once."""
    text = source[number % len(source)].rstrip()
    return f"{text[:-1]} on day {number}{text[-1]}"


def growth(picture: Path, data: str, models: dict[str, Path]) -> None:
    """Plot seconds against the number of sentences, and against their length."""
    import matplotlib.pyplot as plt

    source = [row["text"] for row in read_labelled(Path(data))]
    texts = [altered(source, n) for n in range(max(NUMBERS))]
    _, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for name, folder in models.items():
        model = stance.load(folder, threads=1)

        def best(some: Sequence[str], model: Model = model) -> float:
            return min(cpu_seconds(lambda: model.predict_proba(some)) for _ in range(2))

        by_number = [best(texts[:n]) for n in NUMBERS]
        some = [[f"{n} " + "talks " * words for n in range(256)] for words in LENGTHS]
        by_length = [1000 * best(each) / len(each) for each in some]
        left.plot(NUMBERS, by_number, "o-", label=f"{name}, {model.precision}")
        right.plot(LENGTHS, by_length, "o-")
        for what, places, values in (
            ("seconds by sentences", NUMBERS, by_number),
            ("milliseconds by words", LENGTHS, by_length),
        ):
            told = dict(zip(places, np.round(values, 3).tolist(), strict=True))
            print(f"{name}, {what}: {json.dumps(told)}", flush=True)
    left.set(xlabel="sentences", ylabel="CPU seconds", xlim=0, ylim=0)
    left.legend(frameon=False)
    right.set(xlabel="words of a sentence", ylabel="CPU milliseconds a sentence", xlim=0, ylim=0)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    plt.savefig(picture, dpi=150)


def median(values: Any) -> float:
    """Return the median without the first round."""
    return float(np.median(np.asarray(values)[1:]))


if __name__ == "__main__":
    main()
