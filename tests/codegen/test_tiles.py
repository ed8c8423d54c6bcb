import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hetbrian.codegen import tiles

KERNELS = Path(tiles.__file__).parent / "kernels"

PROCESSORS = ("-march=native", "-mno-avx512f")
"""Flags of GCC for the widest vectors of this processor and for those of 32 bytes."""

PROGRAM = """
#include <cstdio>
#include <cstdlib>
#include "rls.h"
template<class T> void write(const size_t m)
{
    std::vector<T> matrix(m*m), tiles(std::atoi(TAKES));
    for (size_t i = 0; i < m*m; i++) matrix[i] = i + 1;
    hetbrian::fill_tiles<T>(matrix.data(), tiles.data(), m, true, T(0));
    std::fwrite(tiles.data(), sizeof(T), tiles.size(), stdout);
}
int main(int, char** argv) { write<TYPE>(std::atoi(argv[1])); }
"""


@pytest.mark.standalone
@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_python_reads_what_the_kernel_writes(dtype, processor, tmp_path):
    """Of sizes below, at and above a panel of 4, a block of 8 or 16, and a tile of 256 or 512 columns."""
    (tmp_path / "main.cpp").write_text(PROGRAM)
    capacity = tiles.length(600, dtype)
    flags = [
        "-O1",
        processor,
        f"-I{KERNELS}",
        f"-DTYPE={'float' if dtype == 'float32' else 'double'}",
        f'-DTAKES="{capacity}"',
    ]
    subprocess.run(["g++", *flags, tmp_path / "main.cpp", "-o", tmp_path / "main"], check=True)
    for size in (1, 3, 4, 5, 16, 17, 21, 256, 257, 530, 600):
        stored = np.frombuffer(subprocess.run([tmp_path / "main", str(size)], stdout=-1, check=True).stdout, dtype)
        matrix = np.arange(1, size**2 + 1).reshape(size, size).astype(dtype)
        upper = np.triu(matrix)
        assert np.array_equal(tiles.unpack(stored, size), upper + np.triu(upper, 1).T), size
        assert not stored[tiles.length(size, dtype) :].any()


LEARNING = """
#include <cstdio>
#include <cstdlib>
#include "rls.h"
int main(int, char** argv)
{
    const size_t n = std::atoi(argv[1]), m = n + 1;
    std::vector<TYPE> P(m*m + 40*m + 4096), c(m);
    std::vector<double> weights(2*m), z(2), r(n);
    double gain = 0;
    int n_updates = 0, tiles = 0;
    unsigned state = 1;
    for (int k = 0; k < 20; k++) {
        for (double& x : r) x = (state = state*1664525u + 1013904223u)/4294967296.0;
        const double y[2] = {double(k), 1.0};
        hetbrian::readout(weights.data(), r.data(), n, m, 2, z.data());
        hetbrian::rls_step(P.data(), c.data(), &gain, &n_updates, &tiles, r.data(), weights.data(), z.data(), y,
                           n, m, 2, 2.0, 0.99, true, 1);
    }
    std::fwrite(weights.data(), sizeof(double), weights.size(), stdout);
}
"""


@pytest.mark.standalone
@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
@pytest.mark.parametrize("kind", ["float", "double"])
def test_plain_loops_and_other_vectors_give_the_same_weights(kind, tmp_path):
    """Loops with the same order of operations and none contracted to the last bit, other vectors to some roundings."""
    (tmp_path / "main.cpp").write_text(LEARNING)
    found = {}
    for processor in PROCESSORS:
        for macro in ("HETBRIAN_ALL", "HETBRIAN_PLAIN_LOOPS"):
            flags = ["-O2", processor, "-ffp-contract=off", f"-I{KERNELS}", f"-DTYPE={kind}", f"-D{macro}"]
            subprocess.run(["g++", *flags, tmp_path / "main.cpp", "-o", tmp_path / macro], check=True)
            for size in (3, 20, 530):
                output = subprocess.run([tmp_path / macro, str(size)], stdout=-1, check=True).stdout
                found.setdefault(size, []).append(np.frombuffer(output))
    for size, (wide, plain_wide, narrow, plain) in found.items():
        assert np.array_equal(wide, plain_wide) and np.array_equal(narrow, plain) and len(plain) == 2 * (size + 1), size
        assert 0.1 < np.abs(plain).max() < 1e3, size
        # 20 updates of P = 2, which grow a rounding by the condition of P, some 1e3
        assert np.abs(wide - narrow).max() < (1e-10 if kind == "double" else 1e-1), size


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 5, 21, 100, 530])
def test_either_order_has_room(size, dtype):
    ends = list(tiles.panels(size, dtype))
    assert tiles.length(size, dtype) >= max(size**2, sum(4 * (end - start) for _, start, end in ends) + 8)
    assert {row for row, _, _ in ends} == set(range(0, size, 4))
