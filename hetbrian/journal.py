"""A file of records that are durable one by one: what was written before a crash is there after it."""

import contextlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

from hetbrian.files import replacing


class Journal:
    """
    Lines of ``checksum JSON``, the first of them a header; each batch is on the disk before `append` returns.

    A line that is not whole, because a crash has cut it off, is dropped when the file is opened: that point is
    computed again. Only one process may write.

    Parameters
    ----------
    path : path-like
        The file.
    header : dict
        First line of a new file; that of an existing one is kept, see `header`.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    ValueError
        If it is no such file.
    """

    def __init__(self, path: Any, header: dict[str, Any]) -> None:
        self.path = Path(path)
        if not self.path.exists():
            self._replace([_line(json.dumps(header))])
        try:
            self._file = open(self.path, "r+b")  # noqa: SIM115
        except OSError as error:
            raise _unwritable(self.path, error) from error
        lines = self._file.readlines()
        found = [_read(line) for line in lines]
        if not found or found[0] is None:
            self._file.close()
            raise ValueError(f"{str(self.path)!r} is no journal of a sweep, expected one: choose another folder.")
        self.header = found[0]
        self.records: list[dict[str, Any]] = [record for record in found[1:] if record is not None]
        self._end = sum(map(len, lines))
        if None in found:
            self.rewrite(self.records)

    def append(self, texts: list[str]) -> None:
        """
        Write records and return when they are on the disk.

        Parameters
        ----------
        texts : list of str
            A JSON object each.

        Raises
        ------
        OSError
            If the disk is full; the file ends with the records before.
        """
        data = b"".join(_line(text) for text in texts)
        try:
            self._file.seek(self._end)
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._reopen()
            raise _unwritable(self.path, error) from error
        self._end += len(data)

    def rewrite(self, records: list[dict[str, Any]]) -> None:
        """
        Replace all records at once, in the given order.

        Parameters
        ----------
        records : list of dict
            The records.

        Raises
        ------
        OSError
            If the disk is full; the file is left as it was.
        """
        lines = [_line(json.dumps(item)) for item in (self.header, *records)]
        self._replace(lines)
        self._file.close()
        self._file = open(self.path, "r+b")  # noqa: SIM115
        self._end = sum(map(len, lines))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _replace(self, lines: list[bytes]) -> None:
        """Put lines in the place of the file, whole or not at all."""
        advice = "free some space or choose another --out, and start again"
        with replacing(self.path, advice) as temporary, open(temporary, "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def _reopen(self) -> None:
        """Drop the rest of a record that was not written whole, from the file and from the buffer."""
        with contextlib.suppress(OSError):  # the buffer could not be written: it is closed all the same
            self._file.close()
        self._file = open(self.path, "r+b")  # noqa: SIM115
        self._file.truncate(self._end)


def sync_folder(folder: Any) -> None:
    """
    Make new names in a folder durable.

    Parameters
    ----------
    folder : path-like
        The folder.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(text: str) -> bytes:
    data = text.encode()
    return b"%08x %s\n" % (zlib.crc32(data), data)


def _read(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, None if it is not whole."""
    checksum, _, data = line.partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(data[:-1]):
        return None
    return json.loads(data)


def _unwritable(path: Path, error: OSError) -> OSError:
    return OSError(
        f"{str(path)!r} could not be written ({error.strerror or error}), expected a folder of yours with space: "
        "finished points are kept; free some space or change its permissions, and start again."
    )
