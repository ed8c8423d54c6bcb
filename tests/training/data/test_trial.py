import h5py
import pytest

from hetbrian.training.data import trial
from hetbrian.training.data.originals import DamagedDataError


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/x"] = range(2500)
        file["one"] = 1.0
    return tmp_path / "a.h5"


def test_what_can_be_read_or_raises_an_error_is_left_to_who_reads_it(path, tmp_path, monkeypatch):
    read = trial.READ + "print(open(sys.argv[1] + '.read', 'w').write('to the end'))"
    monkeypatch.setattr(trial, "READ", read)
    trial.try_hdf5(path)
    assert (tmp_path / "a.h5.read").read_text() == "to the end"
    (tmp_path / "b.h5").write_text("text")
    trial.try_hdf5(tmp_path / "b.h5")
    assert not (tmp_path / "b.h5.read").exists()


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("while True: pass", r"a.h5' could not be read within 1 s, expected a whole HDF5 file: get it again"),
        ("import os; os.kill(os.getpid(), 11)", r"a.h5' kills what reads it, by signal 11, expected a whole HDF5 file"),
    ],
)
def test_what_never_ends_or_kills_its_reader_is_damaged(path, monkeypatch, does, message):
    monkeypatch.setattr(trial, "READ", does)
    monkeypatch.setattr(trial, "SECONDS", 1.0)
    with pytest.raises(DamagedDataError, match=message):
        trial.try_hdf5(path)
