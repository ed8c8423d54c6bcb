"""The database of a sweep: a row with a checksum for each finished point, which survives kill -9."""

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hetbrian._support.files import check_regular, replacing

EXPORTED = 1
"""What the database says of itself (``user_version``) if the Zarr store has all of it."""

AT_ONCE = 100
"""Rows that are read at a time: so few that Python does not look for garbage again and again."""

_TABLES = {"points": ["point", "record", "checksum"], "sweep": ["identity", "checksum"]}
_UNSEALED = {name: columns[:-1] for name, columns in _TABLES.items()}  # of the version before
_BEGUN = {"sweep": ["identity"]}  # all that a killed process of the version before had made
_MAKE = (
    "CREATE TABLE sweep (identity TEXT, checksum INTEGER)",
    "CREATE TABLE points (point INTEGER PRIMARY KEY, record TEXT, checksum INTEGER)",
)


def _checksum(text: bytes | None, index: int = 0) -> int | None:
    """Return what tells whether a text is as it was written, and in the row of its point; None for what is no text."""
    return zlib.crc32(text, index) if isinstance(text, bytes) else None


class Journal:
    """
    Open the database of a sweep, made if it is not there; one of the version before has no checksums until `seal`.

    Parameters
    ----------
    path : Path
        The file.
    identity : dict
        Which sweep it is, for a new one.

    Raises
    ------
    ValueError
        If the file is something else, which is left as it is, or is damaged where it says of which sweep it is.
    OSError
        If it cannot be read or written, or the disk is full.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path = path
        if path.exists() or path.is_symlink():
            check_regular(path, "the database of a sweep")
        self._connect(identity)

    def _connect(self, identity: dict[str, Any]) -> None:
        """Open the file."""
        with telling(self.path):
            self._database = sqlite3.connect(self.path)
            try:
                self._database.text_factory = bytes  # which need not be UTF-8 where it is damaged
                self._database.execute("PRAGMA synchronous = EXTRA")  # what is committed survives a power cut
                self._open(json.dumps(identity))
            except BaseException:
                self.close()
                raise

    def _open(self, identity: str) -> None:
        """Find out what the file holds, and take or make what a sweep has there."""
        there = self._tables()
        if there == {} or (there == _BEGUN and not self._count("sweep")):
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                for name in there:
                    self._database.execute(f"DROP TABLE {name}")
                for command in _MAKE:
                    self._database.execute(command)
                self._database.execute("INSERT INTO sweep VALUES (?, ?)", (identity, _checksum(identity.encode())))
        elif there not in (_TABLES, _UNSEALED):
            raise ValueError(
                f"{str(self.path)!r} holds no sweep (its tables are {', '.join(sorted(there))}), expected one: "
                "choose another folder."
            )
        self._is_sealed = there != _UNSEALED
        checksum = "checksum" if self._is_sealed else "NULL"
        rows = self._database.execute(f"SELECT identity, {checksum} FROM sweep").fetchall()
        try:
            ((text, found),) = rows
            self.identity = json.loads(text)
            is_whole = isinstance(self.identity, dict) and (not self._is_sealed or found == _checksum(text))
        except (ValueError, TypeError):
            is_whole = False
        if not is_whole:
            raise ValueError(
                f"{str(self.path)!r} is damaged where it says of which sweep it is, expected one description: "
                "choose another folder, or remove it."
            )

    def _tables(self) -> dict[str, list[str]]:
        """Return the columns of each table, and of whatever else the file has."""
        query = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite|_%' ESCAPE '|'"
        names = [name.decode(errors="replace") for (name,) in self._database.execute(query)]
        columns = "SELECT name FROM pragma_table_info(?)"
        return {
            name: [column.decode(errors="replace") for (column,) in self._database.execute(columns, (name,))]
            for name in names
        }

    def _count(self, table: str) -> int:
        return self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def seal(self) -> None:
        """Give what the version before has written its checksums."""
        if self._is_sealed:
            return
        with telling(self.path), self._database:
            self._database.create_function("checksum_of", 2, _checksum, deterministic=True)
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("PRAGMA user_version = 0")
            for table, text, index in (("sweep", "identity", "0"), ("points", "record", "point")):
                self._database.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")
                self._database.execute(f"UPDATE {table} SET checksum = checksum_of(CAST({text} AS BLOB), {index})")
        self._is_sealed = True

    def rows(self, size: int) -> Iterator[tuple[int, bytes | None]]:
        """Yield each point of so many and its record, in order; None for one that is damaged or not of them."""
        with telling(self.path):
            outside = "SELECT point FROM points WHERE point < 0 OR point >= ?"
            for (index,) in self._database.execute(outside, (size,)):
                yield index, None
            found = self._database.execute("SELECT point, record, checksum FROM points ORDER BY point")
            while rows := found.fetchmany(AT_ONCE):
                points, records, checksums = zip(*rows, strict=True)
                if tuple(map(_checksum, records, points)) != checksums or None in checksums:
                    yield next((row[0], None) for row in rows if row[2] is None or _checksum(row[1], row[0]) != row[2])
                yield from zip(points, records, strict=True)

    def record(self, index: int) -> dict[str, Any]:
        """Return the record of a point."""
        ((text,),) = self._database.execute("SELECT record FROM points WHERE point = ?", (index,))
        return json.loads(text)

    def add(self, records: dict[int, dict[str, Any]]) -> None:
        """Keep records in one transaction, after which there is something to export."""
        texts = ((index, json.dumps(record)) for index, record in records.items())
        rows = ((index, text, _checksum(text.encode(), index)) for index, text in texts)
        with telling(self.path), self._database:
            self._database.execute("BEGIN")
            self._database.execute("PRAGMA user_version = 0")
            self._database.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?)", rows)

    @property
    def is_exported(self) -> bool:
        """Whether nothing was added since the last `put_in_order`."""
        return self._database.execute("PRAGMA user_version").fetchone() == (EXPORTED,)

    def put_in_order(self) -> None:
        """Write the file anew, the same whatever the order in which points came, and note that all is exported."""
        with (
            telling(self.path),
            replacing(self.path, "free some space") as temporary,
            closing(Journal(Path(temporary), self.identity)) as ordered,
            ordered._database as database,
        ):
            rows = self._database.execute("SELECT * FROM points ORDER BY point")
            database.executemany("INSERT INTO points VALUES (?, CAST(? AS TEXT), ?)", rows)
            database.execute(f"PRAGMA user_version = {EXPORTED}")
        self.close()
        self._connect(self.identity)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Say what can be done if a database cannot be written or read."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(
            f"{str(path)!r} could not be written ({error}), expected a folder of yours with space: "
            "finished points are kept; free some space or change its permissions, and start again."
        ) from error
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{str(path)!r} holds no sweep ({error}), expected one: choose another folder.") from error
