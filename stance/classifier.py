"""The model as an estimator of scikit-learn: for pipelines, grid search, cross-validation."""

from __future__ import annotations

import csv
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from stance import artifact
from stance.config import Config, check
from stance.prediction import Model, load
from stance.schema import DataError
from stance.training import train


class StanceClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fine-tunes an encoder on sentences, as `stance train` does, without MLflow or promotion.

    Args:
        encoder: What to fine-tune: `all-MiniLM-L6-v2`, a folder, a model hub id.
        epochs: Passes over the sentences.
        learning_rate: Of the encoder.
        batch_size: Sentences of a step.
        max_length: Tokens that are read of a sentence.
        frozen: Lowest parts of the encoder that stay as they are, the embeddings the first.
        held_out: Share of the sentences that chooses the epoch and calibrates, more than 0.
        random_state: Seed.
        settings: Further settings, `("section.key=value", ...)`, as on the command line.

    Attributes:
        classes_: The labels, sorted, shape (K,): the columns of `predict_proba`.
        model_: The trained `stance.Model`.
        n_features_in_: 1, the sentence.
    """

    def __init__(
        self,
        encoder: str = "all-MiniLM-L6-v2",
        *,
        epochs: float = 3,
        learning_rate: float = 1.5e-4,
        batch_size: int = 32,
        max_length: int = 128,
        frozen: int = 3,
        held_out: float = 0.1,
        random_state: int = 13,
        settings: Sequence[str] = (),
    ) -> None:
        self.encoder = encoder
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_length = max_length
        self.frozen = frozen
        self.held_out = held_out
        self.random_state = random_state
        self.settings = settings

    def fit(self, X: ArrayLike, y: ArrayLike) -> StanceClassifier:
        """Train on sentences.

        Args:
            X: Sentences, shape (N,) or (N, 1).
            y: Their labels, shape (N,).

        Raises:
            DataError: If a sentence is no string or is empty, or there are fewer labels than two.
            ConfigError: If a setting is wrong.
        """
        texts, labels = _texts(X), np.asarray(y)
        if labels.shape != (len(texts),):
            raise DataError(f"y has shape {labels.shape}, expected ({len(texts)},) as X")
        self.classes_: NDArray[Any] = np.unique(labels)
        if len(self.classes_) < 2:
            raise DataError(f"y has {len(self.classes_)} label, expected two or more")
        names = [f"{number}" for number in np.searchsorted(self.classes_, labels)]
        with tempfile.TemporaryDirectory() as scratch:
            rows = Path(scratch) / "sentences.csv"
            with rows.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("text", "label"), *zip(texts, names, strict=True)])
            config = check(Config, self._config(rows), list(self.settings), where="settings")
            folder = train(config, promote=False).folder
            self._keep({name: (folder / name).read_bytes() for name in _scoring(folder)})
        self.n_features_in_ = 1
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each sentence, shape (N,)."""
        check_is_fitted(self)
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (N, K), columns in the order of `classes_`."""
        check_is_fitted(self)
        # The model's labels are the places in `classes_`, in an order of its own.
        probs = self.model_.predict_proba(_texts(X))
        return probs[:, [self.model_.labels.index(str(n)) for n in range(len(self.classes_))]]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Carry the model's files along, so that a fitted classifier can be copied and stored."""
        state = dict(super().__getstate__())
        model = state.pop("model_", None)
        if model is not None:
            files = {name: (model.folder / name).read_bytes() for name in _scoring(model.folder)}
            state["_files"] = files
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        files = state.pop("_files", None)
        super().__setstate__(state)
        if files is not None:
            self._keep(files)

    def _keep(self, files: dict[str, bytes]) -> None:
        """Load a model from files, which live as long as it does."""
        folder = Path(tempfile.mkdtemp(prefix="stance-"))
        for name, content in files.items():
            (folder / name).write_bytes(content)
        self.model_: Model = load(folder)
        weakref.finalize(self.model_, shutil.rmtree, folder, ignore_errors=True)

    def _config(self, rows: Path) -> dict[str, Any]:
        train_settings = {
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "frozen": self.frozen,
            "seed": self.random_state,
        }
        return {
            "labels": None,
            "poles": None,
            "encoder": {"name": str(self.encoder), "max_length": self.max_length},
            # Dev is what is held out; training asks for a test part too and never opens it.
            "data": {"path": str(rows), "cut": {"dev": self.held_out, "test": 0.0}},
            "train": train_settings,
            "tracking": {"enabled": False},
            "output": str(rows.parent / "models"),
        }


def _scoring(folder: Path) -> list[str]:
    return [*artifact.read_manifest(folder).files, artifact.MANIFEST]


def _texts(X: ArrayLike) -> list[str]:
    """Return sentences of shape (N,) or (N, 1) as a list.

    Raises:
        DataError: If the shape is another, or something is no string or blank.
    """
    values = np.asarray(X, dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"X has shape {values.shape}, expected sentences, shape (N,) or (N, 1)")
    for row, text in enumerate(values):
        if not isinstance(text, str) or not text.strip():
            found = "an empty string" if isinstance(text, str) else type(text).__name__
            raise DataError(f"X[{row}]: {found}, expected a sentence")
    return [str(text) for text in values]
