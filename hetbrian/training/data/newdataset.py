"""A data set of one's own in the folder and the layout of a published one: there whole, or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from hetbrian._support.files import writable
from hetbrian._support.scratch import temporary_folder
from hetbrian.training.data.formats import write_archive
from hetbrian.training.data.originals import STAND_IN, DataSet, archive_of


@dataclass(frozen=True)
class NewDataSet:
    """
    Hold where a data set is made; `of` refuses a place that is taken, before anything is computed.

    Parameters
    ----------
    target : Path
        Its folder, which is not there yet.
    archives : tuple of str
        The files that tonic looks for beside its splits.
    """

    target: Path
    archives: tuple[str, ...]

    @classmethod
    def of(cls, data: DataSet, splits: Iterable[str], out: str | PathLike[str]) -> "NewDataSet":
        """
        Return the place of a data set among others.

        Parameters
        ----------
        data : DataSet
            Whose layout it has.
        splits : iterable of str
            Those that it will have.
        out : path-like
            Folder of data sets, made if it is not there.

        Returns
        -------
        NewDataSet

        Raises
        ------
        FileExistsError
            If the folder is there already.
        OSError
            If ``out`` cannot be written.
        ImportError
            If tonic is not installed.
        """
        target = writable(out, "choose another --out") / data.kind
        if target.exists():
            raise FileExistsError(
                f"{str(target)!r} is there already, expected a new folder: remove it, or choose another."
            )
        return cls(target, tuple(archive_of(data, split)[0] for split in splits))

    @contextmanager
    def written(self, note: str) -> Iterator[Path]:
        """
        Yield an empty folder that becomes the data set's at the end; after an error nothing is left.

        Parameters
        ----------
        note : str
            What the files are, for who finds them: it says that they are not the published ones.

        Yields
        ------
        Path
        """
        with temporary_folder(self.target.parent) as temporary:
            made = temporary / self.target.name
            made.mkdir()
            yield made
            (made / STAND_IN).write_text(note, encoding="utf-8")
            for archive in self.archives:
                write_archive(made / archive, note)
            made.rename(self.target)
