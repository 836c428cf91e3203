"""A graph in 8 bits: int8 weights by output channel, activations rounded token by token.

Dynamic quantisation (`onnxruntime.quantization.quantize_dynamic`) rounds a whole batch with one
scale, which the largest value of its worst token sets: of this project's sentences 5 in 100 changed
their label, and by what they were scored with. Here every token has its own scale (Yao et al. 2022,
"ZeroQuant"): a sentence gets the same in any batch, and fewer than 1 in 100 change their label. The
matrix products are the same integer ones, and as fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

DOMAIN = "com.microsoft"
"""Where ONNX Runtime's own operators live."""

TABLE_ROWS = 1000
"""Embeddings with as many rows are rounded too, row by row: they are most of a file."""


def quantise(source: Path, target: Path, *, block: int | None = None) -> None:
    """Write a graph with its large constants and its matrix products in 8 bits.

    Args:
        source: A graph in fp32.
        target: File to write. Any network with constant right factors can be written; what it is
            worth has to be measured.
        block: At most so many values of a token share a scale; None: all of them. Fewer are
            nearer to fp32 and slower.
    """
    model = onnx.load(str(source))
    _Rewriting(model.graph, block).run()
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    onnx.save(model, str(target))


class _Rewriting:
    """One pass over a graph's nodes."""

    def __init__(self, graph: Any, block: int | None) -> None:
        self.graph = graph
        self.block = block
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.nodes: list[Any] = []
        self.made: dict[str, Any] = {}
        self.rounded: dict[str, tuple[str, str]] = {}

    def run(self) -> None:
        behind = self._behind_the_logits()
        for node in list(self.graph.node):
            product = node.op_type == "MatMul" and node.output[0] in behind
            if product and self._matrix(node.input[1]) is not None:
                self._product(node)
            elif node.op_type == "Gather" and self._is_table(node.input[0]):
                self._lookup(node)
            else:
                self.nodes.append(node)
        used = {name for node in self.nodes for name in node.input}
        kept = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend([*kept, *self.made.values()])

    def _behind_the_logits(self) -> set[str]:
        """Return the values that the first output is made of; what else there is stays in fp32."""
        maker = {name: node for node in self.graph.node for name in node.output}
        found: set[str] = set()
        open_ = [self.graph.output[0].name]
        while open_:
            name = open_.pop()
            if name in maker and name not in found:
                found.add(name)
                open_.extend(maker[name].input)
        return found

    def _product(self, node: Any) -> None:
        """Write x W as a sum over blocks of its inner dimension."""
        left, right = node.input
        matrix = self._constant(right)
        width = len(matrix)
        count = -(-width // (self.block or width))
        bounds = [width * number // count for number in range(count + 1)]
        parts = [left]
        if count > 1:
            parts = [f"{left}/int8/{number}" for number in range(count)]
            sizes = self._make(f"int8/sizes_{width}", np.diff(bounds).astype(np.int64))
            if parts[0] not in self.rounded:
                self.nodes.append(helper.make_node("Split", [left, sizes], parts, axis=-1))
        sums = []
        for number, part in enumerate(parts):
            rows = matrix[bounds[number] : bounds[number + 1]]
            last = f"{node.output[0]}/int8/{number}" if count > 1 else node.output[0]
            sums.append(self._rounded_product(part, rows, f"{right}/{number}", last))
        if count > 1:
            self._add("Sum", sums, node.output[0])

    def _rounded_product(
        self, tokens: str, matrix: NDArray[np.float32], name: str, output: str
    ) -> str:
        """x W = scale of the token · (rounded x · rounded W) · scale of the column."""
        weights, scales = rounded(matrix, axis=0)
        whole, token_scale = self._tokens(tokens)
        operands = [
            *(whole, self._make(f"{name}/int8", weights)),
            *(self._make("int8/one", np.float32(1)), self._make(f"{name}/scale", scales[0])),
            self._make("int8/zero", np.uint8(128)),
        ]
        self._add("MatMulIntegerToFloat", operands, f"{output}/unscaled", domain=DOMAIN)
        return self._add("Mul", [f"{output}/unscaled", token_scale], output)

    def _tokens(self, name: str) -> tuple[str, str]:
        """Return the rounded tokens and their scales; products of the same tokens share them."""
        if name in self.rounded:
            return self.rounded[name]
        base = f"{name}/int8"
        self._add("Abs", [name], f"{base}/magnitude")
        self._add("ReduceMax", [f"{base}/magnitude"], f"{base}/largest", axes=[-1], keepdims=1)
        step = self._make("int8/step", np.float32(1 / 127))
        self._add("Mul", [f"{base}/largest", step], f"{base}/span")
        least = self._make("int8/least", np.float32(1e-12))
        scale = self._add("Max", [f"{base}/span", least], f"{base}/scale")
        self._add("Div", [name, scale], f"{base}/steps")
        one = self._make("int8/one", np.float32(1))
        zero = self._make("int8/zero", np.uint8(128))
        whole = self._add("QuantizeLinear", [f"{base}/steps", one, zero], f"{base}/whole")
        self.rounded[name] = (whole, scale)
        return self.rounded[name]

    def _lookup(self, node: Any) -> None:
        table, rows = node.input
        values, scales = rounded(self._constant(table), axis=1)
        base = f"{node.output[0]}/int8"
        self._add("Gather", [self._make(f"{table}/int8", values), rows], base)
        self._add("Gather", [self._make(f"{table}/scale", scales), rows], f"{base}/scale")
        self._add("Cast", [base], f"{base}/float", to=onnx.TensorProto.FLOAT)
        self._add("Mul", [f"{base}/float", f"{base}/scale"], node.output[0])

    def _add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _make(self, name: str, values: Any) -> str:
        self.made.setdefault(name, numpy_helper.from_array(np.asarray(values), name))
        return name

    def _constant(self, name: str) -> NDArray[np.float32]:
        values: NDArray[np.float32] = numpy_helper.to_array(self.constants[name])
        return values

    def _matrix(self, name: str) -> Any:
        tensor = self.constants.get(name)
        float_matrix = tensor is not None and len(tensor.dims) == 2 and tensor.data_type == 1
        return tensor if float_matrix else None

    def _is_table(self, name: str) -> bool:
        tensor = self._matrix(name)
        return tensor is not None and tensor.dims[0] >= TABLE_ROWS


def rounded(
    values: NDArray[np.float32], *, axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round to int8 with a scale for each row or column, so that `int8 · scale` comes near.

    Args:
        values: Shape (M, N).
        axis: The axis that shares a scale.

    Returns:
        Whole numbers from -127 to 127, shape (M, N), and scales, shape (1, N) or (M, 1).
    """
    scales = np.abs(values).max(axis=axis, keepdims=True) / 127
    scales[scales == 0] = 1
    whole = np.clip(np.rint(values / scales), -127, 127).astype(np.int8)
    return whole, scales.astype(np.float32)
