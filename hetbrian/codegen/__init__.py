"""Code objects, templates and kernels of our Brian2 objects: numpy, Cython, C++, CUDA."""

from hetbrian.codegen.codeobjects import native_class
from hetbrian.codegen.group import NativeGroup
from hetbrian.codegen.runner import NativeRunner

__all__ = ["NativeGroup", "NativeRunner", "native_class"]
