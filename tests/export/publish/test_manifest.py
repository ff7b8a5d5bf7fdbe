"""The manifest's record of a quantization."""

import hashlib

from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.gate.gate import Attempt
from biobert_onnx_export.graph.plan import Site
from biobert_onnx_export.publish.manifest import quantization_record
from biobert_onnx_export.quantize.quantized_network import QuantizedNetwork
from biobert_onnx_export.quantize.recipes import PER_TOKEN, with_float_share
from biobert_onnx_export.reference.texts import TextSets


def test_the_record_names_recipe_sites_layers_and_texts(source: Checkpoint, network: QuantizedNetwork) -> None:
    ranking = [Site(layer, kind) for kind in reversed(SiteKind) for layer in range(4)]
    recipe = with_float_share(PER_TOKEN, ranking, 0.25)
    attempt = Attempt(recipe=recipe, plan=network.plan(recipe), worst_cosine=0.99, neighbours_kept=0.97)
    texts = TextSets.read(None)
    assert quantization_record(attempt, texts, calibrated=218) == {
        "recipe": "per-token+fp32-25%",
        "weight_bits": 8,
        "smoothing_alpha": 0.6,
        "outlier_layers": ["encoder.layer.3"],
        "per_token_sites": [
            f"encoder.layer.{layer}.{kind}"
            for layer in range(4)
            for kind in ("attention.self", "attention.output", "intermediate")
        ],
        "float32_sites": [f"encoder.layer.{layer}.output" for layer in range(4)],
        "calibration": {
            "source": "bundled",
            "texts": 218,
            "sha256": hashlib.sha256("\n".join(texts.calibration).encode()).hexdigest(),
        },
    }
