"""The registered model is measured by MLflow itself, with the same figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stance

from tests.conftest import SENTENCES, tiny_settings


def test_mlflow_evaluates_the_registered_model_as_we_do(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    import mlflow
    import pandas as pd

    trained = stance.train(
        tiny_settings(tiny_encoder, corpus_folder, Path("models"), tracking={"enabled": True})
    )
    rows = [{"text": text, "label": label} for label, texts in SENTENCES.items() for text in texts]
    frame = pd.DataFrame(rows)
    found = mlflow.models.evaluate(
        "models:/stance@champion",
        frame,
        targets="label",
        model_type="classifier",
        model_config={"output": "label"},
        evaluator_config={"log_model_explainability": False},
    )
    Path("gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ours = stance.evaluate(
        trained.folder, data="gold.jsonl", baselines=False, behaviour=False, output=None
    ).result["figures"]
    assert found.metrics["accuracy_score"] == pytest.approx(ours["accuracy"]["value"], abs=1e-9)
    assert found.metrics["f1_score"] == pytest.approx(ours["weighted_f1"]["value"], abs=1e-9)
