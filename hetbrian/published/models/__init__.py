"""Published networks: numbers with their source, each a function that returns a brian2 Network."""

__all__ = []
