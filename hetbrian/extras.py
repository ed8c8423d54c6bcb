"""Optional packages, which say how to install them."""

try:
    import torch
except ImportError as error:
    raise ImportError(
        "torch is not installed, expected it for training and export: pip install 'hetbrian[torch]'."
    ) from error

__all__ = ["torch"]
