import h5py
import numpy as np

from hetbrian.training.data.formats import write_bin, write_gesture, write_spikes


def test_the_bytes_of_an_n_mnist_event(tmp_path):
    """x, y, then polarity as the highest bit above 23 bits of microseconds."""
    write_bin(tmp_path / "a.bin", [0.0, 0.3155], [3, 33], [4, 0], [True, False])
    # 315500 = 0x04D06C
    assert (tmp_path / "a.bin").read_bytes() == bytes([3, 4, 0x80, 0, 0, 33, 0, 0x04, 0xD0, 0x6C])


def test_a_gesture_has_rows_of_x_y_polarity_and_milliseconds(tmp_path):
    write_gesture(tmp_path / "7.npy", np.array([0.0012, 1.5]), [1, 127], [2, 0], [True, False])
    assert np.load(tmp_path / "7.npy").tolist() == [[1, 2, 1, 1], [127, 0, 0, 1500]]


def test_the_layout_of_an_shd_file(tmp_path):
    samples = [(np.array([0.1, 0.7]), np.array([3, 699])), (np.array([]), np.array([]))]
    write_spikes(tmp_path / "a.h5", iter(samples), [1, 0], [0, 1], ["zero", "null"], ["male", "female"])
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["spikes/times"][0].dtype == np.float16
        assert file["spikes/units"][0].dtype == np.uint16
        assert file["spikes/units"][0].tolist() == [3, 699]
        assert [len(item) for item in file["spikes/times"]] == [2, 0]
        assert file["labels"][()].tolist() == [1, 0] and file["labels"].dtype == np.uint16
        assert file["extra/speaker"][()].tolist() == [0, 1]
        assert file["extra/keys"][()].tolist() == [b"zero", b"null"]
        assert file["extra/meta_info/gender"][()].tolist() == [b"male", b"female"]
        assert set(file["extra/meta_info"]) == {"age", "body_height", "gender"}
