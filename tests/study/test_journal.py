import errno
import json
import os

import pytest

from hetbrian.study import store
from hetbrian.study.store import Journal

HEADER = {"grid": "g"}


def records(path):
    opened = Journal(path, {"other": 1})
    opened.close()
    assert opened.header == HEADER
    return [record["point"] for record in opened.records]


def written(path, count=5):
    opened = Journal(path, HEADER)
    opened.append([json.dumps({"point": index, "x": float("nan")}) for index in range(count)])
    opened.close()


def test_records_come_back_and_the_header_stays(tmp_path):
    written(tmp_path / "j")
    assert records(tmp_path / "j") == [0, 1, 2, 3, 4]


def test_a_journal_cut_at_any_byte_keeps_every_whole_record_and_can_be_appended(tmp_path):
    path = tmp_path / "j"
    written(path)
    whole = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(ends[0], len(whole)):
        path.write_bytes(whole[:size])
        complete = sum(end <= size for end in ends) - 1
        opened = Journal(path, HEADER)
        assert [record["point"] for record in opened.records] == list(range(complete))
        opened.append(['{"point": 9}'])
        opened.close()
        assert records(path) == [*range(complete), 9]


def test_a_flipped_bit_costs_its_record_only(tmp_path):
    path = tmp_path / "j"
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"point": 2', b'"point": 7')
    path.write_bytes(b"".join(lines))
    assert records(path) == [0, 1, 3, 4]
    assert len(path.read_bytes().splitlines()) == 5  # it is gone from the file as well


def test_what_is_no_journal_is_refused(tmp_path):
    for text in ("", "something\n"):
        (tmp_path / "j").write_text(text)
        with pytest.raises(ValueError, match=r"is no journal of a sweep, expected one: choose another folder"):
            Journal(tmp_path / "j", HEADER)


def test_rewriting_replaces_all_records(tmp_path):
    written(tmp_path / "j")
    opened = Journal(tmp_path / "j", HEADER)
    opened.rewrite([{"point": 3}, {"point": 1}])
    opened.append(['{"point": 8}'])
    opened.close()
    assert records(tmp_path / "j") == [3, 1, 8]
    assert os.listdir(tmp_path) == ["j"]


def test_a_full_disk_is_one_sentence_and_leaves_the_records_before(tmp_path, monkeypatch):
    written(tmp_path / "j")
    opened = Journal(tmp_path / "j", HEADER)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(OSError, match=r"could not be written \(No space left on device\), expected a folder of yours"):
        opened.append(['{"point": 5}'])
    monkeypatch.undo()
    opened.append(['{"point": 6}'])
    opened.close()
    assert records(tmp_path / "j") == [0, 1, 2, 3, 4, 6]


def test_a_full_device_is_one_sentence(tmp_path):
    written(tmp_path / "j")
    opened = Journal(tmp_path / "j", HEADER)
    opened._file.close()
    opened._file = open("/dev/full", "r+b")  # noqa: SIM115
    with pytest.raises(OSError, match=r"No space left on device"):
        opened.append(['{"point": 5}'])
    opened.append(['{"point": 6}'])
    opened.close()
    assert records(tmp_path / "j") == [0, 1, 2, 3, 4, 6]


def test_a_read_only_journal_is_one_sentence(tmp_path, monkeypatch):
    written(tmp_path / "j")

    def refuse(path, mode):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(store, "open", refuse, raising=False)
    with pytest.raises(
        OSError, match=r"could not be written \(Permission denied\), expected a folder of yours with spa"
    ):
        Journal(tmp_path / "j", HEADER)
