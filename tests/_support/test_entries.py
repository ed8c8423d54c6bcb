"""Entries of files are declared once; what is not as declared, or damaged, never becomes an array."""

import io
import zipfile

import numpy as np
import pytest

from hetbrian._support import entries
from hetbrian._support.entries import Entry
from hetbrian._support.files import arrays, save_arrays

TABLE = {
    "x": Entry("f", 1, entries.FINITE, 2),
    "n": Entry("i", 1, entries.WHOLE, 1),
    "rule": Entry("U", 0, known=("prior", "posterior")),
    "bias": Entry("b", 0),
}
RIGHT = {"x": np.array([0.5, -2.0]), "n": np.array([3]), "rule": "prior", "bias": True}


def read(path):
    return arrays(path, 1, TABLE, "a state", "save_state")


def same(found, expected):
    return found.keys() == expected.keys() and all(np.array_equal(found[name], expected[name]) for name in expected)


def test_what_is_saved_is_read(tmp_path):
    save_arrays(tmp_path / "a.npz", 1, {**RIGHT, "more": np.eye(2)})
    assert same(read(tmp_path / "a.npz"), {**RIGHT, "more": np.eye(2)})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x", np.array([1.0, np.nan]), "x in '.*a.npz' of element 1 is nan, expected finite numbers: save it again"),
        ("x", np.array([True, False]), "x in '.*a.npz' is of type bool, expected floating-point numbers"),
        ("x", np.array([1, 2]), "x in '.*a.npz' is of type int64, expected floating-point numbers"),
        ("x", np.array([1j, 2]), "x in '.*a.npz' is of type complex128, expected floating-point numbers"),
        ("x", np.array(["a", "b"]), "x in '.*a.npz' is of type <U1, expected floating-point numbers"),
        ("x", np.array([[1.0], [2.0]]), r"x in '.*a.npz' has the shape \(2, 1\), expected 1 axis: save it again"),
        ("x", np.array([1.0]), "x in '.*a.npz' has 1 values, expected 2 or more: build what reads it"),
        ("n", np.array([-7]), "n in '.*a.npz' of element 0 is -7, expected an integer from 0 to 2147483647"),
        ("n", np.array([2**40]), "n in '.*a.npz' of element 0 is 1.09951e.12, expected an integer from 0 to"),
        ("n", np.array([2**64 - 1], np.uint64), "n in '.*a.npz' is of type uint64, expected integers"),
        ("rule", "other", "rule in '.*a.npz' is 'other', expected prior or posterior: save it again"),
        ("rule", np.nan, "rule in '.*a.npz' is of type float64, expected text"),
        ("rule", np.array(["prior"]), r"rule in '.*a.npz' has the shape \(1,\), expected 0 axes"),
        ("bias", 1, "bias in '.*a.npz' is of type int64, expected True or False"),
    ],
)
def test_an_entry_that_is_not_as_declared_is_named_with_its_file(name, value, message, tmp_path):
    save_arrays(tmp_path / "a.npz", 1, {**RIGHT, name: value})
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("file_format", [2, np.array([1]), True, np.nan, "1"])
def test_another_format_is_another_file(file_format, tmp_path):
    save_arrays(tmp_path / "a.npz", file_format, RIGHT)
    with pytest.raises(
        ValueError, match=r"a.npz' is not a state, expected a file that save_state wrote: save it again"
    ):
        read(tmp_path / "a.npz")


def test_each_bit_of_a_file_may_flip_and_no_value_changes(tmp_path):
    """Times and attributes in a zip archive have no checksum, and its local headers stand there twice; nothing else."""
    path = tmp_path / "a.npz"
    save_arrays(path, 1, RIGHT)
    whole, unseen = path.read_bytes(), 0
    for at in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        try:
            found = read(path)
        except ValueError as error:
            assert "a.npz' is not a state, expected a file that save_state wrote" in str(error)
        else:
            assert same(found, RIGHT), f"bit {at}"
            unseen += 1
    assert unseen < 4 * len(whole)  # half of this file is headers, whose copies are in the directory at its end


def archive(path, data, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, value in {**RIGHT, "format": 1}.items():
            written = io.BytesIO()
            np.save(written, value)
            file.writestr(f"{name}.npy", data if name == "x" else written.getvalue())


def declared(shape, data, dtype="<f8"):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00v\x00" + header + data


@pytest.mark.parametrize(
    "data",
    [
        declared("(1000000000000,)", bytes(16)),
        declared("(-1, -2)", bytes(16)),
        declared("(1,)", bytes(16)),
        declared("(3,)", bytes(16)),
        declared("(2,)", bytes(16), "|O"),
        declared("(2,)", bytes(16)).replace(b"NUMPY\x01", b"NUMPY\x03"),
        declared("(2,", bytes(16)),
        b"",
    ],
)
def test_a_size_that_is_not_in_the_file_is_refused_before_memory_is_taken(data, tmp_path):
    archive(tmp_path / "a.npz", declared("(2,)", bytes(16)))
    assert same(read(tmp_path / "a.npz"), {**RIGHT, "x": np.zeros(2)})
    archive(tmp_path / "a.npz", data)
    with pytest.raises(ValueError, match=r"a.npz' is not a state, expected a file that save_state wrote"):
        read(tmp_path / "a.npz")


def test_an_archive_that_swells_is_refused(tmp_path):
    archive(tmp_path / "a.npz", declared("(1000000,)", bytes(8 * 10**6)), zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"a.npz' is not a state, expected a file that save_state wrote"):
        read(tmp_path / "a.npz")
