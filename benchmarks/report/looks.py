"""The colour, marker and line of each contender, the same in every plot and for every subject.

The colour says which library it is, the marker and the line say which precision it has. The colours are readable on
white and on black pages.
"""

from dataclasses import dataclass

from benchmarks.peers.contenders import (
    CTRANSLATE2_INT8,
    OPENVINO_INT8,
    OURS,
    OURS_FLOAT,
    OURS_ONNXRUNTIME,
    OURS_PREPACKED,
    REFERENCE,
    SENTENCE_TRANSFORMERS,
    SENTENCE_TRANSFORMERS_6,
    USUAL_INT8,
)

BLUE, CYAN, INDIGO = "#2f81f7", "#00a5b5", "#8a7cff"
RED, ORANGE, GREEN, PINK, BROWN, GRAY = "#e5534b", "#d98a00", "#3fa34d", "#d858a4", "#a0703c", "#8b949e"

CIRCLE, SQUARE, DIAMOND, TRIANGLE, STAR = "o", "s", "D", "^", "*"
"""int8; float32; float32 by ONNX, int8 by onnxruntime; bfloat16; int8 prepacked."""

SOLID, DASHED, DOTTED = "-", "--", ":"
"""int8; the higher precisions, int8 by onnxruntime; int8 prepacked."""


@dataclass(frozen=True)
class Look:
    """Colour, marker and line style, as matplotlib names them."""

    colour: str
    marker: str
    line: str


LOOKS = {
    OURS: Look(BLUE, CIRCLE, SOLID),
    OURS_PREPACKED: Look(CYAN, STAR, DOTTED),
    OURS_ONNXRUNTIME: Look(CYAN, DIAMOND, DASHED),
    OURS_FLOAT: Look(INDIGO, SQUARE, DASHED),
    REFERENCE: Look(RED, SQUARE, DASHED),
    "PyTorch bfloat16": Look(RED, TRIANGLE, DOTTED),
    "PyTorch dynamic int8": Look(RED, CIRCLE, SOLID),
    SENTENCE_TRANSFORMERS: Look(ORANGE, SQUARE, DASHED),
    SENTENCE_TRANSFORMERS_6: Look(BROWN, SQUARE, DASHED),
    "sentence-transformers onnx": Look(ORANGE, DIAMOND, DOTTED),
    "sentence-transformers onnx qint8": Look(ORANGE, CIRCLE, SOLID),
    USUAL_INT8: Look(GREEN, CIRCLE, SOLID),
    "OpenVINO": Look(PINK, TRIANGLE, DOTTED),
    OPENVINO_INT8: Look(PINK, CIRCLE, SOLID),
    CTRANSLATE2_INT8: Look(BROWN, CIRCLE, SOLID),
    "fastembed": Look(GRAY, SQUARE, DASHED),
}
