"""Trains a tagger: marked articles to a saved, tracked and, if it is the best, promoted one."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stance import artifact, tracking, workspace
from stance.attribution.decoding import decode
from stance.attribution.evaluation import TaggerEvaluation, evaluate_tagger
from stance.attribution.scores import span_scores
from stance.attribution.tagger import Tagger
from stance.attribution.words import LOOKS, TAGS, Words, read_words, tags, windows
from stance.config import AttributionConfig, load_attribution_config
from stance.corpus.attributions import MarkedText, load_marked
from stance.runtime import bracketed
from stance.schema import DataError, ModelError
from stance.workspace import Workspace

if TYPE_CHECKING:
    from stance.encoder import FineTunedTagger

logger = logging.getLogger(__name__)

PACKAGES = ("torch", "transformers", "tokenizers", "onnxruntime")

AGREEMENT = 0.99
"""Share of words that must have the same tag in 8 bits as in fp32."""

F1_APART = 0.01
"""How far the F1 in 8 bits may be from that in fp32; of our dev articles a span is half of it."""

SEEN = 48
"""Texts that the roundings are fitted to."""


@dataclass(frozen=True, slots=True)
class TrainedTagger:
    """The outcome of a training.

    Attributes:
        folder: The saved tagger.
        dev: Its figures on dev.
        promoted: Whether it is the one in use now.
        verdict: Why, in a line.
    """

    folder: Path
    dev: TaggerEvaluation
    promoted: bool
    verdict: str


def train_tagger(
    config: AttributionConfig | str | Path = "configs/attribution.yaml",
    overrides: Sequence[str] = (),
    *,
    say: Callable[[str], None] = logger.info,
) -> TrainedTagger:
    """Fine-tune, save, track, and put to use if it is better on dev than the one in use.

    Killed, the same call goes on from the last checkpoint.

    Args:
        config: Settings, or the path of a file with them.
        overrides: `section.key=value` strings that win over the file.
        say: Told in a line what happens next.

    Raises:
        ConfigError: If a setting is wrong.
        DataError: If the articles are.
        ModelError: If the encoder cannot be loaded.
    """
    stem = "attribution" if isinstance(config, AttributionConfig) else Path(config).stem
    settings = (
        config
        if isinstance(config, AttributionConfig)
        else load_attribution_config(config, overrides)
    )
    train, dev = (load_all(settings, part) for part in ("train", "dev"))
    if not train or not dev:
        raise DataError(f"{', '.join(settings.data.path)}: no articles to learn from or choose by")
    say(f"{len(train)} articles to learn from, {len(dev)} to choose by")
    mark = workspace.fingerprint(settings, [[asdict(a) for a in train], [asdict(a) for a in dev]])
    with workspace.opened(settings.output, mark, name=stem) as work:
        run_id = work.run_id if tracking.exists(settings.tracking, work.run_id) else None
        with tracking.run(settings.tracking, name=work.name, run_id=run_id) as run:
            if work.run_id == run.id:
                run.recall()
            work.note(run_id=run.id)
            folder = settings.output / work.name
            if folder.is_dir():
                figures = evaluate_tagger(Tagger(folder), dev)
            else:
                say(f"fine-tuning {settings.encoder.name}")
                building = work.building()
                figures = _build(settings, train, dev, building, work, run)
                building.rename(folder)
                say(f"saved {folder}")
            run.params({k: str(v) for k, v in tracking.flatten(settings.model_dump(mode="json"))})
            run.figures("best", {"dev": artifact.read_manifest(folder).dev})
            run.artifacts(folder, "tagger")
        promoted, verdict = _promote(folder)
    return TrainedTagger(folder, figures, promoted, verdict)


def load_all(settings: AttributionConfig, part: str) -> list[MarkedText]:
    """Return the articles of a part of all the data."""
    return [
        text
        for source in settings.data.path
        for text in load_marked(source, part, dev=settings.data.dev)
    ]


def _build(
    settings: AttributionConfig,
    train: list[MarkedText],
    dev: list[MarkedText],
    folder: Path,
    work: Workspace,
    run: tracking.Run,
) -> TaggerEvaluation:
    """Fine-tune and write a saved tagger; return its figures on dev."""
    from stance import encoder

    size = settings.encoder.max_length - 2

    def rows(tokenizer: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        learnt = [row for text in train for row in window_rows(text, tokenizer, size, overlap=0)]
        return learnt, [r for text in dev for r in window_rows(text, tokenizer, size, overlap=0)]

    tuned = encoder.fine_tune_tagger(
        settings,
        rows,
        judged,
        work.checkpoints,
        run.metrics,
        tags=len(TAGS),
        looks=LOOKS,
        resume=encoder.latest(work.checkpoints),
    )
    encoder.save_tagger(tuned, folder)
    (folder / "run").mkdir()
    (folder / "run" / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    lines = "".join(json.dumps(entry) + "\n" for entry in tuned.history)
    (folder / "run" / "history.jsonl").write_text(lines, encoding="utf-8")
    manifest = _manifest(settings, train, dev, work, run)
    artifact.write_manifest(folder, manifest)
    tagger = Tagger(folder)
    _check_export(tagger, tuned, dev[0])
    figures = evaluate_tagger(tagger, dev)
    artifact.write_manifest(folder, replace(manifest, dev=figures.to_dict()))
    return add_int8(tagger, train, dev, figures)


def add_int8(
    tagger: Tagger,
    train: Sequence[MarkedText],
    dev: Sequence[MarkedText],
    figures: TaggerEvaluation,
) -> TaggerEvaluation:
    """Give a saved tagger a network in 8 bits; it reads from now on if it says the same on dev.

    Args:
        tagger: In fp32.
        train: Texts that the roundings are fitted to.
        dev: Texts that both are held against.
        figures: Those of fp32 on dev.

    Returns:
        Figures on dev of the network that reads from now on. The manifest's `int8` has `agreement`,
        the share of words with the same tag, `f1` and `f1_fp32`, and whether it was `accepted`.
    """
    from stance import encoder

    folder, manifest = tagger.folder, artifact.read_manifest(tagger.folder)
    seen = [
        window[:2] for text in train[:SEEN] for window in tagger.windows(_words(tagger, text))[1]
    ]
    watch = partial(tagger.scorer.watch, windows=seen)
    encoder.quantise(folder / artifact.ONNX, folder / artifact.ONNX_INT8, watch)
    artifact.write_manifest(folder, manifest)
    light = Tagger(folder, precision="int8")
    same = [
        tagger.tags(words)[0] == light.tags(words)[0]
        for words in (_words(tagger, text) for text in dev)
    ]
    agreement = float(np.concatenate(same).mean())
    found = evaluate_tagger(light, dev)
    accepted = agreement >= AGREEMENT and abs(found.f1 - figures.f1) <= F1_APART
    told = {"agreement": agreement, "f1": found.f1, "f1_fp32": figures.f1, "accepted": accepted}
    precision = "int8" if accepted else "fp32"
    if not accepted:
        (folder / artifact.ONNX_INT8).unlink()
        found = figures
    artifact.write_manifest(
        folder, replace(manifest, dev=found.to_dict(), precision=precision, int8=told)
    )
    return found


def _words(tagger: Tagger, text: MarkedText) -> Words:
    return tagger.read(text.text, text.sentences)


def window_rows(
    text: MarkedText, tokenizer: Any, size: int, *, overlap: float = 0.25
) -> list[dict[str, Any]]:
    """Return the windows of a marked text as the encoder learns from them."""
    words = read_words(text.text, text.sentences, tokenizer)
    labels = tags(words, text.attributions)
    around = tokenizer.encode("").ids
    found = []
    for low, high in windows(words, size, overlap=overlap):
        ids, looks, places = words.window(low, high)
        ids, looks = bracketed(ids, looks, around)
        found.append(
            {
                "input_ids": ids[: size + 2],
                "looks": looks[: size + 2],
                "places": [min(1 + place, size) for place in places],
                "labels": labels[low:high].tolist(),
            }
        )
    return found


def judged(
    scores: NDArray[np.float64], gold: NDArray[np.int64], transitions: NDArray[np.float64]
) -> dict[str, float]:
    """Return the exact F1 of each role in windows, and their mean, `f1`."""
    kept = [row >= 0 for row in gold]
    golds = [row[keep] for row, keep in zip(gold, kept, strict=True)]
    found = []
    for row, keep in zip(scores, kept, strict=True):
        none = np.zeros(int(keep.sum()), dtype=np.int64)
        found.append(decode(row[: len(none)], transitions, none > 0, none)[0])
    exact = {name: score.exact for name, score in span_scores(golds, found).items()}
    return {"f1": float(np.mean(list(exact.values()))), **exact}


def _check_export(tagger: Tagger, tuned: FineTunedTagger, text: MarkedText) -> None:
    """Score a window with the saved graph and with the model: a trace may go wrong silently."""
    apart = export_error(tagger, tuned, text)
    if apart > 1e-2:
        raise ModelError(
            f"the ONNX graph of this {tuned.model.encoder.config.model_type} encoder says other "
            f"than the model: scores differ by {apart:.2f}; choose another encoder.name"
        )


def export_error(tagger: Tagger, tuned: FineTunedTagger, text: MarkedText) -> float:
    """Return by how much the scores of a text's first window differ, graph and model."""
    from stance.encoder import token_scores

    size = tagger.manifest.max_length - 2
    row = window_rows(text, tuned.tokenizer.backend_tokenizer, size)[0]
    ids, looks = row["input_ids"], row["looks"]
    found, _ = tagger.scorer.logits([(ids[1:-1], looks[1:-1])])
    return float(abs(token_scores(tuned.model, ids, looks)[1:-1] - found[0]).max())


def _manifest(
    settings: AttributionConfig,
    train: list[MarkedText],
    dev: list[MarkedText],
    work: Workspace,
    run: tracking.Run,
) -> artifact.Manifest:
    """Return what a tagger says of itself, but for its figures."""
    content = json.dumps([[asdict(a) for a in part] for part in (train, dev)])
    return artifact.Manifest(
        name=work.name,
        labels=TAGS,
        poles=None,
        temperature=1.0,
        max_length=settings.encoder.max_length,
        config=settings.model_dump(mode="json"),
        data={
            "path": list(settings.data.path),
            "fingerprint": hashlib.sha256(content.encode()).hexdigest(),
            "dev": hashlib.sha256(json.dumps([asdict(a) for a in dev]).encode()).hexdigest(),
            "articles": {"train": len(train), "dev": len(dev)},
        },
        dev={},
        provenance={
            **work.provenance(PACKAGES),
            "mlflow": {"run_id": run.id, "uri": run.uri},
        },
    )


def _promote(folder: Path) -> tuple[bool, str]:
    """Put a tagger to use unless the one in use is better on the same articles."""
    new = artifact.read_manifest(folder)
    old_folder = artifact.champion(folder.parent)
    if old_folder == folder:
        return True, "in use already"
    why = "the first"
    if old_folder is not None:
        try:
            old = artifact.read_manifest(old_folder)
        except ModelError as error:
            why = f"the one in use cannot be read: {error}"
        else:
            if old.data["dev"] == new.data["dev"] and old.dev["f1"] > new.dev["f1"]:
                return False, (
                    f"{old.name} stays in use: dev F1 {old.dev['f1']:.3f}, "
                    f"this one's {new.dev['f1']:.3f}"
                )
            why = f"dev F1 {new.dev['f1']:.3f}, before {old.dev['f1']:.3f}"
    artifact.set_champion(folder, how="gate", why=why)
    return True, why
