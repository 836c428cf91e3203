"""A model card from an evaluation, in the format of Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from stance.dossier.figures import WHOLE
from stance.metrics import told

_ENCODERS = {"all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2"}
_METRICS = {
    "macro_f1": ("f1", "Macro-F1", {"average": "macro"}),
    "weighted_f1": ("f1", "Weighted F1", {"average": "weighted"}),
    "accuracy": ("accuracy", "Accuracy", None),
    "mcc": ("matthews_correlation", "Matthews correlation", None),
    "roc_auc": ("roc_auc", "ROC-AUC, one against the rest", None),
    "brier": ("brier_score", "Brier score", None),
}


def model_card(result: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Write the card of a model: YAML that model hubs read, then Markdown that people read.

    Mitchell et al., Model Cards for Model Reporting (FAT* 2019), says what belongs into one.

    Args:
        result: `stance.Evaluation.result`, on the model's own test split.
        manifest: The model's manifest as a dictionary.
    """
    front = yaml.safe_dump(_front(result, manifest), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n".join(_body(result, manifest)) + "\n"


def _front(result: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    encoder = manifest["config"]["encoder"]["name"]
    own = list(manifest["data"]["path"]) == ["data"] and encoder in _ENCODERS
    metrics = [
        {
            "type": kind,
            "name": name,
            "value": round(result["figures"][key]["value"], 4),
            **({"args": args} if args else {}),
        }
        for key, (kind, name, args) in _METRICS.items()
        if result["figures"].get(key) and result["figures"][key]["value"] is not None
    ]
    return {
        # Other data or encoders have terms of their own, which nothing here can know.
        "license": "apache-2.0" if own else "other",
        **({} if own else {"license_name": "of-encoder-and-data"}),
        "language": ["en"],
        "library_name": "stance",
        "pipeline_tag": "text-classification",
        "base_model": _ENCODERS.get(encoder, encoder),
        "tags": ["stance-detection", "political-text", "onnx", *manifest["labels"]],
        "metrics": list(dict.fromkeys(metric["type"] for metric in metrics)),
        "model-index": [
            {
                "name": result["model"],
                "results": [
                    {
                        "task": {"type": "text-classification", "name": "Stance of sentences"},
                        "dataset": {
                            "type": "stance",
                            "name": result["data"]["name"],
                            "split": "test",
                            "revision": manifest["data"]["fingerprint"],
                        },
                        "metrics": metrics,
                    }
                ],
            }
        ],
    }


def _body(result: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    labels, config, data = manifest["labels"], manifest["config"], manifest["data"]
    rows = ", ".join(f"{count:,} in {split}" for split, count in data["rows"].items())
    train, provenance = config["train"], manifest["provenance"]
    yield from (
        f"# {result['model']}",
        "",
        f"Labels each sentence of an English political text as {', '.join(labels[:-1])} or "
        f"{labels[-1]}, with calibrated probabilities.",
        "",
        "```python",
        "import stance",
        "",
        'p = stance.load("path/to/this/folder").predict("We will never negotiate under threat.")',
        "p.label, p.probabilities",
        "```",
        "",
        "## Training",
        "",
        f"- Data: {', '.join(data['path'])} ({rows} sentences; fingerprint "
        f"`{data['fingerprint'][:16]}`).",
        f"- Encoder `{config['encoder']['name']}`, {config['encoder']['max_length']} tokens; "
        f"{train['epochs']:g} epochs, batches of {train['batch_size']}, learning rate "
        f"{train['learning_rate']:g}, seed {train['seed']}.",
        f"- {provenance['duration_seconds'] / 60:.0f} minutes on {provenance['machine']}; "
        + ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())
        + ".",
        "",
        "## Evaluation",
        "",
        f"On {result['data']['name']}: {result['data']['rows']:,} sentences in "
        f"{result['data']['groups']:,} groups; 95 % intervals from a bootstrap over groups.",
        "",
        *_table(
            ("figure", "value"),
            [
                (name, told(result["figures"][key]))
                for key, (name, _, _) in WHOLE.items()
                if key in result["figures"]
            ],
        ),
        "",
        *_table(
            ("label", "precision", "recall", "F1"),
            [
                (label, *(told(row[key]) for key in ("precision", "recall", "f1")))
                for label, row in result["figures"]["labels"].items()
            ],
        ),
    )
    if result.get("baselines"):
        systems = result["baselines"].items()
        rows_ = [(name, told(found["macro_f1"])) for name, found in systems]
        yield from ("", *_table(("baseline", "macro-F1"), rows_))
    yield from _limits(result)
    yield from (
        "",
        "## Use and misuse",
        "",
        "- For counting and comparing over many sentences, each of which can be read. A single "
        "label is no evidence about a speaker.",
        "- It reads one sentence at a time and English only; irony, demands wrapped in courtesy "
        "and speech inside speech are its weak spots.",
        "- News of other kinds than its training data is harder than its own test split: measure "
        "it on labelled sentences of your own (`stance evaluate --data`) before you publish.",
        "- Not for decisions about persons, for targeting, or for watching individuals.",
    )


def _limits(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the model is held to, and what of it it misses."""
    held = result.get("limits")
    if not held:
        return
    missed = [each for each in held if not each["met"]]
    yield from (
        "",
        "## Limits",
        "",
        f"{len(held) - len(missed)} of {len(held)} limits are met"
        + (". Missed:" if missed else "."),
        "",
    )
    rows = [
        (each["name"], f"{each['value']:.3f}", f"{each['bound']} {each['limit']:g}")
        for each in missed
    ]
    if rows:
        yield from _table(("figure", "found", "held to"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
