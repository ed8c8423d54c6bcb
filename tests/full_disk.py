"""A disk without room, for a part of a test only: pytest writes files too."""

import contextlib
import resource


@contextlib.contextmanager
def full_disk(size):
    """Let no file get longer than so many bytes: the system refuses it as it does on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
