"""What several protocols share: one trained or recorded network, and its scores."""

__all__ = []
