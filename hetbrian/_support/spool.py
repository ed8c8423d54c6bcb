"""A file of HDF5 on a disk that may become full."""

import io
import os
from typing import Any


class Spool(io.RawIOBase):
    """
    A new file that goes on in memory if its disk is full, for HDF5, which cannot close a file after an error.

    What it could not close it closes when that is collected, and crashes.

    Parameters
    ----------
    path : str
        An existing file is emptied.

    Attributes
    ----------
    failure : OSError or None
        The first error; what is on the disk is not whole then.
    """

    failure: OSError | None = None

    def __init__(self, path: str) -> None:
        self._file: Any = open(path, "w+b", buffering=0)  # noqa: SIM115  - closed by `close`

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer as much as there is."""
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place and return it."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def write(self, content: Any) -> int:
        """Write all of it."""
        left, begin = memoryview(content).cast("B"), self.tell()
        size = len(left)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._go_on_in_memory(error)
            self._file.seek(begin)
            self._file.write(content)
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size, which is kept in memory even if the disk has no room for it."""
        size = self.tell() if size is None else size
        try:
            self._file.truncate(size)
        except OSError as error:
            self._go_on_in_memory(error)
        if self.failure is not None:  # memory is not made longer by it
            place, length = self.tell(), self.seek(0, os.SEEK_END)
            self._file.write(bytes(max(0, size - length)))
            self.seek(place)
        return size

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _go_on_in_memory(self, error):
        """Keep an error, and all that was written, in memory."""
        self.failure, place = error, self.tell()
        self._file.seek(0)
        kept = io.BytesIO(self._file.read())
        self._file.close()
        self._file = kept
        self._file.seek(place)
