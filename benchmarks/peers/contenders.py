"""The table of every encoder that is compared. A new one is a module in peers with two functions, and an entry here."""

from collections.abc import Iterable

from benchmarks.peers.contender import Contender, prepare_nothing
from benchmarks.peers.ctranslate2_int8 import convert_ctranslate2, load_ctranslate2
from benchmarks.peers.fastembed_custom import load_fastembed
from benchmarks.peers.openvino_cpu import convert_openvino, load_openvino, quantize_openvino
from benchmarks.peers.ours import export_ours, load_ours, prepack_ours
from benchmarks.peers.pytorch import load_pytorch, to_bfloat16, to_dynamic_int8
from benchmarks.peers.sentence_transformer import load_sentence_transformers, save_qint8, save_sentence_transformers
from benchmarks.peers.usual_onnx import load_onnxruntime, quantize_usual

REFERENCE = "PyTorch float32"
OURS = "biobert-onnx int8"
OURS_FLOAT = "biobert-onnx fp32"
OURS_PREPACKED = "biobert-onnx int8 prepacked"
OURS_ONNXRUNTIME = "biobert-onnx int8, onnxruntime"
PROJECT = (OURS_FLOAT, OURS, OURS_PREPACKED, OURS_ONNXRUNTIME)
"""The contenders of this project."""

SENTENCE_TRANSFORMERS = "sentence-transformers"
SENTENCE_TRANSFORMERS_6 = "sentence-transformers 6"
USUAL_INT8 = "onnxruntime usual int8"
OPENVINO_INT8 = "OpenVINO int8 (NNCF)"
CTRANSLATE2_INT8 = "CTranslate2 int8"

TRANSFORMERS5_PYTHON = ".venv-transformers5/bin/python"
"""The Python of the environment with sentence-transformers 6 and transformers 5, beside which optimum cannot be."""

PYTORCH_IMPORTS = ("torch", "transformers.models.auto.modeling_auto", "tokenizers")
PYTORCH_INSTALLS = ("torch", "transformers", "safetensors")
LACKS_STREAMS = "one batch at a time, all threads inside each operator"
LACKS_TOKENIZER = "no tokenizer and no pooling: the benchmark's are used"
ST_ONNX_INSTALLS = ("sentence-transformers", "optimum-onnx", "onnxruntime")

CONTENDERS = {
    REFERENCE: Contender(
        precision="float32",
        installs=PYTORCH_INSTALLS,
        imports=PYTORCH_IMPORTS,
        prepare=prepare_nothing,
        load=load_pytorch(lambda model: model),
        lacks=f"{LACKS_TOKENIZER}; {LACKS_STREAMS}",
    ),
    "PyTorch bfloat16": Contender(
        precision="bfloat16",
        installs=PYTORCH_INSTALLS,
        imports=PYTORCH_IMPORTS,
        prepare=prepare_nothing,
        load=load_pytorch(to_bfloat16),
        lacks=f"{LACKS_TOKENIZER}; {LACKS_STREAMS}",
    ),
    "PyTorch dynamic int8": Contender(
        precision="int8",
        installs=PYTORCH_INSTALLS,
        imports=PYTORCH_IMPORTS,
        prepare=prepare_nothing,
        load=load_pytorch(to_dynamic_int8),
        lacks=f"{LACKS_TOKENIZER}; {LACKS_STREAMS}",
    ),
    SENTENCE_TRANSFORMERS: Contender(
        precision="float32",
        installs=("sentence-transformers",),
        imports=("sentence_transformers",),
        prepare=save_sentence_transformers("torch"),
        load=load_sentence_transformers("torch"),
        lacks=LACKS_STREAMS,
    ),
    SENTENCE_TRANSFORMERS_6: Contender(
        precision="float32",
        installs=("sentence-transformers",),
        imports=("sentence_transformers",),
        prepare=prepare_nothing,
        load=load_sentence_transformers("torch"),
        files_of=SENTENCE_TRANSFORMERS,
        lacks=LACKS_STREAMS,
        python=TRANSFORMERS5_PYTHON,
    ),
    "sentence-transformers onnx": Contender(
        precision="float32",
        installs=ST_ONNX_INSTALLS,
        imports=("sentence_transformers", "onnxruntime"),
        prepare=save_sentence_transformers("onnx"),
        load=load_sentence_transformers("onnx"),
        lacks=LACKS_STREAMS,
    ),
    "sentence-transformers onnx qint8": Contender(
        precision="int8",
        installs=ST_ONNX_INSTALLS,
        imports=("sentence_transformers", "onnxruntime"),
        prepare=save_qint8,
        load=load_sentence_transformers("onnx"),
        lacks=LACKS_STREAMS,
    ),
    USUAL_INT8: Contender(
        precision="int8",
        installs=("onnxruntime", "tokenizers"),
        imports=("onnxruntime", "tokenizers"),
        prepare=quantize_usual,
        load=load_onnxruntime,
        streams=True,
        lacks=LACKS_TOKENIZER,
    ),
    "OpenVINO": Contender(
        precision="CPU's default",
        installs=("openvino", "tokenizers"),
        imports=("openvino", "tokenizers"),
        prepare=convert_openvino,
        load=load_openvino,
        streams=True,
        lacks=LACKS_TOKENIZER,
    ),
    OPENVINO_INT8: Contender(
        precision="int8",
        installs=("openvino", "tokenizers"),
        imports=("openvino", "tokenizers"),
        prepare=quantize_openvino,
        load=load_openvino,
        streams=True,
        lacks=LACKS_TOKENIZER,
    ),
    CTRANSLATE2_INT8: Contender(
        precision="int8",
        installs=("ctranslate2", "tokenizers"),
        imports=("ctranslate2", "tokenizers"),
        prepare=convert_ctranslate2,
        load=load_ctranslate2,
        streams=True,
        lacks=LACKS_TOKENIZER,
    ),
    OURS_FLOAT: Contender(
        precision="float32",
        installs=("biobert-onnx",),
        imports=("biobert_onnx", "onnxruntime"),
        prepare=export_ours("fp32"),
        load=load_ours("onnxruntime"),
        batched=False,
    ),
    "fastembed": Contender(
        precision="float32",
        installs=("fastembed",),
        imports=("fastembed",),
        prepare=prepare_nothing,
        load=load_fastembed,
        files_of=OURS_FLOAT,
        lacks=f"no int8 export; {LACKS_STREAMS}",
    ),
    OURS: Contender(
        precision="int8",
        installs=("biobert-onnx",),
        imports=("biobert_onnx",),
        prepare=export_ours("int8"),
        load=load_ours("kernels"),
        batched=False,
    ),
    OURS_PREPACKED: Contender(
        precision="int8",
        installs=("biobert-onnx",),
        imports=("biobert_onnx",),
        prepare=prepack_ours,
        load=load_ours("kernels"),
        batched=False,
    ),
    OURS_ONNXRUNTIME: Contender(
        precision="int8",
        installs=("biobert-onnx",),
        imports=("biobert_onnx", "onnxruntime"),
        prepare=prepare_nothing,
        load=load_ours("onnxruntime"),
        files_of=OURS,
        batched=False,
    ),
}


def with_owners(names: Iterable[str]) -> list[str]:
    """Return `names` and the contenders whose files they load, in the order of the table."""
    wanted = set(names)
    wanted |= {CONTENDERS[name].files_of or name for name in wanted}
    return [name for name in CONTENDERS if name in wanted]
