"""The model as MLflow loads it: `mlflow.pyfunc.load_model(uri).predict(frame)`.

MLflow runs this file when the model is loaded ("models from code"): nothing is pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

from stance.artifact import MANIFEST
from stance.prediction import Model


class StanceModel(PythonModel):  # type: ignore[misc]
    """Takes a frame with a column `text` (or its only column) and returns one row a text."""

    # Input is checked against the logged signature. MLflow would make another out of type hints,
    # so `predict` has none; and without this it would ask for them at every load.
    _skip_type_hint_validation = True

    def load_context(self, context: Any) -> None:
        """Load the model from the logged files."""
        self.model = Model(Path(context.artifacts[MANIFEST]).parent)
        # `mlflow.models.evaluate` takes the labels alone: model_config={"output": "label"}.
        self.output = (context.model_config or {}).get("output", "all")

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Return label, p_LABEL..., score and truncated for each row."""
        column = "text" if "text" in model_input.columns else model_input.columns[0]
        predictions = self.model.predict([str(text) for text in model_input[column]])
        rows = [
            {
                "label": p.label,
                **{f"p_{label}": value for label, value in p.probabilities.items()},
                **({} if p.score is None else {"score": p.score}),
                "truncated": p.truncated,
            }
            for p in predictions
        ]
        frame = pd.DataFrame(rows, index=model_input.index)
        return frame if self.output == "all" else frame[self.output].to_numpy()


mlflow.models.set_model(StanceModel())
