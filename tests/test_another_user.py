"""What another user of the machine can do with what is cached and with what is reported; of sweeps, see study."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

import hetbrian
from hetbrian._support.cache import cache_folder, keep
from hetbrian._support.compiler import CompilerError, library, missing
from hetbrian._support.sealed import is_whole

pytestmark = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become another user"
)

NOBODY = 65534


@pytest.fixture
def place():
    """Return a folder that everybody can reach and write, as /tmp."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


def as_another(script, *arguments):
    """Run Python as another user, and return what it says."""
    begin = f"import os, shutil, sys\nos.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    command = [sys.executable, "-S", "-c", begin + textwrap.dedent(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_another_user_can_put_nothing_into_the_cache(place, monkeypatch):
    monkeypatch.setenv("HETBRIAN_CACHE", str(place / "mine"))
    (place / "made").write_bytes(b"program")
    kept = cache_folder() / ("a" * 32)
    keep(place / "made", kept)
    said = as_another(
        """
        folder, kept = sys.argv[1:]
        for attempt in (
            lambda: open(kept, "wb"), lambda: open(kept + ".blake2b", "w"), lambda: open(folder + "/" + 32*"b", "w"),
            lambda: os.listdir(folder), lambda: os.mkdir(folder + "/headers"), lambda: os.rename(folder, folder + "2"),
            lambda: os.chmod(folder, 0o777), lambda: os.unlink(kept), lambda: open(kept, "rb"),
        ):
            try:
                attempt()
                print("done")
            except PermissionError:
                print("refused")
        """,
        place / "mine",
        kept,
    )
    assert said == 9 * ["refused"] and is_whole(kept) and kept.read_bytes() == b"program"


@pytest.mark.skipif(bool(missing()), reason="no C++ compiler")
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_library_of_another_user_is_not_loaded(place, monkeypatch, kind):
    """Who makes the folder first, or a link to one, could choose what is run."""
    name = place / "cache"
    as_another(
        """
        name, kind = sys.argv[1:]
        os.mkdir(name + "_theirs" if kind == "link" else name, 0o755)
        if kind == "link":
            os.symlink(name + "_theirs", name)
        """,
        name,
        kind,
    )
    monkeypatch.setenv("HETBRIAN_CACHE", str(name))
    with pytest.raises(CompilerError, match=r"cache' belongs to another user, expected one of yours"):
        library('extern "C" int answer() { return 42; }')
    assert list(name.iterdir()) == []


def test_a_report_on_results_of_another_user_runs_nothing_of_theirs(place):
    """Their results, in their folder, with modules, protocols and a repository beside them."""
    said = as_another(
        """
        theirs, source = sys.argv[1:]
        os.makedirs(theirs + "/out"); os.makedirs(theirs + "/protocols/common"); os.makedirs(theirs + "/.git")
        code = "open(" + repr(theirs + "/ran_") + " + __name__.replace('.', '_'), 'w')\\ndef claims(dataset): pass\\n"
        for name in ("evil.py", "xarray.py", "h5netcdf.py", "fig3.py", "sitecustomize.py", "protocols/zz.py",
                     "protocols/fig3.py", "protocols/common/statements.py", "out/zz.py"):
            open(theirs + "/" + name, "w").write(code)
        for name in ("evil.py", "zz", "fig3", "../protocols/zz"):
            shutil.copy(source, theirs + "/out/" + name + ".nc")
        run = "\\"touch " + theirs + "/ran_git\\""
        with open(theirs + "/.git/config", "w") as file:
            file.write("[core]\\n fsmonitor = " + run + "\\n[filter \\"x\\"]\\n clean = " + run)
        print("made", os.getuid())
        """,
        place / "theirs",
        _readable(place),
    )
    assert said == ["made", str(NOBODY)]
    root = Path(hetbrian.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hetbrian", "report", "out", "--out", place / "r.html"],
        cwd=place / "theirs",
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "evil.py" in (place / "r.html").read_text()
    assert [path.name for path in (place / "theirs").glob("ran_*")] == []


def _readable(place):
    """Return a Dataset in a file that everybody can read."""
    import xarray

    from hetbrian.simulation.record import save

    save(xarray.Dataset({"x": ("a", [1.0])}), place / "x.nc")
    (place / "x.nc").chmod(0o644)
    return place / "x.nc"
