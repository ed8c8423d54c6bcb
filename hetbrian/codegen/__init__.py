"""Code objects, templates and kernels of our Brian2 objects: numpy, Cython, C++, CUDA."""

from hetbrian.codegen.codeobjects import native_class
from hetbrian.codegen.runner import NativeRunner

__all__ = ["NativeRunner", "native_class"]
