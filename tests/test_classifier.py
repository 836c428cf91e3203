"""scikit-learn's protocol."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import _yield_api_checks, check_estimator
from stance.classifier import StanceClassifier
from stance.schema import DataError

from tests.conftest import SENTENCES

X = [f"{text} {n}" for texts in SENTENCES.values() for text in texts for n in range(8)]
Y = [label for label, texts in SENTENCES.items() for _ in texts for _ in range(8)]
WITHOUT_NUMBERS = {
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_mixin_order",
    "check_valid_tag_types",
}
"""Checks of scikit-learn that do not fit an estimator to an array of numbers."""


@pytest.fixture(scope="module")
def tiny(tiny_encoder: Path) -> StanceClassifier:
    settings = ("train.head_learning_rate=5e-2", "train.early_stopping=8")
    return StanceClassifier(
        str(tiny_encoder),
        epochs=6,
        learning_rate=5e-3,
        batch_size=8,
        max_length=32,
        frozen=0,
        settings=settings,
    )


@pytest.fixture(scope="module")
def fitted(tiny: StanceClassifier) -> StanceClassifier:
    return clone(tiny).fit(X, Y)


def test_learns_and_predicts_labels_of_any_kind(
    fitted: StanceClassifier, tiny: StanceClassifier
) -> None:
    assert fitted.classes_.tolist() == ["conciliatory", "hardline", "neutral"]
    assert fitted.score(X, Y) > 0.8
    probs = fitted.predict_proba(X[:5])
    assert probs.shape == (5, 3)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert (fitted.classes_[probs.argmax(axis=1)] == fitted.predict(X[:5])).all()
    numbers = clone(tiny).set_params(epochs=1).fit(X, [len(label) % 2 for label in Y])
    assert set(numbers.predict(X)) <= {0, 1}


def test_takes_columns_of_a_frame_and_arrays(fitted: StanceClassifier) -> None:
    expected = fitted.predict_proba(X[:4])
    frame = pd.DataFrame({"text": X[:4]})
    for given in (frame["text"], frame, np.array(X[:4]), tuple(X[:4])):
        np.testing.assert_array_equal(fitted.predict_proba(given), expected)


def test_passes_the_checks_that_take_no_numbers(tiny: StanceClassifier) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_estimator(tiny)
    assert any("requires input" in str(warning.message) for warning in told)
    done = set()
    for check in _yield_api_checks(tiny):
        name = getattr(check, "func", check).__name__
        if name in WITHOUT_NUMBERS:
            check(type(tiny).__name__, clone(tiny))
            done.add(name)
    assert done == WITHOUT_NUMBERS


def test_fitting_leaves_parameters_as_they_were(
    fitted: StanceClassifier, tiny: StanceClassifier
) -> None:
    assert fitted.get_params() == tiny.get_params()
    assert not [name for name in vars(tiny) if name.endswith("_")]


def test_unfitted_and_wrong_input_are_told(tiny: StanceClassifier) -> None:
    with pytest.raises(NotFittedError):
        clone(tiny).predict(X)
    with pytest.raises(DataError, match=r"X\[1\]: int, expected a sentence"):
        clone(tiny).fit([X[0], 3], Y[:2])
    with pytest.raises(DataError, match=r"X has shape \(2, 2\)"):
        clone(tiny).fit([X[:2], X[2:4]], Y[:2])
    with pytest.raises(DataError, match="y has 1 label"):
        clone(tiny).fit(X[:3], ["a"] * 3)
    with pytest.raises(DataError, match=r"y has shape \(2,\), expected \(3,\)"):
        clone(tiny).fit(X[:3], Y[:2])


def test_fitted_classifier_can_be_stored_and_copied(fitted: StanceClassifier) -> None:
    again = pickle.loads(pickle.dumps(fitted))
    folder = again.model_.folder
    np.testing.assert_array_equal(again.predict_proba(X[:4]), fitted.predict_proba(X[:4]))
    del again
    assert not folder.exists()


def test_works_in_a_pipeline_under_grid_search(tiny: StanceClassifier) -> None:
    strip = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = Pipeline([("lower", strip), ("stance", clone(tiny).set_params(epochs=1))])
    search = GridSearchCV(pipeline, {"stance__learning_rate": [1e-7, 5e-3]}, cv=2)
    search.fit(X, Y)
    assert len(search.cv_results_["mean_test_score"]) == 2
    assert search.best_estimator_.predict(X[:2]).shape == (2,)
