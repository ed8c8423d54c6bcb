"""What is run on a GPU to see what works there and how fast: named checks, each in a process of its own, one record."""

__all__ = []
