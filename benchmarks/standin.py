"""A seeded checkpoint with BioBERT's geometry and the activations that make trained BERTs hard to quantize.

No trained BioBERT can be had on a machine without the Hugging Face Hub; speed and the hard cases of quantization use
this one. It has no knowledge of language: its vectors mean nothing, its shapes, vocabulary size and activation
outliers are what BioBERT's are like. Outliers as in trained encoders (an all-mpnet-base-v2 was looked at):

- a few LayerNorm channels lie far above the rest;
- some feed-forward units fire on [SEP] and punctuation at hundreds of times the layer's median.

    python -m benchmarks.standin FOLDER [base | large]
"""

import json
import sys
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

from benchmarks.inputs.corpus import bundled_texts

SEED = 20200825
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

WORD_STD = 0.04
PLACE_STD = 0.012
"""Of position and segment embeddings: small, so that words decide."""

LOUD_CHANNELS = (77, 308)
LOUD_GAIN = 20.0
"""Their gain in the attention LayerNorm; the output LayerNorm takes most of it back, the next matrix hears less."""
QUIET_GAIN = 1 / 14
HEARD = 0.3

SPIKE_LAYERS = (3, 5, 7, 9)
SPIKE = 100.0
"""Activation of a spike unit on marked tokens; the 99.5th percentile of the others lies at `REST`."""
REST = -1.0
SAMPLES = 100
"""Bundled texts whose activations place the spikes."""

BIOBERT = BertConfig(vocab_size=28_996, layer_norm_eps=1e-12)
"""BioBERT's geometry is BertConfig's default one but for the cased vocabulary."""

LARGE = BertConfig(
    vocab_size=58_996,
    hidden_size=1024,
    num_hidden_layers=24,
    num_attention_heads=16,
    intermediate_size=4096,
    layer_norm_eps=1e-12,
)
"""BERT-large's geometry, with a vocabulary of its own as BioBERT-Large has one."""

SIZES = {"base": BIOBERT, "large": LARGE}


def write_standin(folder: Path, config: BertConfig = BIOBERT) -> None:
    """Write config.json, model.safetensors and vocab.txt of the stand-in for `config` into the new `folder`."""
    texts = bundled_texts()
    tokenizer = _trained_tokenizer(texts, config.vocab_size)
    model = _seeded_model(config)
    sequences = [_framed(tokenizer, text, config.max_position_embeddings) for text in texts[:SAMPLES]]
    marked = _marked_tokens(tokenizer)
    _mark_embeddings(model, marked)
    hidden = [model.embeddings(ids) for ids in sequences]
    is_marked = torch.cat([torch.isin(ids[0], marked) for ids in sequences])
    for index, layer in enumerate(_layers(model)):
        _raise_channels(layer)
        attended = [layer.attention(states)[0] for states in hidden]
        if index in SPIKE_LAYERS:
            _add_spike(layer, torch.cat([states[0] for states in attended]), is_marked)
        _center(layer, attended)
        hidden = [layer.output(layer.intermediate(states), states) for states in attended]
    _save(folder, model, tokenizer)


def _trained_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """A cased WordPiece tokenizer trained on `texts`, its vocabulary filled up with [unusedN]."""
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    # The trainer numbers continuing characters in the order of a hash table, and breaks ties by these numbers: given
    # first, in order, they are the same in every run.
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
    embeddings.position_embeddings.weight.normal_(std=PLACE_STD)
    embeddings.token_type_embeddings.weight.normal_(std=PLACE_STD)
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
    layer.output.LayerNorm.weight[channels] *= QUIET_GAIN
    layer.intermediate.dense.weight[:, channels] *= HEARD


def _add_spike(layer: BertLayer, states: torch.Tensor, is_marked: torch.Tensor) -> None:
    """Make feed-forward unit 0 fire on marked tokens: their median reaches SPIKE, the others stay below zero."""
    inside, outside = states[is_marked], states[~is_marked]
    direction = (inside.mean(0) - outside.mean(0)) / (outside.var(0) + 1e-3)
    high, low = (inside @ direction).median(), (outside @ direction).quantile(0.995)
    gain = (SPIKE - REST) / (high - low)
    layer.intermediate.dense.weight[0] = direction * gain
    layer.intermediate.dense.bias[0] = REST - low * gain


def _center(layer: BertLayer, attended: Sequence[torch.Tensor]) -> None:
    """Take the mean of the feed-forward output away, so that sentences stay different from each other."""
    mean = torch.cat([layer.intermediate(states)[0] for states in attended]).mean(0)
    layer.output.dense.bias.copy_(-layer.output.dense.weight @ mean)


def _save(folder: Path, model: BertModel, tokenizer: Tokenizer) -> None:
    folder.mkdir(parents=True)
    config = {"architectures": ["BertModel"], **model.config.to_dict()}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    safetensors.torch.save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_standin(Path(sys.argv[1]), SIZES[sys.argv[2] if len(sys.argv) > 2 else "base"])
