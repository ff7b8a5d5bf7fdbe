"""A writer of one ONNX graph, node by node; large tensors go into a weights file that several graphs share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
"""The domain of onnxruntime's own operators."""

OPSETS = {"": 21, MICROSOFT: 1}
"""The version of each operator set."""

IR_VERSION = 10
"""The version of ONNX's file format."""

ALIGNMENT = 64
"""Bytes between possible starts of a tensor: a cache line, and wide enough for any vector instruction."""

INLINE_BELOW = 1024
"""Tensors of fewer bytes stay inside the graph file."""

Dimensions = Sequence[str | int | None]
"""A name for a dimension that varies, a number for a fixed one, None for an unnamed one."""


class WeightsFile:
    """The external data of one or more graphs: each tensor once, aligned, in the order of first use."""

    def __init__(self, path: Path) -> None:
        """Create the file at `path`; close it (or leave the context) before a graph is loaded."""
        self._path = path
        self._file = path.open("wb")
        self._places: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        """Return the weights file itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self._file.close()

    def place(self, name: str, array: NDArray[Any]) -> dict[str, str]:
        """Return ONNX's external_data entries of tensor `name`; its bytes are written at the first use."""
        if name not in self._places:
            self._file.write(bytes(-self._file.tell() % ALIGNMENT))
            content = np.ascontiguousarray(array).tobytes()
            entries = {"location": self._path.name, "offset": str(self._file.tell()), "length": str(len(content))}
            self._file.write(content)
            self._places[name] = entries
        return self._places[name]


class GraphWriter:
    """The nodes and initializers of one graph in topological order; a value is referred to by its name."""

    def __init__(self, weights: WeightsFile) -> None:
        """Start an empty graph whose large tensors go to `weights`."""
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, TensorProto] = {}

    def node(self, operator: str, inputs: Sequence[str], name: str, *, domain: str = "", **attributes: Any) -> str:
        """Add `operator` with one output called `name`, and return that name."""
        node = helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes)
        self._nodes.append(node)
        return name

    def constant(self, name: str, array: NDArray[Any] | np.generic) -> str:
        """Add `array` as an initializer called `name`, once, and return that name."""
        if name not in self._initializers:
            self._initializers[name] = self._initializer(name, np.asarray(array))
        return name

    def integers(self, name: str, *values: int) -> str:
        """Add `values` as a one-dimensional int64 initializer called `name`, once, and return that name."""
        return self.constant(name, np.array(values, dtype=np.int64))

    def _initializer(self, name: str, array: NDArray[Any]) -> TensorProto:
        if array.nbytes < INLINE_BELOW:
            return numpy_helper.from_array(array, name)
        tensor = TensorProto(
            name=name,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            dims=array.shape,
            data_location=TensorProto.EXTERNAL,
        )
        for key, value in self._weights.place(name, array).items():
            tensor.external_data.add(key=key, value=value)
        return tensor

    def write(
        self,
        path: Path,
        *,
        inputs: Mapping[str, Dimensions],
        outputs: Mapping[str, Dimensions],
        input_type: int = TensorProto.INT64,
    ) -> None:
        """Write the graph to `path`: `inputs` of `input_type`, float32 `outputs`, each with its dimensions."""
        graph = helper.make_graph(
            self._nodes,
            path.stem,
            [helper.make_tensor_value_info(name, input_type, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            list(self._initializers.values()),
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="biobert-onnx")
        path.write_bytes(model.SerializeToString(deterministic=True))
