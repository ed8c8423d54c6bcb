"""One file per figure or table: ``compute(...)`` returns a Dataset, ``SMALL`` is a size that takes minutes."""

__all__ = []
