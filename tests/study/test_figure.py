import subprocess
import sys

import numpy as np
import pytest
import xarray
from matplotlib.image import imread

from hetbrian.study.figure import RunPicture


def dataset(n_times, **others):
    times = np.arange(n_times) / 1000
    z = ("time", "output"), np.sin(30 * times)[:, None]
    return xarray.Dataset({"z": z, "y": z, **others}, {"time": times}, {"duration": 2.0})


def test_the_picture_of_a_run_is_drawn_over_its_whole_time_as_soon_as_there_is_something(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    spans = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (spans.append(self.axes[-1].get_xlim()), save(self, *a, **k))[1]
    )
    picture = RunPicture(tmp_path / "watch")
    picture(dataset(1))
    assert picture.paths == [] and not list(tmp_path.iterdir())
    picture(dataset(500))
    assert spans == [(0.0, 2.0)]
    assert [path.name for path in picture.paths] == ["watch.png"]
    assert np.ptp(imread(tmp_path / "watch.png")[..., :3]) > 0.5


def test_a_run_without_an_output_cannot_be_watched(tmp_path):
    message = r"the run records v, expected output 'z' and target 'y' to watch: record them too, or leave --watch out"
    with pytest.raises(ValueError, match=message):
        RunPicture(tmp_path / "watch")(dataset(0).rename(z="v").drop_vars("y"))


def watch(folder, text):
    (folder / "mine.py").write_text(text)
    command = [sys.executable, "-m", "hetbrian", "run", "mine.py", "--watch", "--out", "o"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


RUN = """
from brian2 import ms
import hetbrian as hb
from hetbrian.published import force_network

def compute(seed=0):
    return hb.simulate(force_network, 60*ms, seed=seed, device="numpy", n_neurons=20, start=10*ms, stop=40*ms)
"""


def test_the_command_line_draws_a_single_run_while_it_trains(tmp_path):
    done = watch(tmp_path, RUN)
    assert done.returncode == 0, done.stderr
    assert "watch.png" in done.stderr and (tmp_path / "o" / "watch.png").stat().st_size > 10_000


def test_the_command_line_says_that_there_was_nothing_to_watch(tmp_path):
    done = watch(tmp_path, "import xarray\ndef compute(seed=0):\n    return xarray.Dataset()\n")
    assert done.returncode == 0, done.stderr
    assert "--watch drew nothing: mine ran no network in this process" in " ".join(done.stderr.split())
