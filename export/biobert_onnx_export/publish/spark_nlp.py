"""The folder that Spark NLP's own BertSentenceEmbeddings loads, by `loadSavedModel`: model.onnx and assets/vocab.txt.

What it asks for was read in its source (JohnSnowLabs/spark-nlp, ml/ai/Bert.scala, ml/ai/util/PrepareEmbeddings.scala,
ml/onnx/OnnxWrapper.scala, nlp/embeddings/BertSentenceEmbeddings.scala):

- It reads model.onnx as one array of bytes, so the weights are inside.
- It feeds `input_ids`, `attention_mask` and `token_type_ids`, int64 of (batch, tokens). It pads with the id 0, and
  masks every token of that id.
- It takes the output `last_hidden_state` (5.5) or `pooler_output` (6), and gives each text its share of all numbers. So
  both names are the pooled vector here.
- It reads vocab.txt line by line, and looks up "[CLS]", "[SEP]" and "[UNK]".
"""

from collections.abc import Iterator
from pathlib import Path

from onnx import ModelProto, TensorProto, helper
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.artifact.paths import MODEL_GRAPH, TOKENIZER, inside
from biobert_onnx.errors import short_repr
from biobert_onnx_export.publish.one_file import read_whole_model

VOCABULARY = Path("assets", "vocab.txt")
README = "README.md"

HIDDEN, POOLED = "last_hidden_state", "sentence_embedding"
"""The outputs of an artifact's model.onnx."""

OUTPUTS = OF_5, OF_6 = "last_hidden_state", "pooler_output"
"""The outputs that Spark NLP 5.5 and 6 take."""

MOST_TOKENS = 512
"""The most that its setMaxSentenceLength takes."""

WARM_UP_ID = 28_937
"""The largest token id of the text that it tries a model with when it loads it."""

CODE = """\
embeddings = (
    BertSentenceEmbeddings.loadSavedModel({folder!r}, spark)
    .setInputCols(["sentence"])
    .setOutputCol("sentence_embeddings")
    .setCaseSensitive({case_sensitive})
    .setDimension({dim})
    .setMaxSentenceLength({max_length})
)"""


def write_spark_nlp(manifest: Manifest, artifact: Path, folder: Path, *, name: str) -> list[str]:
    """Write the `artifact` of `manifest` into the empty `folder`, which will be called `name`.

    Returns the lines that its user must know: the call with its settings, and what differs. They are in README.md too.
    Raises ValueError for an artifact that BertSentenceEmbeddings cannot load.
    """
    _check_network(manifest, artifact)
    tokenizer = Tokenizer.from_file(str(inside(artifact, TOKENIZER)))
    tokens = vocabulary_lines(tokenizer, artifact)
    model = with_pooled_outputs(read_whole_model(artifact))
    (folder / MODEL_GRAPH).write_bytes(model.SerializeToString(deterministic=True))
    (folder / VOCABULARY).parent.mkdir()
    (folder / VOCABULARY).write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8", newline="\n")
    call, notes = _call(manifest, name), list(_notes(manifest, tokenizer, len(tokens)))
    (folder / README).write_text(_readme(manifest, call, notes), encoding="utf-8", newline="\n")
    return [*call.splitlines(), *(f"note: {note}" for note in notes)]


def _check_network(manifest: Manifest, artifact: Path) -> None:
    if manifest.model_type != "bert":
        raise ValueError(
            f"'{artifact}' is of the family {manifest.model_type}, expected bert: Spark NLP's BertSentenceEmbeddings "
            "takes no other, so use the stages of biobert_onnx.spark"
        )


def vocabulary_lines(tokenizer: Tokenizer, artifact: Path) -> list[str]:
    """Return the tokens in the order of their ids, added ones too.

    An id without a token gets a line with a blank, which no piece of a text has. Raises ValueError if the tokenizer
    does not read as Spark NLP does.
    """
    ids = tokenizer.get_vocab(with_added_tokens=True)
    names = {number: token for token, number in ids.items()}
    lines = [names.get(number, f"no token {number}") for number in range(max(names) + 1)]
    frame, model = tokenizer.encode("").tokens, tokenizer.model
    is_berts = isinstance(model, WordPiece) and (model.continuing_subword_prefix, model.unk_token) == ("##", "[UNK]")
    if not is_berts or frame != ["[CLS]", "[SEP]"] or lines[0] != "[PAD]":
        raise ValueError(
            f"the tokenizer of '{artifact}' frames texts by {short_repr(frame)} and has {short_repr(lines[0])} as its "
            "first token, expected WordPiece with [CLS], [SEP], [UNK], and [PAD] first, as Spark NLP has them: use the "
            "stages of biobert_onnx.spark"
        )
    torn = next((line for line in lines if "\n" in line or "\r" in line), None)
    if torn is not None:
        raise ValueError(
            f"the token {short_repr(torn)} of '{artifact}' holds a line break, and Spark NLP reads a token a line: use "
            "the stages of biobert_onnx.spark"
        )
    return lines


def with_pooled_outputs(model: ModelProto) -> ModelProto:
    """Return `model`, of an artifact, with its pooled vector as both OUTPUTS; it is changed in place.

    The hidden states stay inside, under another name.
    """
    new_names = {HIDDEN: "hidden_states", POOLED: OF_6}
    for node in model.graph.node:
        node.name = new_names.get(node.name, node.name)
        for values in (node.input, node.output):
            values[:] = [new_names.get(value, value) for value in values]
    model.graph.node.append(helper.make_node("Identity", [OF_6], [OF_5], name=OF_5))
    (pooled,) = (output for output in model.graph.output if output.name == POOLED)
    shape = [dimension.dim_param or dimension.dim_value for dimension in pooled.type.tensor_type.shape.dim]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in OUTPUTS)
    return model


def _call(manifest: Manifest, name: str) -> str:
    return CODE.format(
        folder=name,
        case_sensitive=manifest.casing == "cased",
        dim=manifest.dim,
        max_length=min(manifest.max_length, MOST_TOKENS),
    )


def _notes(manifest: Manifest, tokenizer: Tokenizer, tokens: int) -> Iterator[str]:
    """Yield what differs there for this artifact."""
    if manifest.default_prompt is not None and manifest.prompts[manifest.default_prompt]:
        prompt = manifest.prompts[manifest.default_prompt]
        yield f"Spark NLP knows no prompts: put the default one, {short_repr(prompt)}, before each text yourself"
    if manifest.max_length > MOST_TOKENS:
        yield f"Spark NLP cuts texts to {MOST_TOKENS} tokens at most, this artifact to {manifest.max_length}"
    added = [token for token in tokenizer.get_added_tokens_decoder().values() if not token.special]
    if added:
        names = short_repr(", ".join(token.content for token in added))
        yield f"Spark NLP knows no added tokens: it splits these at blanks and punctuation: {names}"
    if tokens <= WARM_UP_ID:
        yield (
            f"Spark NLP tries a model with token ids up to {WARM_UP_ID:,} when it loads it; this vocabulary has "
            f"{tokens:,} tokens, so it may refuse the model"
        )


def _readme(manifest: Manifest, call: str, notes: list[str]) -> str:
    source = manifest.checkpoint
    return "\n".join(
        [
            f"# {manifest.name}, {manifest.precision}, for Spark NLP's BertSentenceEmbeddings",
            "",
            f"Sentence vectors of {manifest.dim} dimensions, {manifest.pooling} pooling, made by biobert-onnx from",
            f"`{source['weights']}` of `{source['source']}`, sha256 `{source['sha256']}`.",
            "",
            "```python",
            call,
            "```",
            *(["", *(f"- {note}." for note in notes)] if notes else []),
            "",
        ]
    )
