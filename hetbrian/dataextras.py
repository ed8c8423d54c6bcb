"""Optional packages of data sets, which say how to install them."""

try:
    import tonic.datasets
    from sklearn.datasets import load_digits
    from tonic.download_utils import calculate_md5
except ImportError as error:
    raise ImportError(
        f"{error.name} is not installed, expected it for data sets: pip install 'hetbrian[train]'."
    ) from error

__all__ = ["calculate_md5", "load_digits", "tonic"]
