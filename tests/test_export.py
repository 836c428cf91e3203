"""What a graph must say to be used for scoring, and what becomes of one that does not."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import stance
from stance import artifact, export
from stance.confidence import softmax
from stance.encoder import quantise
from stance.encoder.quantise import compensated, fitted, rounded
from stance.runtime import Scorer
from stance.schema import ModelError

from tests.conftest import SENTENCES

TEXTS = [text for texts in SENTENCES.values() for text in texts]


@pytest.fixture
def model(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model without a network in 8 bits."""
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    (folder / artifact.ONNX_INT8).unlink(missing_ok=True)
    content = json.loads((folder / artifact.MANIFEST).read_text())
    content["files"].pop(artifact.ONNX_INT8, None)
    content.update(precision="fp32", int8={})
    (folder / artifact.MANIFEST).write_text(json.dumps(content))
    return folder


def labels_of(folder: Path) -> np.ndarray:
    return Scorer(folder, precision="fp32").logits(TEXTS)[0].argmax(axis=1)


def test_rounding_comes_near_with_a_scale_for_each_column() -> None:
    values = np.random.default_rng(1).normal(size=(64, 8)).astype(np.float32)
    values *= np.float32(10.0) ** np.arange(8) / 1e4
    values[:, 3] = 0
    whole, scales = rounded(values, axis=0)
    assert whole.dtype == np.int8
    assert (np.abs(whole * scales - values) <= 0.51 * scales).all()


def in_8_bits(model: Path, *, spared: float = 0.0) -> onnx.GraphProto:
    watch = partial(Scorer(model, precision="fp32").watch, texts=TEXTS)
    quantise(model / artifact.ONNX, model / artifact.ONNX_INT8, watch, spared=spared)
    artifact.write_manifest(model, artifact.read_manifest(model))
    return onnx.load(str(model / artifact.ONNX_INT8)).graph


@pytest.mark.parametrize(("spared", "products"), [(0.0, 12), (0.5, 6)])
def test_graph_in_8_bits_says_nearly_the_same(model: Path, spared: float, products: int) -> None:
    """Of two layers: query, key, value, output, two of the feed-forward; or the better half."""
    expected = softmax(Scorer(model, precision="fp32").logits(TEXTS)[0])
    kinds = [node.op_type for node in in_8_bits(model, spared=spared).node]
    found = softmax(Scorer(model, precision="int8").logits(TEXTS)[0])
    assert 0 < np.abs(found - expected).max() < 0.05
    assert abs(kinds.count("MatMulIntegerToFloat") - products) <= 2  # three share a left factor


def test_a_few_large_columns_cost_the_others_nothing() -> None:
    draw = np.random.default_rng(1)
    tokens = draw.normal(size=(200, 32)).astype(np.float32)
    matrix = draw.normal(size=(32, 8)).astype(np.float32)
    low, high = tokens.min(axis=0), tokens.max(axis=0)
    even = fitted(tokens, low, high, matrix)
    large = np.where(np.arange(32) == 5, np.float32(50), np.float32(1))
    found = fitted(tokens * large, low * large, high * large, matrix / large[:, None])
    assert found.error < 1.5 * even.error < 1e-3
    assert not found.by_token
    one_scale = np.abs(tokens * large).max() / 127
    plain = np.rint(tokens * large / one_scale) * one_scale @ (matrix / large[:, None])
    assert found.error < 0.1 * np.square(plain - tokens @ matrix).mean() / 32


def test_what_a_row_loses_by_rounding_later_rows_make_good() -> None:
    draw = np.random.default_rng(3)
    tokens = draw.normal(size=(400, 6)) @ draw.normal(size=(6, 48))  # columns go together
    matrix = draw.normal(size=(48, 16)).astype(np.float32)
    whole, scales = compensated(matrix, tokens.T @ tokens)
    plain, same = rounded(matrix, axis=0)
    assert whole.dtype == np.int8
    np.testing.assert_array_equal(scales, same)
    lost, before = (np.square(tokens @ (w * scales - matrix)).mean() for w in (whole, plain))
    assert lost < 0.2 * before


def test_values_above_a_floor_with_a_few_large_tokens_get_a_scale_for_each_token() -> None:
    draw = np.random.default_rng(2)
    tokens = np.maximum(draw.normal(size=(200, 32)), -0.17).astype(np.float32)
    tokens[:5] = np.where(tokens[:5] > 0, 30 * tokens[:5], tokens[:5])
    matrix = draw.normal(size=(32, 8)).astype(np.float32)
    found = fitted(tokens, tokens.min(axis=0), tokens.max(axis=0), matrix)
    assert found.by_token
    assert 0 < found.zero < 64  # little room for what is below nought
    assert found.error < 1e-3


def test_rounding_does_not_depend_on_batch_make_up(model: Path) -> None:
    """Scales are fixed, or each token's own: its neighbours in the batch do not matter."""
    in_8_bits(model)
    scorer = Scorer(model, precision="int8", threads=1)
    alone = np.concatenate([scorer.logits([text])[0] for text in TEXTS])
    np.testing.assert_allclose(scorer.logits(TEXTS)[0], alone, atol=2e-3)


def test_accepted_int8_scores_unless_fp32_is_asked_for(model: Path) -> None:
    said: list[str] = []
    manifest = export.add_int8(model, TEXTS, TEXTS, labels_of(model), say=said.append)
    assert manifest.precision == "int8"
    assert manifest.int8["accepted"]
    assert manifest.int8["agreement"] == 1.0
    assert manifest.int8["sentences"] == len(TEXTS)
    assert artifact.ONNX_INT8 in manifest.files
    assert stance.load(model)._scorer.precision == "int8"
    assert stance.load(model, precision="fp32")._scorer.precision == "fp32"
    assert said == ["int8: 1.0000 of labels as in fp32, macro-F1 1.000 against 1.000"]


def test_int8_that_changes_labels_is_refused_and_fp32_scores(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "AGREEMENT", 1.01)
    manifest = export.add_int8(model, TEXTS, TEXTS, labels_of(model), say=lambda line: None)
    assert manifest.precision == "fp32"
    assert not manifest.int8["accepted"]
    assert not (model / artifact.ONNX_INT8).exists()
    assert stance.load(model)._scorer.precision == "fp32"
    with pytest.raises(ModelError, match=r"no int8 network .its int8 rounding changed too much"):
        stance.load(model, precision="int8")


def test_agreement_and_macro_f1_both_count() -> None:
    gold = np.arange(300) % 3
    right = np.eye(3)[gold]
    one_off = right.copy()
    one_off[0] = [0, 1, 0]
    assert export.compared(one_off, right, gold, "abc")["accepted"]
    four_off = right.copy()
    four_off[[0, 3, 6, 9]] = [0, 1, 0]
    assert export.compared(four_off, right, gold, "abc")["agreement"] < 0.99
    assert not export.compared(four_off, right, gold, "abc")["accepted"]
    # Few labels changed, but all of them of a rare one.
    rare = np.array([0] * 995 + [1] * 5)
    lost = np.eye(2)[np.zeros(1000, dtype=int)]
    found = export.compared(lost, np.eye(2)[rare], rare, "ab")
    assert found["agreement"] > 0.99
    assert not found["accepted"]


def test_damaged_int8_network_is_told(model: Path) -> None:
    export.add_int8(model, TEXTS, TEXTS, labels_of(model), say=lambda line: None)
    (model / artifact.ONNX_INT8).write_bytes(b"cut")
    with pytest.raises(ModelError, match=r"model.int8.onnx: damaged"):
        stance.load(model, precision="fp32")


def test_graph_that_says_other_than_the_model_is_refused(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from stance import encoder

    tuned = SimpleNamespace(
        model=SimpleNamespace(encoder=SimpleNamespace(config=SimpleNamespace(model_type="bert")))
    )
    logits = Scorer(model, precision="fp32").logits(TEXTS)[0]
    monkeypatch.setattr(encoder, "logits", lambda *args, **options: logits)
    export.check_fp32(model, tuned, TEXTS)  # type: ignore[arg-type]
    monkeypatch.setattr(encoder, "logits", lambda *args, **options: logits[:, ::-1])
    with pytest.raises(ModelError, match="bert encoder says other than the model"):
        export.check_fp32(model, tuned, TEXTS)  # type: ignore[arg-type]


def test_only_what_makes_the_logits_is_rounded(model: Path) -> None:
    """How far a text is from the training texts goes by small numbers."""
    graph = onnx.load(str(model / artifact.ONNX))
    width = 32
    unit = onnx.numpy_helper.from_array(np.eye(width, dtype=np.float32), "unit")
    (vectors,) = (
        node.input[0] for node in graph.graph.node if graph.graph.output[0].name in node.output
    )
    graph.graph.initializer.append(unit)
    graph.graph.node.append(onnx.helper.make_node("MatMul", [vectors, "unit"], ["beside"]))
    kind = onnx.TensorProto.FLOAT
    graph.graph.output.append(onnx.helper.make_tensor_value_info("beside", kind, None))
    onnx.save(graph, "two.onnx")
    watch = partial(Scorer(model, precision="fp32").watch, texts=TEXTS)
    quantise(Path("two.onnx"), Path("rounded.onnx"), watch)
    written = onnx.load("rounded.onnx").graph
    (beside,) = (node for node in written.node if "beside" in node.output)
    assert beside.op_type == "MatMul"
