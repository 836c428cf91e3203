"""Sentence-level stance of political articles: conciliatory, neutral or hardline.

    import stance
    model = stance.load()
    model.predict("We will never negotiate under threat.")
    model.score_article(text).to_frame()

Names are imported when first used, so that `import stance` is quick and needs no training stack.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stance.article import Document, read_document
    from stance.config import Config, load_config
    from stance.corpus import Corpus, load_corpus
    from stance.evaluation import Comparison, Evaluation, calibrate, compare, evaluate
    from stance.prediction import Model, load
    from stance.pretraining import Pretrained, pretrain
    from stance.schema import (
        LABELS,
        ConfigError,
        DataError,
        DependencyError,
        DocumentError,
        Explanation,
        ModelError,
        Prediction,
        ScoredArticle,
        ScoredSentence,
        StanceError,
        Word,
    )
    from stance.seeds import Seeds, train_seeds
    from stance.training import Trained, train
    from stance.tuning import Tuned, tune

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "evaluation",
    "Config": "config",
    "ConfigError": "schema",
    "Corpus": "corpus",
    "DataError": "schema",
    "DependencyError": "schema",
    "Document": "article",
    "DocumentError": "schema",
    "Evaluation": "evaluation",
    "Explanation": "schema",
    "LABELS": "schema",
    "Model": "prediction",
    "ModelError": "schema",
    "Prediction": "schema",
    "Pretrained": "pretraining",
    "ScoredArticle": "schema",
    "ScoredSentence": "schema",
    "Seeds": "seeds",
    "StanceError": "schema",
    "Trained": "training",
    "Tuned": "tuning",
    "Word": "schema",
    "calibrate": "evaluation",
    "compare": "evaluation",
    "evaluate": "evaluation",
    "load": "prediction",
    "load_config": "config",
    "load_corpus": "corpus",
    "pretrain": "pretraining",
    "read_document": "article",
    "train": "training",
    "train_seeds": "seeds",
    "tune": "tuning",
}

__all__ = [
    "LABELS",
    "Comparison",
    "Config",
    "ConfigError",
    "Corpus",
    "DataError",
    "DependencyError",
    "Document",
    "DocumentError",
    "Evaluation",
    "Explanation",
    "Model",
    "ModelError",
    "Prediction",
    "Pretrained",
    "ScoredArticle",
    "ScoredSentence",
    "Seeds",
    "StanceError",
    "Trained",
    "Tuned",
    "Word",
    "calibrate",
    "compare",
    "evaluate",
    "load",
    "load_config",
    "load_corpus",
    "pretrain",
    "read_document",
    "train",
    "train_seeds",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stance' has no attribute {name!r}")
    value = getattr(import_module(f"stance.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
