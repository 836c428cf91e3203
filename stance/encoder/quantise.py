"""A graph in 8 bits, its roundings fitted to what the network has seen of real text.

Dynamic quantisation (`onnxruntime.quantization.quantize_dynamic`) rounds a whole batch with one
scale, which the largest value of its worst token sets: of this project's sentences 5 in 100 changed
their label, and by what they were scored with. Here scales are fixed, column by column: what makes
activations hard to round is a few columns with large values, and their size is moved into the
weights (Xiao et al. 2023, "SmoothQuant"), as far as leaves the smallest error in the product (Lin
et al. 2024, "AWQ"). Where the large values are those of a few tokens instead, as behind a GELU,
each token has its own scale (Yao et al. 2022, "ZeroQuant"). The weights are rounded so that what
one row loses others make good (Frantar et al. 2023, "GPTQ"). Fewer than 1 label in 100 changes, and
what a sentence gets does not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Floats = NDArray[np.float32]

Watch = Callable[[bytes, Sequence[str]], Iterator[Mapping[str, Floats]]]
"""Runs a network on batches of text; yields its values of some names, shape (tokens, W) each."""

DOMAIN = "com.microsoft"
"""Where ONNX Runtime's own operators live."""

TABLE_ROWS = 1000
"""Embeddings with as many rows are rounded too, row by row: they are most of a file."""

STRENGTHS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""How much of the columns' size goes into the weights; the best is chosen for each product."""

ONE_SIDED = 1 / 8
"""Values whose lowest is so small a part of their highest are worth a scale for each token."""

DAMPING = 0.01
"""Added to the squares of the columns, as a share of their mean, where weights are rounded."""

SAMPLE = 24
"""Tokens of each batch that roundings are compared on."""


def quantise(source: Path, target: Path, watch: Watch, *, spared: float = 0.0) -> None:
    """Write a graph with its large constants and its matrix products in 8 bits.

    Args:
        source: A graph in fp32.
        target: File to write. Any network with constant right factors can be written; what it is
            worth has to be measured.
        watch: Shows what the network has of texts like those that it will score.
        spared: Share of the products that stay in fp32, those with the largest errors, in [0, 1).
    """
    model = onnx.load(str(source))
    _Rewriting(model, watch, spared).run()
    if all(known.domain != DOMAIN for known in model.opset_import):
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    onnx.save(model, str(target))


@dataclass(frozen=True, slots=True)
class Rounding:
    """How the left factor of a product is rounded: q = round(x / scale) + zero, in 0 to 255.

    Attributes:
        scale: Of each column, shape (W,). With `by_token` it is of the whole, and the token's
            own scale, max(largest, least) / (255 − zero), comes on top.
        zero: What 0 becomes.
        error: Mean square of the product's error over that of the product, token by token.
        by_token: Whether each token has its own scale.
        least: The smallest `largest` for which no value is cut off.
    """

    scale: Floats
    zero: int
    error: float
    by_token: bool = False
    least: float = 0.0


def fitted(sample: Floats, low: Floats, high: Floats, matrix: Floats) -> Rounding:
    """Find the rounding with the smallest error in the product of tokens and a matrix.

    Args:
        sample: Tokens, shape (T, W).
        low: Lowest value of each column over all tokens seen, shape (W,).
        high: Highest, likewise.
        matrix: Shape (W, N).
    """
    product = sample @ matrix
    size = np.maximum(np.square(product).mean(axis=1), 1e-12)

    def error(tokens: Floats, rows: Floats) -> float:
        whole, scales = rounded(rows, axis=0)
        apart = np.square(tokens @ (whole * scales) - product).mean(axis=1)
        return float((apart / size).mean())

    found = []
    magnitude = np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-5)
    weights = np.maximum(np.abs(matrix).max(axis=1), 1e-9)
    for strength in STRENGTHS:
        smooth = magnitude**strength / weights ** (1 - strength)
        bottom, top = min(0.0, (low / smooth).min()), max(0.0, (high / smooth).max())
        scale = (smooth * (top - bottom) / 255).astype(np.float32)
        zero = round(-bottom * 255 / (top - bottom))
        whole = np.clip(np.rint(sample / scale) + zero, 0, 255) - zero
        apart = error(whole.astype(np.float32), matrix * scale[:, None])
        found.append(Rounding(scale, zero, apart))
    bottom = -float(low.min())
    if 0 <= bottom <= ONE_SIDED * high.max():
        largest = sample.max(axis=1, keepdims=True)
        zero = int(np.ceil(255 * bottom / (bottom + float(np.median(largest)))))
        zero = min(zero, 128)
        least = bottom * (255 - zero) / zero if zero else 1e-12
        scales = np.maximum(largest, least) / (255 - zero)
        whole = np.clip(np.rint(sample / scales) + zero, 0, 255) - zero
        apart = error((whole * scales).astype(np.float32), matrix)
        found.append(Rounding(np.ones(len(matrix), np.float32), zero, apart, True, least))
    return min(found, key=lambda rounding: rounding.error)


def rounded(values: Floats, *, axis: int) -> tuple[NDArray[np.int8], Floats]:
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


def compensated(matrix: Floats, products: NDArray[np.float64]) -> tuple[NDArray[np.int8], Floats]:
    """Round as `rounded` by column, what one row loses made good by those after it.

    Frantar et al. 2023, "GPTQ": the error is least where the tokens are, not where the weights are.

    Args:
        matrix: Shape (W, N).
        products: XᵀX of tokens X that it is multiplied with, shape (W, W).
    """
    whole, scales = rounded(matrix, axis=0)
    damping = DAMPING * max(float(np.diag(products).mean()), 1e-12)
    inverse = np.linalg.inv(products + damping * np.eye(len(matrix)))
    share = np.linalg.cholesky(inverse).T  # of a row's error that each later row takes over
    rest = matrix.astype(np.float64)
    for row in range(len(matrix)):
        whole[row] = np.clip(np.rint(rest[row] / scales[0]), -127, 127)
        error = (rest[row] - whole[row] * scales[0]) / share[row, row]
        rest[row + 1 :] -= np.outer(share[row, row + 1 :], error)
    return whole, scales


class _Rewriting:
    """One pass over a graph's nodes."""

    def __init__(self, model: Any, watch: Watch, spared: float) -> None:
        self.graph = model.graph
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.users: dict[str, list[Any]] = {}
        for node in model.graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.products = self._products()
        self.roundings = self._roundings(model, watch)
        by_error = sorted(self.roundings, key=lambda name: -self.roundings[name].error)
        for name in by_error[: round(spared * len(by_error))]:
            del self.roundings[name]
        self.nodes: list[Any] = []
        self.made: dict[str, Any] = {}
        self.whole: dict[str, tuple[str, str]] = {}

    def run(self) -> None:
        merged: set[str] = set()
        for node in list(self.graph.node):
            left = node.input[0] if node.input else ""
            if node.output[0] in merged:
                continue
            if left in self.roundings and any(node is each for each in self.products[left]):
                merged.add(self._product(node))
            elif node.op_type == "Gather" and self._is_table(left):
                self._lookup(node)
            else:
                self.nodes.append(node)
        used = {name for node in self.nodes for name in node.input}
        used |= {output.name for output in self.graph.output}
        kept = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend([*kept, *self.made.values()])

    def _products(self) -> dict[str, list[Any]]:
        """Return the products to round, by left factor; what has no part in the logits stays."""
        maker = {name: node for node in self.graph.node for name in node.output}
        behind: set[str] = set()
        open_ = [self.graph.output[0].name]
        while open_:
            name = open_.pop()
            if name in maker and name not in behind:
                behind.add(name)
                open_.extend(maker[name].input)
        found: dict[str, list[Any]] = {}
        for node in self.graph.node:
            product = node.op_type == "MatMul" and node.output[0] in behind
            if product and self._matrix(node.input[1]) and node.input[0] in maker:
                found.setdefault(node.input[0], []).append(node)
        return found

    def _roundings(self, model: Any, watch: Watch) -> dict[str, Rounding]:
        """Return how each left factor is rounded, going by what it is for some texts."""
        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        kind = onnx.TensorProto.FLOAT
        watched.graph.output.extend(
            helper.make_tensor_value_info(name, kind, None) for name in self.products
        )
        drawn = np.random.default_rng(0)
        samples: dict[str, list[Floats]] = {name: [] for name in self.products}
        low: dict[str, Floats] = {}
        high: dict[str, Floats] = {}
        self.squares: dict[str, NDArray[np.float64]] = {}
        for values in watch(watched.SerializeToString(), list(self.products)):
            for name, tokens in values.items():
                rows = drawn.choice(len(tokens), min(SAMPLE, len(tokens)), replace=False)
                samples[name].append(tokens[rows])
                low[name] = np.minimum(low.get(name, np.inf), tokens.min(axis=0))
                high[name] = np.maximum(high.get(name, -np.inf), tokens.max(axis=0))
                squares = self.squares.setdefault(name, np.zeros((tokens.shape[1],) * 2))
                squares += tokens.T @ tokens
        found = {}
        for name, nodes in self.products.items():
            matrix = np.concatenate([self._constant(node.input[1]) for node in nodes], axis=1)
            found[name] = fitted(np.concatenate(samples[name]), low[name], high[name], matrix)
        return found

    def _product(self, node: Any) -> str:
        """Write x W + bias; return what it makes, which is the sum's if there was a bias."""
        left, right = node.input
        rounding = self.roundings[left]
        seen = self.squares[left] / np.outer(rounding.scale, rounding.scale)
        weights, scales = compensated(self._constant(right) * rounding.scale[:, None], seen)
        whole, token_scale = self._rounded(left, rounding)
        operands = [
            *(whole, self._make(f"{right}/int8", weights)),
            *(self._make("int8/one", np.float32(1)), self._make(f"{right}/scale", scales[0])),
            self._make(f"int8/zero/{rounding.zero}", np.uint8(rounding.zero)),
        ]
        output = str(node.output[0])
        if rounding.by_token:
            self._add("MatMulIntegerToFloat", operands, f"{output}/unscaled", domain=DOMAIN)
            return self._add("Mul", [f"{output}/unscaled", token_scale], output)
        bias, total = self._bias(output)
        operands += ["", bias] if bias else []
        return self._add("MatMulIntegerToFloat", operands, total or output, domain=DOMAIN)

    def _bias(self, product: str) -> tuple[str, str]:
        """Return the constant that is added to a product, and the sum; nothing if none is."""
        users = self.users.get(product, [])
        if len(users) == 1 and users[0].op_type == "Add":
            (other,) = [name for name in users[0].input if name != product] or [""]
            tensor = self.constants.get(other)
            if tensor is not None and len(tensor.dims) == 1 and tensor.data_type == 1:
                return other, str(users[0].output[0])
        return "", ""

    def _rounded(self, name: str, rounding: Rounding) -> tuple[str, str]:
        """Return the rounded tokens, and their scales if they have some of their own."""
        if name in self.whole:
            return self.whole[name]
        base, scale = f"{name}/int8", ""
        if rounding.by_token:
            self._add("ReduceMax", [name], f"{base}/largest", axes=[-1], keepdims=1)
            least = self._make(f"{base}/least", np.float32(rounding.least))
            self._add("Max", [f"{base}/largest", least], f"{base}/span")
            step = self._make(f"{base}/step", np.float32(1 / (255 - rounding.zero)))
            scale = self._add("Mul", [f"{base}/span", step], f"{base}/scale")
            self._add("Div", [name, scale], f"{base}/steps")
        else:
            self._add("Mul", [name, self._make(f"{base}/per", 1 / rounding.scale)], f"{base}/steps")
        one = self._make("int8/one", np.float32(1))
        zero = self._make(f"int8/zero/{rounding.zero}", np.uint8(rounding.zero))
        whole = self._add("QuantizeLinear", [f"{base}/steps", one, zero], f"{base}/whole")
        self.whole[name] = whole, scale
        return whole, scale

    def _lookup(self, node: Any) -> None:
        table, rows = node.input
        values, scales = rounded(self._constant(table), axis=1)
        base = f"{node.output[0]}/int8"
        self._add("Gather", [self._make(f"{table}/int8", values), rows], base)
        self._add("Gather", [self._make(f"{table}/scale", scales), rows], f"{base}/scale")
        self._add("Cast", [base], f"{base}/float", to=onnx.TensorProto.FLOAT)
        self._add("Mul", [f"{base}/float", f"{base}/scale"], node.output[0])

    def _add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _make(self, name: str, values: Any) -> str:
        self.made.setdefault(name, numpy_helper.from_array(np.asarray(values), name))
        return name

    def _constant(self, name: str) -> Floats:
        values: Floats = numpy_helper.to_array(self.constants[name])
        return values

    def _matrix(self, name: str) -> Any:
        tensor = self.constants.get(name)
        float_matrix = tensor is not None and len(tensor.dims) == 2 and tensor.data_type == 1
        return tensor if float_matrix else None

    def _is_table(self, name: str) -> bool:
        tensor = self._matrix(name)
        return tensor is not None and tensor.dims[0] >= TABLE_ROWS
