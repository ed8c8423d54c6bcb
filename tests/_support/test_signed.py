import h5py
import numpy as np
import pytest

from hetbrian._support.signed import CHUNK, SIZE, is_as_signed, sign


@pytest.fixture(params=["earliest", "latest"])
def path(request, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", libver=request.param) as file:
        file["x"] = np.arange(CHUNK // 8 + 5.0)  # longer than what is read at once
    return tmp_path / "a.h5"


def test_a_checksum_behind_the_end_tells_damage_and_is_not_seen(path):
    before = path.read_bytes()
    assert is_as_signed(path)
    sign(path)
    data = path.read_bytes()
    assert data[:-SIZE] == before and is_as_signed(path)
    with h5py.File(path) as file:
        assert file["x"][-1] == CHUNK // 8 + 4
    for at in (100, len(before) - 1, len(before) + 3, len(data) - 9):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert not is_as_signed(path)
    for wrong in (data + b"x", data[:-1], before + b"x"):
        path.write_bytes(wrong)
        assert not is_as_signed(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes([9] * 99)])
def test_what_is_no_hdf5_file_is_left_to_hdf5(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert is_as_signed(tmp_path / "a")
