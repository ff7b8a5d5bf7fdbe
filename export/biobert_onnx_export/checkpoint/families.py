"""The families of encoders that export, each as what differs from BERT: keys of its config, names of its tensors.

A checkpoint's tensors get the names that BertModel gives those in the same place, so that every later step knows one
network, with or without token types, a pooler, a projection of the embeddings, and a bias of relative positions.

Sources: the classes of transformers 4.57 whose names begin with `Family.transformers`, and their configs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMED_SIZES = {
    name: name
    for name in (
        *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"),
        *("max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act"),
    )
}
"""The sizes that a config of BERT has, each under its own name."""


def _without(*names: str) -> dict[str, str]:
    return {name: key for name, key in NAMED_SIZES.items() if name not in names}


@dataclass(frozen=True, kw_only=True)
class Family:
    """What a kind of encoder has that BERT has not, or the other way round.

    `model_type`: the value of that key in config.json. `transformers`: how the names of its classes begin. `prefix`: of
    its tensors in a model with a head. `keys`: the config's key of each size. `fixed`: sizes that no config says.
    `renamed`: a part of a tensor's name, and BERT's in its place, in the order in which they are looked for.
    `namespaces`: how the names of its tensors begin behind the prefix, in BERT's names. `has_pooler`: whether it may
    have one. `counts_from_padding`: whether positions are counted from the padding token's id + 1, padding tokens left
    out; `padding_id`: that id, if no config says another.
    """

    model_type: str
    transformers: str
    prefix: str
    keys: Mapping[str, str] = field(default_factory=lambda: NAMED_SIZES)
    fixed: Mapping[str, float] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ("embeddings.", "encoder.")
    has_pooler: bool = True
    counts_from_padding: bool = False
    padding_id: int | None = None

    @property
    def model_class(self) -> str:
        """The name of transformers' class."""
        return f"{self.transformers}Model"

    def berts_name(self, name: str) -> str:
        """Return BertModel's name of the tensor that the family calls `name`.

        >>> DISTILBERT.berts_name("transformer.layer.3.attention.q_lin.weight")
        'encoder.layer.3.attention.self.query.weight'
        """
        for own, berts in self.renamed.items():
            name = name.replace(own, berts)
        return name

    def own_name(self, name: str) -> str:
        """Return the family's name of the tensor that BertModel calls `name`.

        >>> MPNET.own_name("encoder.layer.3.attention.output.LayerNorm.weight")
        'encoder.layer.3.attention.LayerNorm.weight'
        """
        for own, berts in self.renamed.items():
            name = name.replace(berts, own)
        return name


BERT = Family(model_type="bert", transformers="Bert", prefix="bert.")

ROBERTA = Family(
    model_type="roberta",
    transformers="Roberta",
    prefix="roberta.",
    keys={**NAMED_SIZES, "padding_id": "pad_token_id"},
    counts_from_padding=True,
)

ELECTRA = Family(
    model_type="electra",
    transformers="Electra",
    prefix="electra.",
    keys={**NAMED_SIZES, "embedding_size": "embedding_size"},
    namespaces=("embeddings.", "embeddings_project.", "encoder."),
    has_pooler=False,
)

MPNET = Family(
    model_type="mpnet",
    transformers="MPNet",
    prefix="mpnet.",
    keys={**_without("type_vocab_size"), "relative_attention_num_buckets": "relative_attention_num_buckets"},
    fixed={"type_vocab_size": 0},
    renamed={
        ".attention.attn.q.": ".attention.self.query.",
        ".attention.attn.k.": ".attention.self.key.",
        ".attention.attn.v.": ".attention.self.value.",
        ".attention.attn.o.": ".attention.output.dense.",
        ".attention.LayerNorm.": ".attention.output.LayerNorm.",
    },
    counts_from_padding=True,
    padding_id=1,
)

DISTILBERT = Family(
    model_type="distilbert",
    transformers="DistilBert",
    prefix="distilbert.",
    keys={
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "vocab_size": "vocab_size",
        "max_position_embeddings": "max_position_embeddings",
        "hidden_act": "activation",
    },
    fixed={"type_vocab_size": 0, "layer_norm_eps": 1e-12},
    renamed={
        "transformer.layer.": "encoder.layer.",
        ".attention.q_lin.": ".attention.self.query.",
        ".attention.k_lin.": ".attention.self.key.",
        ".attention.v_lin.": ".attention.self.value.",
        ".attention.out_lin.": ".attention.output.dense.",
        ".sa_layer_norm.": ".attention.output.LayerNorm.",
        ".ffn.lin1.": ".intermediate.dense.",
        ".ffn.lin2.": ".output.dense.",
        ".output_layer_norm.": ".output.LayerNorm.",
    },
    has_pooler=False,
)

FAMILIES = {family.model_type: family for family in (BERT, MPNET, ELECTRA, DISTILBERT, ROBERTA)}
"""The families by the model_type of their configs."""
