"""What every room needs and no user sees: checks, errors, files, cache, compiler, optional packages, progress."""

__all__ = []
