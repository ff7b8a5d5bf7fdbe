"""The artifact's manifest: what the folder holds, where it came from, how faithful it was measured to be."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Self, TypedDict

from biobert_onnx._file_status import is_file, is_folder
from biobert_onnx.artifact.paths import (
    GRAPH_FILES,
    MANIFEST,
    PACKED_FILES,
    TOKENIZER,
    TOKENS_GRAPH,
    check_size,
    inside,
)
from biobert_onnx.artifact.validation import Keys, differences
from biobert_onnx.errors import ArtifactError, check_int, json_fault, short_repr

FORMAT = 2
"""The number of the folder's format. It rises when a reader of the number before would compute other vectors or miss a
file. A reader takes this one number and refuses all others. A new key that a reader may leave out does not raise it:
readers skip keys that they do not know, and where the key is absent take the default of its field."""

POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "pooler")
"""The ways to one vector a text, under sentence-transformers' names; "pooler" is BERT's own, tanh of a product of
[CLS]. A manifest's `pooling` is one of them, or several joined by "+", whose vectors are concatenated in that order."""

FIRST_TOKEN_POOLINGS = frozenset({"cls", "pooler"})
"""Poolings that read the last layer's output of [CLS] alone."""

SPECIAL_TOKENS = 2
"""[CLS] and [SEP] frame every text."""

LAST, MEAN_LAST_FOUR = "last", "mean_last_four"

TOKEN_LAYERS = (LAST, MEAN_LAST_FOUR)
"""What a token's vector may be: the output of the last layer, or the mean of the outputs of the last four."""

LAYERS_OF_MEAN = 4
"""The layers whose outputs MEAN_LAST_FOUR is the mean of: LAYERS_OF_MEAN in model.h."""

REMEDY = "make one with the command 'biobert-onnx export CHECKPOINT FOLDER'"

SEAL = "sha256"
"""The manifest's key of its own sha256."""

UNSEALED = "0" * 64
"""The value of SEAL while the sha256 is computed."""


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """Size in bytes and sha256 (hexadecimal) of one file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the record of the file at `path`, which is read once from start to end."""
        with path.open("rb") as file:
            digest = _sha256(file)
        return cls(size=path.stat().st_size, sha256=digest)


class Figures(TypedDict):
    """Cosines to the reference over some texts."""

    texts: int
    cosine_mean: float
    cosine_p1: float
    cosine_min: float


class FidelityRecord(Figures):
    """Figures over a set of texts, and over its texts of each length.

    Those of searches are absent in manifests of older versions: cosines without the mean vector, the share of the 10
    nearest texts kept, the rank correlation of similarities.
    """

    centred_mean: NotRequired[float]
    centred_min: NotRequired[float]
    neighbours_kept: NotRequired[float]
    rank_correlation: NotRequired[float]
    by_length: Mapping[str, Figures]


class RuleRecord(TypedDict):
    """One decision on how the checkpoint is read: what it is about, what was decided, and by what."""

    about: str
    decision: str
    reason: str


def rule_line(rule: RuleRecord) -> str:
    """Return a rule as export, `info` and the model card show it.

    >>> rule_line({"about": "pooling", "decision": "mean", "reason": "by default"})
    'pooling: mean (by default)'
    """
    return f"{rule['about']}: {rule['decision']} ({rule['reason']})"


class KnownAnswer(TypedDict):
    """How far the vectors of one casing are from published numbers."""

    casing: str
    distance: float


class CheckpointRecord(TypedDict):
    """Where the weights came from; `known_answers` is absent in manifests of older versions."""

    source: str
    weights: str
    sha256: str
    known_answers: NotRequired[Mapping[str, list[KnownAnswer]]]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The contents of `manifest.json`; the types of the fields are what `read` checks.

    `model_type`: the family of the encoder, as transformers' config.json names it: bert, mpnet and others.
    `dim`: numbers in one vector. `max_length`: tokens a text is cut to by default, [CLS] and [SEP] included.
    `max_positions`: position embeddings of the checkpoint. `normalized`: whether unit length is part of the graph.
    `prompts`: texts that may be put before a text, by name. `default_prompt`: the name of the one that is, if none is
    asked for; None for none. `include_prompt`: whether the tokens of a prompt count in pooling.
    `pairs`: whether a text may be a pair of texts, encoded as two segments.
    `token_layers`: which of TOKEN_LAYERS the artifact computes as vectors of tokens; none in manifests of before them.
    `token_dim`: numbers in such a vector, 0 without.
    `rules`: how the checkpoint was read, one record a decision; for people.
    `checkpoint`, `versions`, `quantization` and `fidelity`: records that the export makes, for people and tools.
    `kernels_fidelity`: the same record as `fidelity`, of the vectors that the kernels compute; None if they were not
    measured.
    `files`: size and sha256 of each file, by its path inside the folder: GRAPH_FILES or, in a packed artifact,
    PACKED_FILES in place of them, and others. The file also holds its own sha256: that of its bytes with zeros in that
    place.
    """

    name: str
    model_type: str = "bert"
    dim: int
    max_length: int
    max_positions: int
    pooling: str
    normalized: bool
    precision: Annotated[str, Literal["int8", "fp32"]]
    casing: Annotated[str, Literal["cased", "uncased"]]
    prompts: Mapping[str, str]
    default_prompt: str | None = None
    include_prompt: bool
    pairs: bool = False
    token_layers: list[str] = field(default_factory=list)
    token_dim: int = 0
    rules: list[RuleRecord] = field(default_factory=list)
    checkpoint: Annotated[Mapping[str, Any], CheckpointRecord]
    versions: Mapping[str, str]
    quantization: Mapping[str, Any]
    fidelity: Annotated[Mapping[str, Any], Mapping[str, FidelityRecord]]
    kernels_fidelity: Annotated[Mapping[str, Any] | None, Mapping[str, FidelityRecord] | None] = None
    files: Annotated[Mapping[str, FileRecord], Keys((TOKENIZER,), one_of=(GRAPH_FILES, PACKED_FILES))]

    @property
    def lengths(self) -> range:
        """The values of max_length: one token of a text's own is left, and each token has a position."""
        return range(SPECIAL_TOKENS + 1, self.max_positions + 1)

    def check_max_length(self, max_length: int) -> int:
        """Return `max_length` as an int; raises ValueError unless texts can be cut to so many tokens."""
        return check_int("max_length", max_length, self.lengths, "the positions of the checkpoint")

    def check_token_layers(self, folder: Path, layers: str) -> None:
        """Raise unless the artifact in `folder` has the vectors of tokens of `layers`, one of TOKEN_LAYERS.

        ArtifactError if it has none, ValueError if it has only others.
        """
        if layers in self.token_layers:
            return
        if self.token_layers:
            raise ValueError(
                f"layers is {layers!r}, but '{folder}' has {', '.join(self.token_layers)} alone, as its network has "
                f"fewer than four layers: choose layers={self.token_layers[0]!r}"
            )
        if set(self.pooling.split("+")) <= FIRST_TOKEN_POOLINGS:
            raise ArtifactError(
                f"'{folder}' has no vectors of tokens, as its pooling, {self.pooling}, reads [CLS] alone: export it "
                "again with tokens=True"
            )
        raise ArtifactError(f"'{folder}' has no vectors of tokens, as an older version exported it: export it again")

    @property
    def is_packed(self) -> bool:
        """Whether the artifact is packed: without graphs, for the kernels alone."""
        return not self.files.keys() >= set(GRAPH_FILES)

    @property
    def has_float32_products(self) -> bool:
        """Whether activations meet weights in float32 anywhere: all do in fp32, the named sites in int8."""
        return self.precision == "fp32" or bool(self.quantization.get("float32_sites"))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the manifest of the artifact in `folder`.

        Raises ArtifactError if there is no such folder, no manifest in it, or one that is damaged or cannot be read.
        """
        path = folder / MANIFEST
        try:
            if is_file(folder):
                raise ArtifactError(f"'{folder}' is a file, expected an artifact's folder: {REMEDY}")
            if not is_folder(folder):
                raise ArtifactError(f"no artifact folder at '{folder}': {REMEDY}")
            if not is_file(path):
                what = "a checkpoint" if is_file(folder / "config.json") else "not an artifact"
                raise ArtifactError(f"'{folder}' holds no {MANIFEST}, it is {what}: {REMEDY}")
            return cls._from_bytes(inside(folder, MANIFEST), path.read_bytes())
        except OSError as error:
            raise ArtifactError(f"'{path}' cannot be read ({error.strerror}): change its permissions") from error

    @classmethod
    def _from_bytes(cls, path: Path, raw: bytes) -> Self:
        content = _json_object(path, raw)
        _check_format(path, content.get("format"))
        if SEAL in content:
            _check_seal(path, raw, content[SEAL])
        for difference in differences(content, cls):
            raise ArtifactError(f"'{path}' cannot be read: {difference}: export the artifact again")
        values = {each.name: content[each.name] for each in fields(cls) if each.name in content}
        records = values["files"].items()
        values["files"] = {name: FileRecord(size=record["size"], sha256=record["sha256"]) for name, record in records}
        manifest = cls(**values)
        try:
            manifest._check_values()
        except ValueError as error:
            raise ArtifactError(f"'{path}' cannot be read: {error}: export the artifact again") from error
        return manifest

    def _check_values(self) -> None:
        """Raise ValueError at the first value that no artifact has, though its type is right."""
        self.check_max_length(self.max_length)
        if not set(self.pooling.split("+")) <= set(POOLINGS):
            expected = f"one of {', '.join(POOLINGS)}, or some of them joined by +"
            raise ValueError(f"pooling is {short_repr(self.pooling)}, expected {expected}")
        if not set(self.token_layers) <= set(TOKEN_LAYERS):
            expected = f"some of {', '.join(TOKEN_LAYERS)}"
            raise ValueError(f"token_layers is {short_repr(self.token_layers)}, expected {expected}")
        if bool(self.token_layers) != bool(self.token_dim):
            layers = short_repr(self.token_layers)
            raise ValueError(f"token_layers is {layers} and token_dim is {self.token_dim}, expected both or neither")
        if self.token_layers and not self.is_packed and TOKENS_GRAPH not in self.files:
            raise ValueError(f"token_layers is {short_repr(self.token_layers)}, but files has no {TOKENS_GRAPH}")
        if self.default_prompt is not None and self.default_prompt not in self.prompts:
            names = ", ".join(self.prompts) or "there is none"
            raise ValueError(f"default_prompt is {short_repr(self.default_prompt)}, expected one of prompts ({names})")

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into `folder`: the same manifest gives the same bytes."""
        text = json.dumps({"format": FORMAT, SEAL: UNSEALED, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"
        seal = _sha256(BytesIO(text.encode()))
        (folder / MANIFEST).write_bytes(text.replace(UNSEALED, seal, 1).encode())

    def check_sizes(self, folder: Path) -> None:
        """Raise ArtifactError at the first file of `folder` that is missing, unreadable or has another size.

        A file that lies outside of `folder`, by its name or by a link, is refused too.
        """
        for name, record in self.files.items():
            check_size(inside(folder, name), record.size)

    def check_contents(self, folder: Path) -> None:
        """Raise ArtifactError at the first file of `folder` whose size or sha256 differs, the manifest included."""
        self.check_sizes(folder)
        path, raw = folder / MANIFEST, (folder / MANIFEST).read_bytes()
        _check_seal(path, raw, _json_object(path, raw).get(SEAL))
        for name, record in self.files.items():
            _compare(folder / name, FileRecord.of(folder / name).sha256, record.sha256)


def _json_object(path: Path, raw: bytes) -> dict[str, Any]:
    """The object in `raw`, the manifest at `path`; raises ArtifactError if it is none."""
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, a number or a nesting without end
        raise ArtifactError(f"'{path}' cannot be read ({json_fault(error)}): export the artifact again") from error
    if not isinstance(content, dict):
        raise ArtifactError(
            f"'{path}' cannot be read: it holds {short_repr(content)}, no object: export the artifact again"
        )
    return content


def _check_format(path: Path, number: object) -> None:
    """Raise ArtifactError unless `number`, the format that the manifest at `path` names, is FORMAT."""
    if type(number) is not int or number < 1:
        raise ArtifactError(
            f"'{path}' cannot be read: format is {short_repr(number)}, expected {FORMAT}: export the artifact again"
        )
    if number > FORMAT:
        raise ArtifactError(
            f"'{path}' has format {short_repr(number)}, expected {FORMAT}: the artifact was made by a newer "
            "biobert-onnx: upgrade biobert-onnx here"
        )
    if number < FORMAT:
        raise ArtifactError(
            f"'{path}' has format {number}, expected {FORMAT}: the artifact was made by an older biobert-onnx: export "
            "it again"
        )


def _check_seal(path: Path, raw: bytes, seal: object) -> None:
    """Raise ArtifactError unless `seal` is the sha256 of `raw`, the manifest at `path`, with zeros in its place."""
    expected = seal if isinstance(seal, str) else "one"
    unsealed = raw.replace(expected.encode("utf-8", "replace"), UNSEALED.encode(), 1)
    _compare(path, _sha256(BytesIO(unsealed)), expected)


def _sha256(file: BytesIO | BufferedReader) -> str:
    import hashlib  # opening an artifact does without it, and it loads OpenSSL

    return hashlib.file_digest(file, "sha256").hexdigest()


def _compare(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise ArtifactError(f"'{path}' has sha256 {found}, expected {expected:.64}: export or copy it again")
