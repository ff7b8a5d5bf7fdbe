"""Files packed by gzip, bzip2 or xz, unpacked while they are read; damage anywhere in them is an error.

The file objects of `bz2` and `lzma` take whatever follows the first stream, and is no stream, for harmless padding: the
rest of a damaged file would be lost without a word. So streams are followed here one by one.
"""

import io
from collections.abc import Callable
from typing import IO, Any, NamedTuple


class Packing(NamedTuple):
    """A way to pack files: the program that unpacks them, and the bytes that they begin with."""

    program: str
    magic: bytes


PACKED = {
    ".gz": Packing("gzip", b"\x1f\x8b"),
    ".bz2": Packing("bzip2", b"BZh"),
    ".xz": Packing("xz", b"\xfd7zXZ"),
}
"""Endings of packed files, and how these are packed; the ending before them says the format."""

READ_BYTES = 64 * 1024
"""Bytes of a packed file read at a time."""


def unpacked(file: IO[bytes], ending: str) -> IO[bytes]:
    """Return `file` itself or, if `ending` is one of PACKED, a file of what is unpacked from it while it is read.

    Reading raises OSError, EOFError, zlib.error or lzma.LZMAError if the packed file is damaged or not whole.
    """
    if ending == ".gz":
        import gzip

        opened: Any = gzip.GzipFile(fileobj=file, mode="rb")
        return opened  # type: ignore[no-any-return]
    if ending == ".bz2":
        import bz2

        return io.BufferedReader(_Streams(file, bz2.BZ2Decompressor))
    if ending == ".xz":
        import lzma

        return io.BufferedReader(_Streams(file, lzma.LZMADecompressor, padding=b"\0"))
    return file


class _Streams(io.RawIOBase):
    """What is unpacked from the streams of `file`, each of which `new_stream` makes a decompressor for.

    `padding`: bytes that may stand between streams and after them.
    """

    def __init__(self, file: IO[bytes], new_stream: Callable[[], Any], *, padding: bytes = b"") -> None:
        self._file, self._new_stream, self._padding = file, new_stream, padding
        self._stream = new_stream()

    def readable(self) -> bool:
        """Always: it is for nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Unpack into `buffer`; return the number of bytes, 0 at the end of the last stream."""
        while True:
            packed = b""
            if self._stream.eof:
                packed = self._next_stream()
                if not packed:
                    return 0
                self._stream = self._new_stream()
            elif self._stream.needs_input:
                packed = self._file.read(READ_BYTES)
                if not packed:
                    raise EOFError("it ends before its last stream does")
            data = self._stream.decompress(packed, len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _next_stream(self) -> bytes:
        """The first bytes of the next stream, b"" at the end of the file."""
        packed = self._stream.unused_data or self._file.read(READ_BYTES)
        while packed and not (packed := packed.lstrip(self._padding) if self._padding else packed):
            packed = self._file.read(READ_BYTES)
        return bytes(packed)
