"""The ceiling of scoring in 8 bits: a model's matrix products, and nothing else."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from stance import artifact
from stance.prediction import Model
from stance.runtime import _batches


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
