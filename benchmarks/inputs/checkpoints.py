"""What the benchmarks take from a checkpoint and from the bundled texts.

This is the only module of the benchmarks that looks into the export's `checkpoint` and `reference` folders.
"""

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.inputs.minilm import MINILM, minilm_checkpoint
from benchmarks.inputs.mpnet import MPNET, mpnet_checkpoint
from biobert_onnx._atomic_files import work_folder
from biobert_onnx._file_status import exists, is_folder

BIOBERT = "dmis-lab/biobert-v1.1"
"""The Hub id of the checkpoint that this project was made for."""

STANDIN = "standin"
"""The subject of BioBERT's size with random weights."""


@dataclass(frozen=True, kw_only=True)
class CheckpointFacts:
    """The geometry of a checkpoint, its casing, and whether its vectors have unit length.

    `tokenizer_class`: the name of transformers' class for its tokenizer.json. `pad_id`: the id of its padding token.
    """

    layers: int
    dim: int
    heads: int
    intermediate: int
    cased: bool
    normalized: bool
    tokenizer_class: str
    pad_id: int


def download_biobert() -> Path | None:
    """Return the folder of BioBERT's checkpoint, from the Hugging Face Hub or its cache; None if neither has it."""
    from biobert_onnx_export import CheckpointError
    from biobert_onnx_export.checkpoint.locate import locate

    try:
        return locate(BIOBERT, revision=None, token=None).path
    except CheckpointError:
        return None


def read_checkpoint(folder: Path) -> tuple[CheckpointFacts, Tokenizer]:
    """Read the facts of the checkpoint in `folder`, and its tokenizer, which cuts nothing."""
    from biobert_onnx_export.checkpoint.checkpoint import Checkpoint

    checkpoint = Checkpoint.read(str(folder))
    tokenizer, family = checkpoint.vocabulary.tokenizer(), checkpoint.vocabulary.family
    facts = CheckpointFacts(
        layers=checkpoint.geometry.num_hidden_layers,
        dim=checkpoint.geometry.hidden_size,
        heads=checkpoint.geometry.num_attention_heads,
        intermediate=checkpoint.geometry.intermediate_size,
        cased=checkpoint.vocabulary.cased,
        normalized=checkpoint.modules.normalized,
        tokenizer_class=f"{family.classes[0]}Fast",
        pad_id=tokenizer.token_to_id(family.pad_token),
    )
    return facts, tokenizer


def measured_checkpoints(given: Path | None, scratch: Path, *, quick: bool) -> list[tuple[str, Path]]:
    """Return name and folder of each checkpoint to measure: that in `given`, else the three subjects.

    These are all-MiniLM-L6-v2, all-mpnet-base-v2 and the stand-in, made in the folder `scratch`; `quick` takes the
    first alone. Raises ValueError if `given` is not a folder, or if a package with a checkpoint is missing or damaged.
    """
    if given is not None:
        if not is_folder(given):
            raise ValueError(f"there is no checkpoint folder at '{given}'")
        return [(given.absolute().name, given.absolute())]
    minilm = (MINILM, minilm_checkpoint(scratch).resolve())
    if quick:
        return [minilm]
    return [minilm, (MPNET, mpnet_checkpoint(scratch)), (STANDIN, standin_checkpoint(scratch))]


def standin_checkpoint(folder: Path) -> Path:
    """Write the stand-in into `folder`, as `STANDIN`, unless it is there, and return that path."""
    from benchmarks.standin import write_standin

    checkpoint = folder / STANDIN
    if not exists(checkpoint):
        with work_folder(checkpoint) as work:
            write_standin(work / "new")
            (work / "new").rename(checkpoint)
    return checkpoint


def write_reference_graph(checkpoint: Path, folder: Path, sample: list[int]) -> None:
    """Write optimum's float32 graph of `checkpoint` to `folder`/reference.onnx, checked on the token ids `sample`."""
    from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
    from biobert_onnx_export.reference.reference import Reference

    Reference(Checkpoint.read(str(checkpoint)), folder, pooling="mean", samples=[sample])


def calibration_texts() -> list[str]:
    """Return the texts that exports are calibrated on."""
    from biobert_onnx_export.reference.texts import TextSets

    return list(TextSets.read(None).calibration)


def held_out_texts() -> list[str]:
    """Return the biomedical texts that no export is calibrated on."""
    from biobert_onnx_export.reference.texts import TextSets

    return list(TextSets.read(None).held_out["gated"])
