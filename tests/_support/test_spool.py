import os

from hetbrian._support.spool import Spool
from tests.full_disk import full_disk


def written(path):
    """Write, go back, overwrite and read; return what was read and the spool, closed."""
    with Spool(str(path)) as spool:
        assert spool.write(b"0123456") == 7 and spool.write(b"789abc") == 6 and spool.tell() == 13
        spool.seek(2)
        spool.write(b"xy")
        spool.truncate(20)
        assert spool.seek(0, os.SEEK_END) == 20
        spool.seek(1)
        return spool.read(), spool


WRITTEN = b"1xy456789abc" + bytes(7)


def test_a_file_is_written_as_any_other(tmp_path):
    found, spool = written(tmp_path / "x")
    assert found == WRITTEN and spool.failure is None and (tmp_path / "x").read_bytes() == b"0" + WRITTEN


def test_on_a_full_disk_it_goes_on_in_memory_and_keeps_the_error(tmp_path):
    with full_disk(10):
        found, spool = written(tmp_path / "x")
    assert found == WRITTEN and spool.failure.strerror == "File too large"
    with full_disk(10), Spool(str(tmp_path / "y")) as spool:
        assert spool.truncate(20) == 20 and spool.tell() == 0 and spool.read() == bytes(20)
    assert spool.failure.strerror == "File too large"
