"""Optional packages of training, which say how to install them."""

try:
    import lightning
except ImportError as error:
    raise ImportError(
        f"{error.name} is not installed, expected it for training: pip install 'hetbrian[train]'."
    ) from error

__all__ = ["lightning"]
