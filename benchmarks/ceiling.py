"""The ceiling of scoring in 8 bits: a model's matrix products, and nothing else.

    python benchmarks/ceiling.py [MODEL]

prints where the time of a batch goes, by kind of operator, as ONNX Runtime's own profiler sees it.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import stance
from stance import artifact
from stance.prediction import Model
from stance.runtime import _batches

KINDS = {
    "MatMulIntegerToFloat": "matrix products in 8 bits, scales and biases with them",
    **dict.fromkeys(("QuantizeLinear", "Mul", "Div", "ReduceMax", "Max"), "rounding to 8 bits"),
    **dict.fromkeys(("Gelu", "BiasGelu"), "GELU"),
    **dict.fromkeys(("FusedMatMul", "MatMul", "Softmax", "Transpose"), "attention, in fp32"),
    **dict.fromkeys(("LayerNormalization", "Add"), "layer norms and sums"),
}


class Ceiling:
    """The matrix products of a model in 8 bits, and nothing else."""

    def __init__(self, model: Model) -> None:
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper

        graph = onnx.load(str(model.folder / artifact.ONNX_INT8)).graph
        weights = {tensor.name: tensor for tensor in graph.initializer}
        products = [node for node in graph.node if node.op_type == "MatMulIntegerToFloat"]
        nodes, inputs, constants = [], {}, {}
        for number, node in enumerate(products):
            matrix = weights[node.input[1]]
            width = matrix.dims[0]
            inputs[f"tokens_{width}"] = width
            constants[matrix.name] = matrix
            names = [f"tokens_{width}", matrix.name, "zero"]
            nodes.append(helper.make_node("MatMulInteger", names, [f"out_{number}"]))
        constants["zero"] = numpy_helper.from_array(np.array(128, np.uint8), "zero")
        made = helper.make_graph(
            nodes,
            "products",
            [
                helper.make_tensor_value_info(name, TensorProto.UINT8, ["rows", width])
                for name, width in inputs.items()
            ],
            [
                helper.make_tensor_value_info(f"out_{n}", TensorProto.INT32, None)
                for n in range(len(nodes))
            ],
            list(constants.values()),
        )
        whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            whole.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )
        self.widths, self.model = inputs, model

    def seconds(self, texts: Sequence[str]) -> float:
        """Time the products of the batches that the texts are scored in."""
        scorer = self.model._scorer
        lengths = [len(code.ids) for code in scorer._tokenizer.encode_batch(list(texts))]
        batches = [
            max(lengths[row] for row in rows) * len(rows)
            for rows in _batches(lengths, scorer.batch_tokens)
        ]
        drawn = np.random.default_rng(0)
        inputs = [
            {
                name: drawn.integers(0, 256, (tokens, width), dtype=np.uint8)
                for name, width in self.widths.items()
            }
            for tokens in batches
        ]
        return sum(cpu_seconds(lambda i=i: self.session.run(None, i)) for i in inputs)  # type: ignore[misc]


def cpu_seconds(work: Callable[[], Any]) -> float:
    """Return the CPU seconds of this process and all its threads."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def shares(graph: Path, *, rows: int = 7, tokens: int = 37, runs: int = 50) -> dict[str, float]:
    """Return the share of each kind of operator in the time of a batch, largest first."""
    import onnxruntime

    with TemporaryDirectory() as scratch:
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        settings.enable_profiling = True
        settings.profile_file_prefix = str(Path(scratch) / "profile")
        session = onnxruntime.InferenceSession(
            str(graph), settings, providers=["CPUExecutionProvider"]
        )
        drawn = np.random.default_rng(0).integers(1000, 20000, (rows, tokens))
        given = {"input_ids": drawn, "attention_mask": np.ones_like(drawn)}
        feed = {
            node.name: given.get(node.name, np.zeros_like(drawn)) for node in session.get_inputs()
        }
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    spent: Counter[str] = Counter()
    for event in events:
        if event["name"].endswith("_kernel_time"):
            spent[KINDS.get(event["args"]["op_name"], "all else")] += event["dur"]
    return {kind: time / spent.total() for kind, time in spent.most_common()}


if __name__ == "__main__":
    folder = stance.load(*sys.argv[1:2]).folder
    for kind, share in shares(folder / artifact.ONNX_INT8).items():
        print(f"{kind:55}{share:6.1%}")
