"""The files of a plan: graphs and the kernels' plan on one weights file, and the graphs that calibration runs.


Token vectors have a graph of their own, tokens.onnx, on the same weights. As further outputs of encoder.onnx they would
be computed with every sentence: onnxruntime 1.32 computes all outputs of a graph, whichever are fetched, also with
`RunOptions.only_execute_path_to_fetches` (tried on the CPU).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from onnx import TensorProto

from biobert_onnx.artifact.manifest import LAST, LAYERS_OF_MEAN, MEAN_LAST_FOUR, TOKEN_LAYERS
from biobert_onnx.artifact.paths import ENCODER_GRAPH, MODEL_GRAPH, PLAN, TOKENS_GRAPH, WEIGHTS
from biobert_onnx.encoding.sessions import TOKEN_OUTPUTS
from biobert_onnx.kernels.plan import SiteKind
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.pooling import reads_first_token_only
from biobert_onnx_export.graph.after_pooling import write_after_pooling
from biobert_onnx_export.graph.kernel_plan import write_kernel_plan
from biobert_onnx_export.graph.network import Network, float_plan, layer_input, site_input
from biobert_onnx_export.graph.plan import Plan, Site
from biobert_onnx_export.graph.pooling import write_pooling
from biobert_onnx_export.graph.writer import GraphWriter, WeightsFile

UNPADDED_INPUTS = {"input_ids": ("batch", "tokens")}
PAIR_INPUTS = dict.fromkeys(("input_ids", "token_type_ids"), ("batch", "tokens"))

HIDDEN = ("batch", "tokens", None)

CALIBRATION_GRAPH = "calibration.onnx"
CALIBRATION_WEIGHTS = "calibration.bin"


def token_layers(checkpoint: Checkpoint, pooling: str, *, tokens: bool) -> list[str]:
    """Return which of TOKEN_LAYERS an artifact of `checkpoint` computes.

    A `pooling` that reads [CLS] alone has none unless `tokens` asks for them; a network of fewer than four layers has
    no mean of four.
    """
    if not tokens and reads_first_token_only(pooling):
        return []
    return list(TOKEN_LAYERS) if checkpoint.geometry.num_hidden_layers >= LAYERS_OF_MEAN else [LAST]


def write_graphs(
    checkpoint: Checkpoint,
    plan: Plan,
    folder: Path,
    *,
    pooling: str,
    pairs: bool = False,
    token_layers: Sequence[str] = (),
) -> None:
    """Write encoder.onnx, model.onnx and the model.onnx_data that both map into `folder`.

    An int8 `plan` gets a plan.json as well, which maps the same weights. `pairs`: encoder.onnx takes token types, too.
    `token_layers`, some of TOKEN_LAYERS, get a tokens.onnx.
    """
    with WeightsFile(folder / WEIGHTS) as weights:
        encoder = Network(checkpoint, plan, GraphWriter(weights), masked=False, pairs=pairs)
        _write_encoder(encoder, folder / ENCODER_GRAPH, pooling, inputs=PAIR_INPUTS if pairs else UNPADDED_INPUTS)
        _write_model(Network(checkpoint, plan, GraphWriter(weights), masked=True), folder / MODEL_GRAPH, pooling)
        if token_layers:
            of_tokens = Network(checkpoint, plan, GraphWriter(weights), masked=False)
            _write_tokens(of_tokens, folder / TOKENS_GRAPH, token_layers)
        write_kernel_plan(checkpoint, plan, weights, folder / PLAN, pooling=pooling, pairs=pairs)


def write_encoder_graph(checkpoint: Checkpoint, plan: Plan, folder: Path, *, pooling: str) -> None:
    """Write what `write_graphs` does but model.onnx, for a plan that is only measured."""
    with WeightsFile(folder / WEIGHTS) as weights:
        encoder = Network(checkpoint, plan, GraphWriter(weights), masked=False)
        _write_encoder(encoder, folder / ENCODER_GRAPH, pooling, inputs=UNPADDED_INPUTS)
        write_kernel_plan(checkpoint, plan, weights, folder / PLAN, pooling=pooling)


def write_embeddings_graph(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write the embeddings of the float32 network into `folder`: token ids in, the first layer's input out.

    Returns the path of the graph, which takes the place of the calibration graph before it.
    """
    with _calibration_network(checkpoint, folder) as network:
        hidden = network.embeddings(network.tokens())
        network.graph.write(folder / CALIBRATION_GRAPH, inputs=UNPADDED_INPUTS, outputs={hidden: HIDDEN})
    return folder / CALIBRATION_GRAPH


def write_layer_graph(checkpoint: Checkpoint, layer: int, folder: Path) -> Path:
    """Write one layer of the float32 network into `folder`: its input in, its output and the inputs of its sites out.

    Their names are those of `layer_input` and `site_input`. Returns the path of the graph, which takes the place of the
    calibration graph before it.
    """
    with _calibration_network(checkpoint, folder) as network:
        hidden = network.layer(layer_input(layer), layer_input(layer), layer)
        inside = (site_input(Site(layer, kind)) for kind in SiteKind if kind is not SiteKind.QUERY_KEY_VALUE)
        network.graph.write(
            folder / CALIBRATION_GRAPH,
            inputs={layer_input(layer): HIDDEN},
            outputs=dict.fromkeys([*inside, hidden], HIDDEN),
            input_type=TensorProto.FLOAT,
        )
    return folder / CALIBRATION_GRAPH


@contextmanager
def _calibration_network(checkpoint: Checkpoint, folder: Path) -> Iterator[Network]:
    with WeightsFile(folder / CALIBRATION_WEIGHTS) as weights:
        yield Network(checkpoint, float_plan(checkpoint), GraphWriter(weights), masked=False)


def _write_encoder(network: Network, path: Path, pooling: str, *, inputs: Mapping[str, tuple[str, str]]) -> None:
    tokens = network.tokens()
    hidden = network.hidden(tokens, leading=reads_first_token_only(pooling))
    _write_vectors(network, hidden, tokens, pooling, "embeddings")
    dim = network.checkpoint.dim(pooling)
    network.graph.write(path, inputs=inputs, outputs={"embeddings": ("batch", dim)})


def _write_tokens(network: Network, path: Path, layers: Sequence[str]) -> None:
    hidden = network.hidden(network.tokens())
    network.graph.node("Identity", [hidden], TOKEN_OUTPUTS[LAST])
    if MEAN_LAST_FOUR in layers:
        network.mean_of_last_layers(LAYERS_OF_MEAN, output=TOKEN_OUTPUTS[MEAN_LAST_FOUR])
    shape = ("batch", "tokens", network.checkpoint.geometry.hidden_size)
    network.graph.write(path, inputs=UNPADDED_INPUTS, outputs={TOKEN_OUTPUTS[layer]: shape for layer in layers})


def _write_model(network: Network, path: Path, pooling: str) -> None:
    tokens = network.tokens()
    hidden = network.hidden(tokens, output="last_hidden_state")
    _write_vectors(network, hidden, tokens, pooling, "sentence_embedding")
    hidden_size, dim = network.checkpoint.geometry.hidden_size, network.checkpoint.dim(pooling)
    shapes = {"last_hidden_state": ("batch", "sequence", hidden_size), "sentence_embedding": ("batch", dim)}
    types = ["token_type_ids"] if network.checkpoint.geometry.type_vocab_size else []
    inputs = dict.fromkeys(["input_ids", "attention_mask", *types], ("batch", "sequence"))
    network.graph.write(path, inputs=inputs, outputs=shapes)


def _write_vectors(network: Network, hidden: str, tokens: str, pooling: str, output: str) -> None:
    """Add the graph's `output`: a vector (dim,) for each text, from the last layer's output."""
    pooled = write_pooling(network, hidden, tokens, pooling)
    write_after_pooling(network.graph, network.checkpoint.modules.after_pooling, pooled, output)
