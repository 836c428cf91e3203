"""Distillation: what saved models say of the training rows, and of further texts, is learnt.

Hinton, Vinyals and Dean 2015. The teachers' probabilities become part of the rows' targets
(`stance.examples.target`); the training itself is the same with and without them. Where Hinton
divides the student's logits by the temperature too, here the student learns the softened
distribution as it is, and the calibration on dev scales it back.

A teacher is a saved model, or a file of what one said (`write_opinions`): so a corpus can carry the
opinions of a model too large to be trained again by everyone.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance import artifact, metrics
from stance.cache import cached
from stance.config import Config
from stance.corpus import SPLITS, load_corpus
from stance.corpus.texts import read_texts
from stance.corpus.uncut import has_published_test, same_text
from stance.examples import TEACHERS, TEACHERS_SHARE, Row
from stance.models import resolve
from stance.prediction import Model, load
from stance.schema import DataError, ModelError

WEIGHTS = "model.safetensors"
"""File of a saved model with the weights of its encoder."""

KEY = "text_sha256"
"""First column of a file of opinions."""

UNLABELLED = "unlabelled"
"""What the column `corpus` says of a row that only the teachers labelled."""


def resolved(settings: Config) -> Config:
    """Return the settings with the teachers' folders, and the first as the encoder if wanted, its
    token vectors pooled as it pools them.

    Raises:
        ModelError: If a teacher is not there, or its labels are not those of the settings.
    """
    distill = settings.distill
    if not distill.teachers:
        return settings
    folders = [_folder(name, settings.output) for name in distill.teachers]
    for folder in folders:
        labels = _labels(folder)
        if set(labels) != set(settings.labels):
            raise ModelError(
                f"distill.teachers: {folder} knows the labels {', '.join(labels)}; expected "
                f"{', '.join(settings.labels)}, which this training is to learn"
            )
    changed = {"distill": distill.model_copy(update={"teachers": tuple(map(str, folders))})}
    if distill.start == "teacher":
        if not (folders[0] / WEIGHTS).is_file():
            raise ModelError(
                f"distill.start: {distill.teachers[0]} has no {WEIGHTS} to start from, as a model "
                f"that was logged for scoring; name the folder of its training, or start: encoder"
            )
        # Its layers were trained to be pooled as they were.
        pooling = artifact.read_manifest(folders[0]).config["encoder"].get("pooling", "mean")
        start = {"name": str(folders[0]), "pooling": pooling}
        changed["encoder"] = settings.encoder.model_copy(update=start)  # type: ignore[assignment]
    return settings.model_copy(update=changed)


def taught(rows: Sequence[Row], settings: Config, *, say: Callable[[str], None]) -> list[Row]:
    """Add what the teachers say to the rows, and rows of unlabelled text that they label.

    Args:
        rows: Labelled training rows.
        settings: As `resolved` returns them. Unlabelled text that is in any split of the corpus,
            the test split too, is left out; only a published test part is not opened for it.
        say: Told in a line what happens next.

    Returns:
        The rows with the columns `TEACHERS` and `TEACHERS_SHARE`. A row of unlabelled text has the
        label that the teachers find likeliest and the share 1; one that a teacher's file says
        nothing of is left out. Without teachers, the rows.

    Raises:
        ModelError: If a teacher cannot be loaded.
        DataError: If unlabelled text cannot be read, or the teachers know nothing of it.
    """
    distill = settings.distill
    if not distill.teachers:
        return list(rows)
    texts = _unlabelled(settings)
    say(
        f"scoring {len(rows)} labelled and {len(texts)} unlabelled sentences with "
        f"{len(distill.teachers)} teacher{'s' * (len(distill.teachers) > 1)}"
    )
    probs = soft_targets([*(row["text"] for row in rows), *texts], settings)
    known = np.asarray(np.isfinite(probs).all(axis=1))
    of_rows, of_texts = known[: len(rows)], known[len(rows) :]
    if texts and not of_texts.any():
        raise DataError(
            f"distill.unlabelled: {len(texts)} texts, and {', '.join(distill.teachers)} says "
            f"nothing of them; name a saved model as the teacher"
        )
    if not of_texts.all():
        say(f"{(~of_texts).sum()} unlabelled sentences that no teacher knows are left out")
    if not of_rows.all():
        say(f"{(~of_rows).sum()} rows that no teacher knows follow their labels alone")
    labelled = [
        {**row, TEACHERS: of_row.tolist(), TEACHERS_SHARE: distill.weight} if is_known else row
        for row, of_row, is_known in zip(rows, probs[: len(rows)], of_rows, strict=True)
    ]
    heard = ((texts[i], probs[len(rows) + i]) for i in np.flatnonzero(of_texts))
    unlabelled = [
        {
            "id": f"{UNLABELLED}-{number}",
            "text": text,
            "label": settings.labels[int(of_text.argmax())],
            "group": f"{UNLABELLED}-{number}",
            "corpus": UNLABELLED,
            TEACHERS: of_text.tolist(),
            TEACHERS_SHARE: 1.0,
        }
        for number, (text, of_text) in enumerate(heard)
    ]
    return [*labelled, *unlabelled]


def soft_targets(texts: Sequence[str], settings: Config) -> NDArray[np.float64]:
    """Return the teachers' mean probabilities, softened: shape (N, K), rows summing to 1.

    A row is NaN if one of the teachers is a file that says nothing of its text.

    The mean p of the calibrated probabilities, a label's share in proportion to p^(1/T). Each
    teacher's probabilities are kept in the cache, so that the next training with the same texts
    does not score them again.
    """
    distill = settings.distill
    mean = np.mean([_scored(Path(name), texts, settings) for name in distill.teachers], axis=0)
    softened = mean ** (1 / distill.temperature)
    result: NDArray[np.float64] = softened / softened.sum(axis=1, keepdims=True)
    return result


def lineage(rows: Sequence[Row], settings: Config) -> dict[str, Any]:
    """Return what a manifest says of the teachers and of the texts that they alone labelled."""
    if not settings.distill.teachers:
        return {}
    texts = sorted(row["text"] for row in rows if row.get("corpus") == UNLABELLED)
    return {
        "teachers": [_described(Path(name)) for name in settings.distill.teachers],
        "unlabelled": {
            "rows": len(texts),
            "sha256": hashlib.sha256("\x1e".join(texts).encode()).hexdigest(),
        },
    }


def write_opinions(
    path: Path, texts: Sequence[str], labels: Sequence[str], probs: NDArray[np.float64]
) -> None:
    """Keep what a teacher says of texts, to be named in `distill.teachers`.

    A row a text: the first 16 hex digits of the sha256 of the text, and the probability of each
    label with four decimals. The texts are not in the file.

    Args:
        path: The file, CSV; written whole or not at all.
        texts: Sentences.
        labels: The K labels in the order of the columns.
        probs: Shape (N, K).

    Raises:
        StanceError: If it cannot be written there.
    """
    rows = sorted(zip(map(_key, texts), probs, strict=True), key=lambda row: row[0])
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([KEY, *labels])
    writer.writerows([key, *(f"{p:.4f}" for p in of_text)] for key, of_text in rows)
    artifact.write_text(path, table.getvalue())


def _read_opinions(path: Path) -> tuple[tuple[str, ...], dict[str, list[float]]]:
    """Return the labels of a file of opinions, and the probabilities by key of the text."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            labels = _header(path, next(rows, []))
            opinions = {key: [float(p) for p in of_text] for key, *of_text in rows}
    except ValueError as error:
        raise _no_opinions(path, error) from None
    for key, of_text in opinions.items():
        sound = all(p >= 0 for p in of_text) and abs(sum(of_text) - 1) < 0.01
        if len(of_text) != len(labels) or not sound:
            found = ", ".join(f"{p:g}" for p in of_text) or "nothing"
            raise _no_opinions(path, f"row {key} has {found}")
    return labels, opinions


def _header(path: Path, row: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that the first row of a file of opinions names."""
    if list(row[:1]) != [KEY]:
        raise _no_opinions(path, f"first column {row[0]!r}" if row else "empty")
    return tuple(row[1:])


def _no_opinions(path: Path, fault: object) -> DataError:
    return DataError(
        f"{path}: {fault}; expected the columns {KEY} and a probability for each label, "
        f"as  stance data opinions  writes them"
    )


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _labels(teacher: Path) -> tuple[str, ...]:
    if teacher.is_file():
        return _read_opinions(teacher)[0]
    return artifact.read_manifest(teacher).labels


def _described(teacher: Path) -> dict[str, Any]:
    """Return what a manifest says of one teacher."""
    if teacher.is_file():
        return {"name": str(teacher), "sha256": hashlib.sha256(teacher.read_bytes()).hexdigest()}
    manifest = artifact.read_manifest(teacher)
    return {
        "name": manifest.name,
        f"dev_{metrics.PRIMARY}": manifest.dev[metrics.PRIMARY]["value"],
        "sha256": manifest.files[artifact.ONNX],
    }


def _unlabelled(settings: Config) -> list[str]:
    """Return the sentences of the unlabelled texts that the corpus does not have."""
    if not settings.distill.unlabelled:
        return []
    found = read_texts(settings.distill.unlabelled)
    known = {same_text(text) for text in _corpus_texts(settings)}
    return [text for text in found if same_text(text) not in known]


def _corpus_texts(settings: Config) -> Iterator[str]:
    """Yield the sentences of all splits but a published test part, which only `evaluate` opens."""
    data = settings.data
    for source in data.path:
        splits = [split for split in SPLITS if split != "test" or not has_published_test(source)]
        corpus = load_corpus(
            source,
            labels=(),
            splits=splits,
            cut=data.cut,
            text_column=data.text_column,
            label_column=data.label_column,
        )
        yield from (row["text"] for rows in corpus.splits.values() for row in rows)


def _folder(name: str, output: Path) -> Path:
    if name != "champion":
        if Path(name).suffix == ".csv" and not Path(name).exists():
            raise ModelError(
                f"distill.teachers: {name}: no such file; name a saved model, or keep what one "
                f"says:  stance data opinions MODEL --output {name}"
            )
        return resolve(name)
    folder = artifact.champion(output)
    if folder is None:
        raise ModelError(
            f"distill.teachers: no champion in {output}; train one first, or name a saved model"
        )
    return folder


def _scored(folder: Path, texts: Sequence[str], settings: Config) -> NDArray[np.float64]:
    """Return a teacher's probabilities, columns in the order of the settings' labels."""
    if folder.is_file():
        header, opinions = _read_opinions(folder)
        nothing = [np.nan] * len(header)
        said = np.array([opinions.get(_key(text), nothing) for text in texts])
        return said.reshape(-1, len(header))[:, [header.index(label) for label in settings.labels]]
    model: Model = load(folder, precision="fp32")
    manifest = model.manifest
    # In an order of their own, since every seed shuffles the rows in another.
    asked = sorted(set(texts))
    place = {text: number for number, text in enumerate(asked)}
    calibration = f"{manifest.temperature} {manifest.confidence}"
    key = (manifest.files[artifact.ONNX], calibration, str(manifest.max_length))
    probs = cached("teachers", (*key, *asked), len(asked), lambda: model.predict_proba(asked))
    columns = [model.labels.index(label) for label in settings.labels]
    return probs[[place[text] for text in texts]][:, columns]
