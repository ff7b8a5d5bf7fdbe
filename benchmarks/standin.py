"""Write the stand-in: a network of BioBERT's size with random weights and planted outliers, the same every time.

It is right for speed and memory, and no evidence for BioBERT's fidelity: its vectors mean nothing. It is used where the
Hugging Face Hub cannot be reached. Its shapes, the size of its vocabulary and its outlier activations are like
BioBERT's. The outliers are those of trained encoders (an all-mpnet-base-v2 was examined):

- a few LayerNorm channels are far above the rest;
- some feed-forward units are active on [SEP] and punctuation, at hundreds of times the layer's median.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import safetensors.torch
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer
from transformers import BertConfig, BertModel
from transformers.models.bert.modeling_bert import BertLayer

from benchmarks.harness.program import program_parser, run_program
from benchmarks.inputs.corpus import bundled_texts

SEED = 20200825
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

WORD_STD = 0.04
POSITION_STD = 0.012
"""Standard deviations of word embeddings, and of position and segment embeddings, which are smaller: words decide."""

LOUD_CHANNELS = (77, 308)
"""The LayerNorm channels that are far above the rest."""

LOUD_GAIN = 20.0
OUTPUT_GAIN = 1 / 14
LOUD_WEIGHT_FACTOR = 0.3
"""Factors for the loud channels: in the attention LayerNorm, in the output LayerNorm, which takes most of the first
back, and in the weights of the next matrix."""

OUTLIER_LAYERS = (3, 5, 7, 9)
"""The layers whose feed-forward unit 0 is an outlier unit."""

MARKED_ACTIVATION = 100.0
UNMARKED_ACTIVATION = -1.0
"""Input to GELU of an outlier unit: the median on marked tokens, the 99.5th percentile on the other tokens."""

SAMPLE_TEXTS = 100
"""Bundled texts whose activations decide the weights of the outlier units."""

BIOBERT = BertConfig(vocab_size=28_996, layer_norm_eps=1e-12)
"""BioBERT's geometry: BertConfig's default one, with a cased vocabulary."""

LARGE = BertConfig(
    vocab_size=58_996,
    hidden_size=1024,
    num_hidden_layers=24,
    num_attention_heads=16,
    intermediate_size=4096,
    layer_norm_eps=1e-12,
)
"""BERT-large's geometry, with a large vocabulary like BioBERT-Large's."""

SIZES = {"base": BIOBERT, "large": LARGE}


def write_standin(folder: Path, config: BertConfig = BIOBERT) -> None:
    """Write config.json, model.safetensors and vocab.txt of the stand-in for `config` into the new `folder`.

    Raises FileExistsError if `folder` exists.
    """
    folder.mkdir(parents=True)
    texts = bundled_texts()
    tokenizer = _trained_tokenizer(texts, config.vocab_size)
    model = _seeded_model(config)
    sequences = [_framed(tokenizer, text, config.max_position_embeddings) for text in texts[:SAMPLE_TEXTS]]
    marked = _marked_tokens(tokenizer)
    _mark_embeddings(model, marked)
    hidden = [model.embeddings(ids) for ids in sequences]
    is_marked = torch.cat([torch.isin(ids[0], marked) for ids in sequences])
    for index, layer in enumerate(_layers(model)):
        _raise_channels(layer)
        attended = [layer.attention(states)[0] for states in hidden]
        if index in OUTLIER_LAYERS:
            _add_outlier_unit(layer, torch.cat([states[0] for states in attended]), is_marked)
        _center(layer, attended)
        hidden = [layer.output(layer.intermediate(states), states) for states in attended]
    _save(folder, model, tokenizer)


def _trained_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """Train a cased WordPiece tokenizer on `texts`, and fill its vocabulary up with [unusedN]."""
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    # The trainer numbers continuing characters in the order of a hash table, and breaks ties by these numbers. Given as
    # special tokens, in order, they get the same numbers in every run.
    continuing = [f"##{character}" for character in sorted(set("".join(texts)) - {" "})]
    trainer = WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=[*SPECIAL_TOKENS, *continuing], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    tokens += [f"[unused{index}]" for index in range(vocab_size - len(tokens))]
    tokenizer.model = WordPiece({token: index for index, token in enumerate(tokens)}, unk_token="[UNK]")
    return tokenizer


def _framed(tokenizer: Tokenizer, text: str, positions: int) -> torch.Tensor:
    ids = tokenizer.encode(text, add_special_tokens=False).ids[: positions - 2]
    return torch.tensor([[tokenizer.token_to_id("[CLS]"), *ids, tokenizer.token_to_id("[SEP]")]])


def _marked_tokens(tokenizer: Tokenizer) -> torch.Tensor:
    punctuation = [token for token in tokenizer.get_vocab() if len(token) == 1 and not token.isalnum()]
    return torch.tensor(sorted(tokenizer.token_to_id(token) for token in ["[SEP]", *punctuation]))


def _seeded_model(config: BertConfig) -> BertModel:
    torch.manual_seed(SEED)
    config._attn_implementation = "eager"
    model = BertModel(config)
    model.eval().requires_grad_(False)
    embeddings = model.embeddings
    embeddings.word_embeddings.weight.normal_(std=WORD_STD)
    embeddings.position_embeddings.weight.normal_(std=POSITION_STD)
    embeddings.token_type_embeddings.weight.normal_(std=POSITION_STD)
    return model


def _mark_embeddings(model: BertModel, marked: torch.Tensor) -> None:
    """Add one direction, as long as a word embedding, to the embeddings of the marked tokens."""
    weight = model.embeddings.word_embeddings.weight
    weight[marked] += torch.randn(weight.shape[1]) * WORD_STD


def _layers(model: BertModel) -> Iterator[BertLayer]:
    yield from model.encoder.layer  # type: ignore[misc]  # a ModuleList of BertLayer


def _raise_channels(layer: BertLayer) -> None:
    channels = [channel for channel in LOUD_CHANNELS if channel < layer.intermediate.dense.in_features]
    layer.attention.output.LayerNorm.weight[channels] *= LOUD_GAIN
    layer.output.LayerNorm.weight[channels] *= OUTPUT_GAIN
    layer.intermediate.dense.weight[:, channels] *= LOUD_WEIGHT_FACTOR


def _add_outlier_unit(layer: BertLayer, states: torch.Tensor, is_marked: torch.Tensor) -> None:
    """Make feed-forward unit 0 active on marked tokens, and keep it below zero on the others."""
    inside, outside = states[is_marked], states[~is_marked]
    direction = (inside.mean(0) - outside.mean(0)) / (outside.var(0) + 1e-3)
    high, low = (inside @ direction).median(), (outside @ direction).quantile(0.995)
    gain = (MARKED_ACTIVATION - UNMARKED_ACTIVATION) / (high - low)
    layer.intermediate.dense.weight[0] = direction * gain
    layer.intermediate.dense.bias[0] = UNMARKED_ACTIVATION - low * gain


def _center(layer: BertLayer, attended: Sequence[torch.Tensor]) -> None:
    """Subtract the mean of the feed-forward output, so that sentences stay different from each other."""
    mean = torch.cat([layer.intermediate(states)[0] for states in attended]).mean(0)
    layer.output.dense.bias.copy_(-layer.output.dense.weight @ mean)


def _save(folder: Path, model: BertModel, tokenizer: Tokenizer) -> None:
    config = {"architectures": ["BertModel"], **model.config.to_dict()}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8", newline="\n")
    safetensors.torch.save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Write the stand-in that the command line asks for."""
    parser = program_parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder")
    parser.add_argument("size", nargs="?", choices=list(SIZES), default="base", help="default: %(default)s")
    options = parser.parse_args()
    write_standin(options.folder, SIZES[options.size])


if __name__ == "__main__":
    run_program(main)
