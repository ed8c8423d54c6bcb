"""Write files whole or not at all."""

import os
import tempfile
from contextlib import contextmanager


@contextmanager
def replacing(path, advice):
    """
    Yield a temporary name beside a file and put what was written there in the file's place.

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced only after all was written.
    advice : str
        What the user can do if it cannot be written, for the error.

    Yields
    ------
    str
        Where to write.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full; an existing file is left as it was.
    """
    path = os.fspath(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", suffix=os.path.splitext(path)[1])
        os.close(handle)
        try:
            yield temporary
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)  # mkstemp lets nobody else read it
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise OSError(
            f"{path!r} could not be written ({error.strerror or error}), expected a folder with space: {advice}."
        ) from error
