"""Fine-tunes, saves and exports a token tagger: an encoder, a linear layer and a chain of tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import (
    EarlyStoppingCallback,
    Trainer,
)

from stance.artifact import ONNX
from stance.config import AttributionConfig
from stance.encoder.layers import lowest
from stance.encoder.loop import OnLog, arguments, history, looping, run
from stance.encoder.model import load_encoder, quiet
from stance.encoder.saved import HEAD
from stance.encoder.tracing import AXES, trace

IGNORED = -100
"""Label and place of what pads a batch."""

Judge = Callable[[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]], dict[str, float]]
"""Figures of word scores (N, W, K), their tags (N, W), and the transitions (K, K)."""


class TokenTagger(torch.nn.Module):
    """An encoder told how its tokens look, a linear layer, and scores of one tag after another.

    Args:
        encoder: A transformer.
        tags: How many there are.
        looks: How many looks a token may have; each has a vector that is added to the token's.
        dropout: Part of a token's vector that the layer does not see in a step.
    """

    def __init__(self, encoder: Any, tags: int, looks: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        width = encoder.config.hidden_size
        self.encoder = encoder
        self.looks = torch.nn.Embedding(looks, width)
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(width, tags)
        self.transitions = torch.nn.Parameter(torch.zeros(tags, tags))
        torch.nn.init.zeros_(self.looks.weight)
        torch.nn.init.normal_(self.head.weight, std=0.02)
        torch.nn.init.zeros_(self.head.bias)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, looks: torch.Tensor
    ) -> torch.Tensor:
        """Return a score for each tag of each token, shape (B, T, K)."""
        vectors = self.encoder.get_input_embeddings()(input_ids) + self.looks(looks)
        hidden = self.encoder(inputs_embeds=vectors, attention_mask=attention_mask)
        scores: torch.Tensor = self.head(self.dropout(hidden.last_hidden_state))
        return scores

    def own(self) -> dict[str, torch.Tensor]:
        """Return the weights that are not the encoder's."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith("encoder.")}


def chain_loss(
    scores: torch.Tensor, transitions: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Return the negative log-likelihood, in nats, of each row's tags: shape (B,).

    A linear chain (Lafferty et al. 2001): −log p(y|x), p(y|x) ∝ exp Σₜ sₜ(yₜ) + A(yₜ₋₁, yₜ).

    Args:
        scores: Shape (B, W, K).
        transitions: A, shape (K, K), from the row's tag to the column's.
        labels: Shape (B, W), `IGNORED` after the last word of a row.
    """
    scores = scores.float()
    kept = labels != IGNORED  # (B, W)
    tags = labels.clamp_min(0)
    own = scores.gather(2, tags.unsqueeze(2)).squeeze(2)  # (B, W)
    steps = transitions[tags[:, :-1], tags[:, 1:]] * kept[:, 1:]
    path = (own * kept).sum(1) + steps.sum(1)
    total = scores[:, 0]  # (B, K)
    for word in range(1, scores.shape[1]):
        ahead = torch.logsumexp(total.unsqueeze(2) + transitions, dim=1) + scores[:, word]
        total = torch.where(kept[:, word : word + 1], ahead, total)
    return torch.logsumexp(total, dim=1) - path


class _Collator:
    """Pads tokens and words of a batch, each to the longest."""

    def __init__(self, tokenizer: Any) -> None:
        self._pad = tokenizer.pad_token_id or 0

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        def padded(name: str, filler: int) -> torch.Tensor:
            width = max(len(row[name]) for row in rows)
            return torch.tensor(
                [[*row[name], *[filler] * (width - len(row[name]))] for row in rows]
            )

        ids = padded("input_ids", self._pad)
        lengths = torch.tensor([[len(row["input_ids"])] for row in rows])
        return {
            "input_ids": ids,
            "attention_mask": (torch.arange(ids.shape[1]) < lengths).long(),
            "looks": padded("looks", 0),
            "places": padded("places", 0),
            "labels": padded("labels", IGNORED),
        }


class _TaggerTrainer(Trainer):  # type: ignore[misc]
    """The Hugging Face `Trainer` with the loss of a chain of tags."""

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the mean loss of a word."""
        scores = model(inputs["input_ids"], inputs["attention_mask"], inputs["looks"])
        places = inputs["places"].unsqueeze(2).expand(-1, -1, scores.shape[2])
        of_words = scores.gather(1, places).float()  # (B, W, K)
        transitions = self.accelerator.unwrap_model(model).transitions
        losses = chain_loss(of_words, transitions, inputs["labels"])
        loss = losses.sum() / (inputs["labels"] != IGNORED).sum()
        return (loss, {"loss": loss, "scores": of_words}) if return_outputs else loss


@dataclass(frozen=True, slots=True)
class FineTunedTagger:
    """A fine-tuned tagger, at its best epoch.

    Attributes:
        model: In evaluation mode.
        tokenizer: The encoder's.
        history: One dictionary a log or evaluation, each with `step` and `epoch`.
    """

    model: TokenTagger
    tokenizer: Any
    history: list[dict[str, float]]


def fine_tune_tagger(
    config: AttributionConfig,
    rows: Callable[[Any], tuple[list[dict[str, Any]], list[dict[str, Any]]]],
    judge: Judge,
    scratch: Path,
    on_log: OnLog,
    *,
    tags: int,
    looks: int,
    resume: Path | None = None,
) -> FineTunedTagger:
    """Fine-tune the configured encoder to tag words; keep the epoch that `judge` gives the best F1.

    Args:
        config: The experiment.
        rows: Called with the encoder's tokenizer, a `tokenizers.Tokenizer`; returns windows to
            learn from and to choose by, each with `input_ids`, `looks`, `places` (the first token
            of each word) and `labels` (the tag of each word).
        judge: Figures, with `f1`, of the windows to choose by.
        scratch: Folder for checkpoints.
        on_log: Told every figure as it comes.
        tags: How many tags there are.
        looks: How many looks.
        resume: Checkpoint to go on from; None begins anew.

    Raises:
        ConfigError: If the encoder has fewer parts than are to be frozen.
        ModelError: If it cannot be loaded.
    """
    settings = config.train
    transformers.set_seed(settings.seed)
    tokenizer, encoder = load_encoder(config.encoder.name)
    model = TokenTagger(encoder, tags, looks, dropout=settings.dropout)
    for module in lowest(encoder, settings.frozen):
        module.requires_grad_(False)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.encoder_dropout
    train, dev = rows(tokenizer.backend_tokenizer)

    def figures(output: Any) -> dict[str, float]:
        scores = np.asarray(output.predictions, dtype=float)
        return judge(scores, output.label_ids, model.transitions.detach().numpy())

    with looping(
        _TaggerTrainer,
        settings,
        on_log,
        model=model,
        args=arguments(
            settings,
            scratch,
            per_device_eval_batch_size=settings.batch_size,
            load_best_model_at_end=True,
            metric_for_best_model="f1",
            greater_is_better=True,
        ),
        data_collator=_Collator(tokenizer),
        train_dataset=Dataset.from_list(train),
        eval_dataset=Dataset.from_list(dev),
        compute_metrics=figures,
        callbacks=[EarlyStoppingCallback(settings.early_stopping)],
        optimizers=(_optimizer(model, config), None),
    ) as trainer:
        run(trainer, resume)
    model = trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    return FineTunedTagger(model.eval().cpu(), tokenizer, history(trainer))


def _optimizer(model: TokenTagger, config: AttributionConfig) -> torch.optim.Optimizer:
    """Return AdamW with a rate of their own for the weights that start from nothing."""
    settings = config.train
    known = [p for p in model.encoder.parameters() if p.requires_grad]
    own = [*model.head.parameters(), *model.looks.parameters(), model.transitions]
    return torch.optim.AdamW(
        [
            {"params": known, "lr": settings.learning_rate},
            {"params": own, "lr": settings.head_learning_rate},
        ],
        weight_decay=settings.weight_decay,
    )


def save_tagger(tuned: FineTunedTagger, folder: Path) -> None:
    """Write weights, configuration, tokenizer and the ONNX graph that scoring runs."""
    with quiet():
        tuned.model.encoder.save_pretrained(folder)
        tuned.tokenizer.save_pretrained(folder)
        save_file(tuned.model.own(), folder / HEAD)
        _export(tuned.model, folder / ONNX)


def token_scores(
    model: TokenTagger, ids: Sequence[int], looks: Sequence[int]
) -> NDArray[np.float64]:
    """Return the scores of the tags of one window's tokens, special ones included: (T, K)."""
    tokens = torch.tensor([list(ids)])
    with torch.inference_mode():
        scores = model(tokens, torch.ones_like(tokens), torch.tensor([list(looks)]))
    return np.asarray(scores[0].numpy(), dtype=float)


def load_tagger(folder: Path) -> TokenTagger:
    """Load a saved tagger back into torch, in evaluation mode."""
    own = load_file(folder / HEAD)
    _, encoder = load_encoder(str(folder))
    model = TokenTagger(encoder, len(own["head.bias"]), len(own["looks.weight"]))
    model.load_state_dict(own, strict=False)
    return model.eval()


def _export(model: TokenTagger, path: Path) -> None:
    """Write the graph; the transitions are a second output."""
    ids = torch.tensor([[1, 2, 3], [1, 2, 0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    trace(
        _WithTransitions(model),
        model.encoder,
        {"input_ids": ids, "attention_mask": mask, "looks": torch.zeros_like(ids)},
        path,
        outputs={"logits": AXES, "transitions": {}},
    )


class _WithTransitions(torch.nn.Module):
    def __init__(self, model: TokenTagger) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, looks: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.model(ids, mask, looks), self.model.transitions + 0
