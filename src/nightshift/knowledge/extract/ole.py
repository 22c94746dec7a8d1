"""The streams of an OLE file ([MS-CFB]): old Office files, and locked new ones."""

import struct
from collections.abc import Iterator
from typing import IO

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_SECTORS = 4096  # of the directory; documents have a few
_NO_SECTOR = 0xFFFFFFFA  # this and higher numbers
_ENTRY = struct.Struct("<64sH2x3I48x")  # name, its length in bytes, the entries before and after it and below it


def streams(file: IO[bytes]) -> frozenset[str]:
    """The names at the top of the directory, in lower case (those of embedded files stand below). Empty for a damaged file."""
    try:
        entries = [_ENTRY.unpack(data) for data in _directory(file)]
    except (struct.error, IndexError):
        return frozenset()
    names = {}
    waiting = [entries[0][4]] if entries else []
    while waiting:
        number = waiting.pop()
        if number < len(entries) and number not in names:
            name, length, before, after, _ = entries[number]
            names[number] = name[: max(length - 2, 0)].decode("utf-16-le", "replace").lower()
            waiting += [before, after]
    return frozenset(filter(None, names.values()))


def _directory(file: IO[bytes]) -> Iterator[bytes]:
    """The entries of 128 bytes each."""
    file.seek(0)
    header = file.read(512)
    size = 1 << min(struct.unpack_from("<H", header, 30)[0], 16)
    tables = list(struct.unpack_from("<109I", header, 76))

    def read(number: int) -> bytes:
        file.seek((number + 1) * size)
        return file.read(size)

    more, count = struct.unpack_from("<II", header, 68)
    for _ in range(min(count, MAX_SECTORS)):  # where the file has more than 109: above 7 MB
        *numbers, more = struct.unpack(f"<{size // 4}I", read(more))
        tables += numbers
    sector = struct.unpack_from("<I", header, 48)[0]
    for _ in range(MAX_SECTORS):
        if sector >= _NO_SECTOR:
            return
        data = read(sector)
        yield from (data[at : at + 128] for at in range(0, size, 128))
        table, at = divmod(sector, size // 4)
        sector = struct.unpack_from("<I", read(tables[table]), 4 * at)[0]
