import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from hetbrian.study.outcomes import outcome
from tests.study.test_store import GRID, IDENTITY, Store, fill, records, tree


def test_a_full_disk_is_one_sentence_and_leaves_the_records_before(tmp_path):
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({0: outcome({"x": 0.5})})
        pages = store._journal._database.execute("PRAGMA page_count").fetchone()[0]
        store._journal._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(
            OSError, match=r"could not be written \(database or disk is full\), expected a folder of yours with space"
        ):
            store.add({1: outcome({"y": ("t", np.zeros(5000))})})
        store._journal._database.execute("PRAGMA max_page_count = 1000000")
        assert store.n_done == 1 and list(records(tmp_path / "s")) == [0]
        store.add({2: outcome({"x": 0.25})})
    assert list(records(tmp_path / "s")) == [0, 2]


def test_what_is_no_store_is_refused(tmp_path):
    (tmp_path / "points.sqlite").write_text("something else, longer than the header of a database " * 3)
    with pytest.raises(
        ValueError, match=r"holds no sweep \(file is not a database\), expected one: choose another folder"
    ):
        Store(tmp_path, GRID, IDENTITY)
    (tmp_path / "points.sqlite").unlink()
    Store(tmp_path, GRID, IDENTITY).__exit__()  # it has let the folder go


def test_others_may_read_while_it_is_open(tmp_path):
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({0: outcome({"x": 0.5})})
        assert list(records(tmp_path / "s")) == [0]
        store.add({1: outcome({"x": 0.5})})
        assert list(records(tmp_path / "s")) == [0, 1]


def test_a_process_that_dies_while_it_writes_loses_no_finished_point(tmp_path):
    """It is killed inside a transaction: the next one finds what was committed, and the lock free."""
    script = (
        "import os, signal, sys\n"
        "from hetbrian.study.outcomes import outcome\n"
        "from tests.study.test_store import GRID, IDENTITY, Store\n"
        "store = Store(sys.argv[1], GRID, IDENTITY)\n"
        "store.add({0: outcome({'x': 0.5})})\n"
        "store._journal._database.execute('PRAGMA cache_size = 1')  # it spills into the file\n"
        "for index in range(1, 4):\n"
        "    store._journal._database.execute('INSERT INTO points VALUES (?, ?, 0)', (index, '0' * 100000))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "s"], check=False)
    assert done.returncode == -signal.SIGKILL and (tmp_path / "s" / "points.sqlite-journal").exists()
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        assert store.todo() == [1, 2, 3, 4, 5] and store.dataset().x.values[0, 0] == 0.5


def as_of_the_version_before(folder):
    """Take the checksums from a store."""
    path = folder / "points.sqlite"
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT point, record FROM points").fetchall()
        identity = database.execute("SELECT identity FROM sweep").fetchall()
    path.unlink()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE sweep (identity TEXT)")
        database.execute("CREATE TABLE points (point INTEGER PRIMARY KEY, record TEXT)")
        database.executemany("INSERT INTO sweep VALUES (?)", identity)
        database.executemany("INSERT INTO points VALUES (?, ?)", rows)


def test_a_store_of_the_version_before_is_read_and_gets_its_checksums(tmp_path):
    """Nor does it say whether it was exported."""
    fill(tmp_path / "s")
    before = tree(tmp_path / "s")
    as_of_the_version_before(tmp_path / "s")
    shutil.rmtree(tmp_path / "s" / "points.zarr" / "x")
    with pytest.raises(ValueError, match="holds another sweep"):
        Store(tmp_path / "s", GRID, IDENTITY | {"point": "m.other"})
    assert b"checksum" not in (tmp_path / "s" / "points.sqlite").read_bytes()
    assert fill(tmp_path / "s").x.values[0, 2] == 2 / 3 and tree(tmp_path / "s") == before
    as_of_the_version_before(tmp_path / "s")
    with Store(tmp_path / "s", GRID, IDENTITY) as store:  # it is killed before it is exported
        assert store.todo() == []
    with closing(sqlite3.connect(tmp_path / "s" / "points.sqlite")) as database, database:
        database.execute("UPDATE points SET record = replace(record, '\"data\": 1.0', '\"data\": 7.0')")
    with pytest.raises(ValueError, match=r"points.sqlite' is damaged at point \d, expected what came of it"):
        Store(tmp_path / "s", GRID, IDENTITY)


@pytest.mark.parametrize("commands", ["", "CREATE TABLE sweep (identity TEXT)"])
def test_a_database_that_was_being_made_when_its_process_was_killed_is_made(tmp_path, commands):
    (tmp_path / "s").mkdir()
    with closing(sqlite3.connect(tmp_path / "s" / "points.sqlite")) as database:
        database.executescript(commands)
    fill(tmp_path / "t")
    fill(tmp_path / "s")
    assert tree(tmp_path / "s") == tree(tmp_path / "t")


@pytest.mark.parametrize(
    "commands",
    [
        "CREATE TABLE mine (a); INSERT INTO mine VALUES (42)",
        "CREATE TABLE points (point INTEGER PRIMARY KEY, record TEXT); INSERT INTO points VALUES (1, 'mine')",
        "CREATE TABLE points (point INTEGER PRIMARY KEY, record TEXT, checksum INTEGER)",
        "CREATE TABLE sweep (identity TEXT); INSERT INTO sweep VALUES ('{}')",
        "CREATE TABLE sweep (broom TEXT); CREATE TABLE points (x, y)",
        "CREATE TABLE sweep (identity); CREATE TABLE points (point, record); CREATE VIEW mine AS SELECT * FROM sweep",
    ],
)
def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path, commands):
    path = tmp_path / "points.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(commands)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"points.sqlite' holds no sweep \(its tables are .*\), expected one: choose"):
        fill(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '"x"',
        "nul",
        '{"error": 5}',
        '{"parameters": {}, "values": {"x": 3}, "coordinates": {}}',
        '{"parameters": {}, "values": {"v": {"dims": ["t"], "shape": [1000000000000], "attrs": {}, "dtype": "<f8", '
        '"bytes": "AAAAAAAAAAA="}}, "coordinates": {}}',
    ],
)
def test_a_damaged_point_is_named(tmp_path, text):
    """Also where its checksum is right, as in what the version before has written."""
    fill(tmp_path / "s")
    as_of_the_version_before(tmp_path / "s")
    with closing(sqlite3.connect(tmp_path / "s" / "points.sqlite")) as database, database:
        database.execute("UPDATE points SET record = ? WHERE point = 3", (text,))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"points.sqlite' is damaged at point 3, expected what came of it: delete"):
            Store(tmp_path / "s", GRID, IDENTITY)


@pytest.mark.parametrize(
    ("change", "point"),
    [
        ("record = replace(record, '\"data\": 1.0', '\"data\": 7.0')", 3),
        ('record = replace(record, \'"seed": "0"\', \'"seed": "2"\')', 3),
        ("record = replace(record, '\"shape\": []', '\"shape\": [1]')", 3),
        ("record = NULL", 3),
        ("record = X'FFFE'", 3),
        ("record = CAST(X'7BFFFE7D' AS TEXT)", 3),
        ("checksum = NULL", 3),
        ("checksum = checksum + 1", 3),
        ("point = -1", -1),
        ("point = 6", 6),
        ("point = 99", 99),
    ],
)
def test_a_row_that_is_not_as_it_was_written_is_named(tmp_path, change, point):
    fill(tmp_path / "s")
    with closing(sqlite3.connect(tmp_path / "s" / "points.sqlite")) as database, database:
        database.text_factory = bytes
        before = database.execute("SELECT * FROM points").fetchall()
        database.execute(f"UPDATE points SET {change} WHERE point = 3")
        assert database.execute("SELECT * FROM points").fetchall() != before
    with pytest.raises(
        ValueError, match=rf"points.sqlite' is damaged at point {point}, expected what came of it: dele"
    ):
        Store(tmp_path / "s", GRID, IDENTITY)


@pytest.mark.parametrize("seed", range(25))
def test_a_flipped_bit_of_the_database_changes_no_number(tmp_path, seed):
    """It is refused, or a row is gone and computed again; what is left is as it was."""
    expected = fill(tmp_path / "s")
    path = tmp_path / "s" / "points.sqlite"
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    path.write_bytes(data)
    try:
        found = fill(tmp_path / "s")
    except (ValueError, OSError) as error:
        assert "expected" in str(error) and "points.sqlite" in str(error)
    else:
        assert found.identical(expected)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sweep SET identity = 'nul'",
        "UPDATE sweep SET identity = NULL",
        "UPDATE sweep SET identity = replace(identity, 'm.point', 'm.joint')",
        "UPDATE sweep SET identity = '[]'",
        "UPDATE sweep SET checksum = NULL",
        "INSERT INTO sweep SELECT * FROM sweep",
        "DELETE FROM sweep",
    ],
)
def test_a_damaged_description_of_the_sweep_is_named(tmp_path, change):
    fill(tmp_path / "s")
    with closing(sqlite3.connect(tmp_path / "s" / "points.sqlite")) as database:
        database.executescript(change)
    with pytest.raises(ValueError, match=r"points.sqlite' is damaged where it says of which sweep it is, expected one"):
        Store(tmp_path / "s", GRID, IDENTITY)
