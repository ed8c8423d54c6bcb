"""Optional packages of sweeps, which say how to install them."""

try:
    import distributed
    import zarr
    from dask.system import CPU_COUNT
except ImportError as error:
    raise ImportError(
        f"{error.name} is not installed, expected it for sweeps: pip install 'hetbrian[sweep]'."
    ) from error

__all__ = ["CPU_COUNT", "distributed", "zarr"]
