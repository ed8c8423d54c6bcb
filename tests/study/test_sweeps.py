import contextlib
import importlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray
from brian2 import pA

distributed = pytest.importorskip("distributed")
import psutil  # noqa: E402

from hetbrian.simulation.reuse import KEPT  # noqa: E402
from hetbrian.study import cluster  # noqa: E402
from hetbrian.study.cluster import evaluate  # noqa: E402
from hetbrian.study.grid import Grid  # noqa: E402
from hetbrian.study.sweeps import OPTIONS, SweepOptions, sweep  # noqa: E402
from tests.study import points  # noqa: E402

ROOT = Path(__file__).parents[2]
GRID = Grid(gain=((1000, 2000), pA), seed=range(6))

PROTOCOL = '''
"""A sweep of a user."""
import os
import time

import numpy as np
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep
from mine import numbers


def point(kind, seed, pause):
    """Return numbers of the seed; one point in fifty fails."""
    time.sleep(pause)
    if seed == 7:
        raise ArithmeticError(f"seed {seed} of {kind}")
    rng = np.random.default_rng(numbers.FIRST + seed)
    return {"x": rng.random(), "trace": ("time", rng.random(4))}


def compute(n_seeds=50, pause=0.0):
    """Return the sweep."""
    return sweep(point, Grid(kind=("a", "b"), seed=range(n_seeds)), pause=pause)


def summary(dataset):
    """Return what to print."""
    return f"{int((dataset.status == 1).sum())} done, {int((dataset.status == 2).sum())} failed"
'''


@pytest.fixture
def project(tmp_path):
    """A user's folder with a protocol and a package of its own."""
    folder = tmp_path / "project"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / "numbers.py").write_text("FIRST = 40\n")
    (folder / "swept.py").write_text(PROTOCOL)
    return folder


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """A cluster in a process that has not imported hetbrian, as dask-jobqueue's, in a thread that could not."""
    script = (
        "from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    options = dict(host='127.0.0.1', dashboard_address='127.0.0.1:0', silence_logs='CRITICAL')\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:\n"
        "        print(cluster.scheduler_address, flush=True)\n"
        "        input()\n"
    )
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "cluster.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, "cluster.py"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process.stdout.readline().strip()
    process.communicate("\n", timeout=60)


@pytest.fixture(autouse=True)
def program_closed():
    yield
    KEPT.close()
    KEPT.enabled = False


def arguments(*more):
    return [sys.executable, "-m", "hetbrian", "run", "swept.py", *map(str, more)]


def tree(folder):
    """Return every byte that a sweep keeps."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def n_points(folder):
    if not (folder / "points.sqlite").exists():
        return -1
    with closing(sqlite3.connect(folder / "points.sqlite")) as database, contextlib.suppress(sqlite3.OperationalError):
        return database.execute("SELECT count(*) FROM points").fetchone()[0]
    return -1  # it is just being made


def test_results_lie_over_the_grid_with_units(scheduler, tmp_path):
    dataset = sweep(points.scaled, GRID, folder=tmp_path / "s", scheduler=scheduler, factor=2 * pA)
    assert dataset.x.dims == ("gain", "seed") and dataset.gain.attrs["units"] == "pA"
    assert np.allclose(dataset.x, dataset.gain * 2 + dataset.seed, rtol=1e-14, atol=0)  # one rounding of the unit
    assert dataset.x.attrs == {"units": "pA^2"} and (dataset.status == 1).all()
    assert dataset.attrs["factor"] == "2. pA" and dataset.attrs["hetbrian"]
    kept = xarray.open_zarr(tmp_path / "s" / "points.zarr", consolidated=False)
    assert np.array_equal(kept.x, dataset.x)


def test_finished_points_are_not_computed_again(scheduler, tmp_path):
    options = {"folder": tmp_path / "s", "scheduler": scheduler, "calls": str(tmp_path / "calls")}
    first = sweep(points.counted, GRID, **options)
    assert len((tmp_path / "calls").read_text().split()) == 12
    before = tree(tmp_path / "s")
    # nothing is left to do: not even a scheduler is needed
    second = sweep(points.counted, GRID, **{**options, "scheduler": "tcp://127.0.0.1:1"})
    assert second.identical(first) and len((tmp_path / "calls").read_text().split()) == 12
    assert tree(tmp_path / "s") == before


def test_a_failed_point_is_kept_with_its_error_and_tried_again_on_request(scheduler, tmp_path):
    options = {"folder": tmp_path / "s", "scheduler": scheduler, "flag": str(tmp_path / "mended")}
    dataset = sweep(points.mendable, GRID, **options)
    assert (dataset.status == 2).sum() == 2 and (dataset.status == 1).sum() == 10
    assert dataset.error.values[0, 3] == "DivergenceError: v of neuron 3 is not finite"
    with closing(sqlite3.connect(tmp_path / "s" / "points.sqlite")) as database:
        ((text,),) = database.execute("SELECT record FROM points WHERE point = 3")
    assert json.loads(text)["parameters"] == {"gain": "1000 pA", "seed": "3"}
    (tmp_path / "mended").touch()
    assert (sweep(points.mendable, GRID, **options).status == 2).sum() == 2
    assert (sweep(points.mendable, GRID, retry_failed=True, **options).status == 1).all()


@pytest.mark.parametrize("change", [{"factor": 3 * pA}, {"grid": Grid(gain=((1000,), pA), seed=range(6))}])
def test_another_grid_or_setting_is_refused(scheduler, tmp_path, change):
    options = {"folder": tmp_path / "s", "scheduler": scheduler, "factor": 2 * pA}
    sweep(points.scaled, GRID, **options)
    grid = change.pop("grid", GRID)
    with pytest.raises(
        ValueError, match=r"holds another sweep: .* there and .* here, expected the same; choose another"
    ):
        sweep(points.scaled, grid, **{**options, **change})


def test_another_version_of_the_code_is_refused_by_the_file_that_differs(scheduler, project, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(project)
    swept = importlib.import_module("swept")
    token = OPTIONS.set(SweepOptions(tmp_path / "s", scheduler))
    try:
        assert (swept.compute(n_seeds=2).status == 1).all()
        (project / "mine" / "numbers.py").write_text("FIRST = 41\n")
        with pytest.raises(ValueError, match=r"holds another sweep: sources mine.numbers is \w+ there and \w+ here"):
            swept.compute(n_seeds=2)
    finally:
        OPTIONS.reset(token)
        for name in ("swept", "mine", "mine.numbers"):
            sys.modules.pop(name, None)


def test_all_points_failed_is_an_error_that_shows_the_first(scheduler):
    with pytest.raises(ValueError, match=r"all 12 points failed, the first with \"KeyError: 'nothing'\", expected o"):
        sweep(points.broken, GRID, scheduler=scheduler)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.long), 2])
def test_a_point_whose_process_dies_has_failed_and_no_other(workers):
    """Dask gives up after four deaths, and blames all that waited there; those are tried once more, each alone."""
    dataset = sweep(points.deadly, Grid(seed=range(8)), workers=workers)
    assert dataset.status.values.tolist() == [1, 2, 1, 1, 1, 1, 2, 1]
    assert dataset.error.values[1] == "RuntimeError: its process died each time it was computed, as for lack of memory"
    np.testing.assert_array_equal(dataset.x, [0, np.nan, 2, 3, 4, 5, np.nan, 7])


def test_a_point_that_ends_or_interrupts_itself_has_failed(scheduler):
    """And is not told as one whose process died."""
    dataset = sweep(points.leaving, Grid(seed=range(5)), scheduler=scheduler)
    assert dataset.status.values.tolist() == [1, 2, 2, 2, 1] and dataset.error.values.tolist()[1:4] == points.LEFT


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_signal_stops_a_sweep_whose_points_raise_interrupts_too(project, tmp_path, number, workers):
    text = (project / "swept.py").read_text()
    (project / "swept.py").write_text(text.replace("raise ArithmeticError(f", "raise KeyboardInterrupt(f"))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = arguments("--set", "pause=0.2", "--workers", workers, "--out", tmp_path / "o")
    process = subprocess.Popen(command, cwd=project, **pipes)
    wait_for(process, tmp_path / "o" / "sweep", 10)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number and "points are kept in" in said and "Traceback" not in said
    with closing(sqlite3.connect(tmp_path / "o" / "sweep" / "points.sqlite")) as database:
        found = [json.loads(text) for (text,) in database.execute("SELECT record FROM points ORDER BY point")]
    assert 9 < len(found) < 100
    assert found[7]["error"] == "KeyboardInterrupt: seed 7 of a, raised by the point itself"


@pytest.mark.slow
def test_an_interrupt_is_heard_by_the_first_process_only():
    """A terminal sends it to all; Python would print where each was."""
    assert sweep(points.hears, Grid(seed=range(2)), workers=1).x.values.tolist() == [0, 0]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_module_that_the_workers_lack_is_one_sentence(scheduler, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "installed_here_only", SimpleNamespace())
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lacking.py").write_text("import installed_here_only\n\n\ndef point(seed):\n    return {'x': 1}\n")
    lacking = importlib.import_module("lacking")
    message = r"a worker cannot import {}, expected hetbrian and what the protocol imports: install them where the wor"
    with pytest.raises(ImportError, match=message.format("installed_here_only")):
        sweep(lacking.point, Grid(seed=range(3)), scheduler=scheduler)

    def refuse(client, plugin):
        raise ImportError("No module", name="hetbrian")

    monkeypatch.setattr(distributed.Client, "register_plugin", refuse)
    with pytest.raises(ImportError, match=message.format("hetbrian")):
        sweep(points.broken, Grid(seed=range(3)), scheduler=scheduler)


def test_what_goes_wrong_beside_the_points_stops_the_sweep(scheduler, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "here_only.py").write_text(
        "if __file__.startswith('<'):\n    raise ArithmeticError('not here')\n\n\n"
        "def point(seed):\n    return {'x': 1}\n"
    )
    with pytest.raises(ArithmeticError, match="not here"):
        sweep(
            importlib.import_module("here_only").point, Grid(seed=range(3)), folder=tmp_path / "s", scheduler=scheduler
        )
    assert n_points(tmp_path / "s") == 0


def test_an_unknown_scheduler_is_one_sentence(monkeypatch):
    monkeypatch.setattr("hetbrian.study.cluster.TIMEOUT", 0.5)
    with pytest.raises(
        OSError, match=r"no scheduler answers at 'tcp://127.0.0.1:1', expected the address of a running"
    ):
        sweep(points.broken, GRID, scheduler="tcp://127.0.0.1:1")


def test_where_to_run_is_checked():
    with pytest.raises(ValueError, match=r"workers is -1, expected at least 0: leave it out for one per core"):
        sweep(points.broken, GRID, workers=-1)
    with pytest.raises(ValueError, match=r"scheduler is 'tcp://a:1' and workers 2, expected one of them"):
        sweep(points.broken, GRID, scheduler="tcp://a:1", workers=2)


def test_the_command_line_says_where_to_run_and_watches(scheduler, tmp_path, monkeypatch):
    seen = []
    token = OPTIONS.set(SweepOptions(tmp_path / "s", scheduler, None, False, lambda dataset: seen.append(dataset)))
    try:
        dataset = sweep(points.scaled, GRID, view=lambda data: data.assign_attrs(mine=1), factor=1 * pA)
    finally:
        OPTIONS.reset(token)
    assert dataset.attrs["mine"] == 1 and n_points(tmp_path / "s") == 12
    assert seen and set(seen[0].variables) == set(dataset.variables) and seen[0].attrs["mine"] == 1


def test_a_stop_says_what_is_kept(scheduler, tmp_path):
    def stop(dataset):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"Stopped; \d+ of 12 points are kept in .*, and the same command goes"):
        sweep(points.scaled, GRID, folder=tmp_path / "s", scheduler=scheduler, watch=stop, factor=1 * pA)
    assert n_points(tmp_path / "s") > 0


@pytest.mark.standalone
def test_a_compiler_error_is_a_failed_point(monkeypatch, tmp_path):
    from hetbrian.study.transport import travelling

    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for name in ("tests", "tests.study", "tests.study.points"):
        monkeypatch.setitem(sys.modules, name, sys.modules[name])  # a worker loads its own
    (text,) = evaluate(travelling(points.compiled), [{"seed": 1}])
    found = json.loads(text)
    assert "error" in found and "Error" in found["error"]


def test_at_most_a_few_points_are_on_their_way(scheduler, monkeypatch):
    sent, most = set(), 0
    submit = distributed.Client.submit

    def watched(client, *args, key, **options):
        nonlocal most
        sent.add(key)
        most = max(most, len(sent))
        return submit(client, *args, key=key, **options)

    original = cluster._result

    def finished(future):
        sent.discard(future.key)
        return original(future)

    monkeypatch.setattr(distributed.Client, "submit", watched)
    monkeypatch.setattr(cluster, "_result", finished)
    sweep(points.scaled, Grid(gain=(1.0,), seed=range(300)), scheduler=scheduler, factor=1.0)
    assert 2 <= most <= 2 * cluster.AHEAD


def test_a_result_that_was_lost_with_its_worker_is_waited_for(scheduler, monkeypatch):
    lost, status = set(), distributed.Future.status.fget

    def once_lost(future):
        if sys._getframe(1).f_code.co_filename != cluster.__file__ or future.key in lost:
            return status(future)
        lost.add(future.key)
        return "lost"

    monkeypatch.setattr(distributed.Future, "status", property(once_lost))
    dataset = sweep(points.scaled, GRID, scheduler=scheduler, parameters={"factor": 2 * pA})
    assert (dataset.status == 1).all() and 6 <= len(lost) <= 12  # tasks, of a point or two


@pytest.mark.long
def test_ten_kills_at_random_moments_change_no_byte(project, tmp_path):
    """Client, worker, or everything, with SIGKILL; the seed fixes when by the points that are there by then."""
    rng = np.random.default_rng(11)
    command = arguments("--set", "pause=0.1", "--workers", 2, "--out")
    killed = tmp_path / "killed"
    kills = {"client": 0, "worker": 0, "all": 0}
    for victims in (
        ("worker", "worker", "client"),
        ("all",),
        ("worker", "all"),
        ("client",),
        ("worker", "worker", "all"),
    ):
        process = subprocess.Popen(
            [*command, killed],
            cwd=project,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        for victim in victims:
            wait_for(process, killed / "sweep", int(rng.integers(1, 8)))
            time.sleep(rng.uniform(0, 0.1))
            workers = [
                child for child in psutil.Process(process.pid).children() if "spawn_main" in str(child.cmdline())
            ]
            assert process.poll() is None, "it has to be stopped before it is done"
            if victim == "worker":
                workers[rng.integers(len(workers))].kill()
            elif victim == "client":
                process.kill()
                psutil.wait_procs(workers, timeout=30)
                assert not any(worker.is_running() for worker in workers), "workers end with their client"
            else:
                os.killpg(process.pid, signal.SIGKILL)
            kills[victim] += 1
        process.wait(timeout=60)
    assert sum(kills.values()) == 10 and min(kills.values()) >= 2
    there = n_points(killed / "sweep")
    assert 10 < there < 100
    for folder, n_workers in ((killed, 2), (tmp_path / "undisturbed", 1)):
        command = arguments("--set", "pause=0.1", "--workers", n_workers, "--out", folder)
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "98 done, 2 failed" in done.stdout
    assert tree(killed / "sweep") == tree(tmp_path / "undisturbed" / "sweep")


def wait_for(process, folder, more):
    """Wait until some more points are there."""
    start, deadline = n_points(folder), time.monotonic() + 60
    while n_points(folder) < max(start, 0) + more and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.002)


@pytest.mark.slow
def test_a_scheduler_and_workers_started_by_hand_elsewhere(project, tmp_path):
    """They have hetbrian, but neither the protocol nor its package; then the scheduler goes away."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    quiet = {"cwd": elsewhere, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    started = [subprocess.Popen([*dask, "scheduler", *local, "--port", "0", "--scheduler-file", "s.json"], **quiet)]
    try:
        while not (elsewhere / "s.json").exists() or not (elsewhere / "s.json").read_text().strip():
            time.sleep(0.05)
        address = json.loads((elsewhere / "s.json").read_text())["address"]
        run = arguments("--scheduler", address, "--out")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        done = subprocess.Popen([*run, tmp_path / "o"], cwd=project, **pipes)
        assert f"No worker is connected to '{address}'; waiting for one.\n" in done.stderr  # reads until it comes
        started += [
            subprocess.Popen([*dask, "worker", address, *local, "--nthreads", "1", "--no-nanny"], **quiet)
            for _ in range(2)
        ]
        said, errors = done.communicate(timeout=300)
        assert done.returncode == 0, errors
        assert "98 done, 2 failed" in said
        assert address.startswith("tcp://127.0.0.1:")

        stopped = subprocess.Popen(
            [*run, tmp_path / "p", "--set", "pause=0.1"], cwd=project, stderr=subprocess.PIPE, text=True
        )
        wait_for(stopped, tmp_path / "p" / "sweep", 3)
        started[0].kill()
        said = " ".join(stopped.communicate(timeout=90)[1].split())
        assert stopped.returncode == 1 and n_points(tmp_path / "p" / "sweep") >= 3
        assert f"the scheduler at '{address}' was lost, expected it to stay: finished points are kept" in said
        assert "Traceback" not in said
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_this_process_computes_without_dask(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "computed_there", None)
    options = {"parameters": {"factor": 2 * pA}, "folder": tmp_path / "s", "workers": 0}
    dataset = sweep(points.scaled, GRID, **options)
    assert np.allclose(dataset.x, dataset.gain * 2 + dataset.seed, rtol=1e-14, atol=0) and not KEPT.enabled
    assert dataset.identical(sweep(points.scaled, GRID, parameters={"factor": 2 * pA}, workers=0))
    monkeypatch.setitem(OPTIONS.get().__dict__, "workers", 2)  # arguments go before what the command line said
    before = tree(tmp_path / "s")
    assert sweep(points.scaled, GRID, **options).identical(dataset) and tree(tmp_path / "s") == before


def test_an_error_in_this_process_is_kept_as_elsewhere(tmp_path):
    dataset = sweep(points.mendable, GRID, workers=0, parameters={"flag": str(tmp_path / "mended")})
    assert (dataset.status == 2).sum() == 2
    assert dataset.error.values[0, 3] == "DivergenceError: v of neuron 3 is not finite"
    with pytest.raises(ValueError, match=r"all 12 points failed, .* correct that and start again\."):
        sweep(points.broken, GRID, workers=0)
    with pytest.raises(
        ValueError, match=r"all 12 points failed, .* correct that and start again with --retry-failed\."
    ):
        sweep(points.broken, GRID, workers=0, folder=tmp_path / "s")


def test_an_error_of_a_point_is_kept_with_the_users_lines(scheduler, tmp_path):
    """The same ones in this process and in a worker, so that the store is the same."""
    expected = ['tests.study.points.broken, line 35: raise KeyError("nothing")']
    for name, options in (("here", {"workers": 0}), ("there", {"scheduler": scheduler})):
        with pytest.raises(ValueError, match=r"with --retry-failed\.\n  tests.study.points.broken, line 35: raise Key"):
            sweep(points.broken, Grid(gain=(1.0,), seed=range(2)), folder=tmp_path / name, **options)
        with closing(sqlite3.connect(tmp_path / name / "points.sqlite")) as database:
            found = [json.loads(text) for (text,) in database.execute("SELECT record FROM points")]
        assert [record["lines"] for record in found] == 2 * [expected]
    assert tree(tmp_path / "here") == tree(tmp_path / "there")


def test_parameters_may_have_the_names_of_options(tmp_path):
    grid = Grid(seed=range(2))
    parameters = {"folder": "here", "workers": 3}
    dataset = sweep(points.greedy, grid, workers=0, folder=tmp_path / "s", parameters=parameters)
    assert dataset.x.values.tolist() == [3, 4] and dataset.attrs["folder"] == "here" and n_points(tmp_path / "s") == 2
    assert sweep(points.greedy, grid, workers=0, parameters=parameters).x.identical(dataset.x)


@pytest.mark.parametrize(
    ("point", "arguments", "message"),
    [
        (
            "greedy",
            {"workers": 0},
            r"workers is an argument of sweep and a parameter of greedy, expected to know which",
        ),
        ("greedy", {"folder": "x"}, r"give that of the point as parameters=\{'folder': ...\}"),
        (
            "counted",
            {"seed": 3},
            "seed is given twice, expected it in the grid, in parameters or as a keyword: leave",
        ),
        ("counted", {"parameters": {"gain": 3}}, "gain is given twice, expected"),
        ("counted", {"parameters": {"calls": 1}, "calls": 1}, "calls is given twice, expected"),
    ],
)
def test_names_that_could_mean_two_things_are_refused(point, arguments, message):
    with pytest.raises(ValueError, match=message):
        sweep(getattr(points, point), GRID, **arguments)


def test_a_name_is_a_folder_in_the_folder(tmp_path):
    for name in ("", "second"):
        sweep(points.scaled, GRID, name=name, folder=tmp_path / "s", workers=0, parameters={"factor": 1 * pA})
    assert n_points(tmp_path / "s") == n_points(tmp_path / "s" / "second") == 12


def test_conditions_are_an_axis_of_parameters():
    conditions = {"plain": {"factor": 1 * pA}, "double": {"factor": 2 * pA}}
    dataset = sweep(points.scaled, Grid(condition=conditions, gain=((1, 2), pA), seed=(0,)), workers=0)
    assert np.allclose(dataset.x.values[..., 0], [[1, 2], [2, 4]], rtol=1e-14)
    assert dataset.condition.values.tolist() == ["plain", "double"]


def test_what_the_point_does_not_need_may_change(monkeypatch, tmp_path):
    """The sweep goes on after the cochlea was edited, and not after FORCE or a template was."""
    from hetbrian.study import closure, transport

    copied = tmp_path / "hetbrian"
    shutil.copytree(closure.PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    for module in (closure, transport):
        monkeypatch.setattr(module, "PACKAGE", copied)
    options = {"folder": tmp_path / "s", "workers": 0}
    first = sweep(points.learner, Grid(seed=range(2)), **options)
    for name, message in (
        ("training/data/cochlea.py", None),
        ("readout/force.py", "sources hetbrian/readout/force.py is"),
        ("codegen/templates/cpp/force.cpp", "sources hetbrian/codegen/templates/cpp/force.cpp is"),
    ):
        text = (copied / name).read_text()
        (copied / name).write_text(text + "\n// edited\n" if name.endswith(".cpp") else text + "\n# edited\n")
        if message is None:
            assert sweep(points.learner, Grid(seed=range(2)), **options).identical(first)
        else:
            with pytest.raises(ValueError, match=f"holds another sweep: {message} .* there and .* here"):
                sweep(points.learner, Grid(seed=range(2)), **options)
        (copied / name).write_text(text)


def test_processes_need_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "hetbrian.study.cluster", raising=False)
    with pytest.raises(
        ImportError, match=r"distributed is not installed, expected it for sweeps: pip install 'hetbrian\[sweep"
    ):
        sweep(points.scaled, GRID, parameters={"factor": 2 * pA}, workers=2)


def test_without_dask_and_zarr_points_are_computed_here_and_kept_in_the_database(monkeypatch, tmp_path, capfd):
    given = {"parameters": {"factor": 2 * pA}, "folder": tmp_path / "s"}
    with monkeypatch.context() as patch:
        for name in ("distributed", "zarr"):
            patch.setitem(sys.modules, name, None)
        found = sweep(points.scaled, GRID, **given)
    assert (
        "dask is not installed, so one point after the other: pip install 'hetbrian[sweep]'" in capfd.readouterr().err
    )
    assert not (tmp_path / "s" / "points.zarr").exists()
    assert sweep(points.scaled, GRID, workers=0, **given).identical(found)  # with zarr again: nothing to compute
    assert xarray.open_zarr(tmp_path / "s" / "points.zarr", consolidated=False).sizes == found.sizes


def test_what_zarr_lacks_is_named_and_every_point_kept(monkeypatch, tmp_path):
    given = {"parameters": {"factor": 2 * pA}, "folder": tmp_path / "s", "workers": 0}
    with monkeypatch.context() as patch:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("zarr", "numcodecs")]:
            patch.delitem(sys.modules, name)
        patch.setitem(sys.modules, "numcodecs", None)
        with pytest.raises(ImportError, match=r"^numcodecs\S* is not installed, .* pip install 'hetbrian\[sweep\]'\.$"):
            sweep(points.scaled, GRID, **given)
    found = sweep(points.scaled, GRID, **given)
    assert (found.status == 1).all() and (tmp_path / "s" / "points.zarr").exists()


def test_a_base_install_runs_the_demo_and_reports_it(tmp_path):
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('bokeh', 'cloudpickle', 'dask', 'distributed', 'torch', 'zarr')))\n"
        "from hetbrian.cli import app\n"
        "app(standalone_mode=False)\n"
    )
    small = ["--small", "--device", "numpy"]
    tiny = [
        "--n_neurons",
        "20",
        "--eta_half_widths",
        "(0,500)*pA",
        "--g_half_widths",
        "(0,500)*pA",
        "--thetas",
        "(0,0.5)",
        "--start",
        "50*ms",
        "--stop",
        "200*ms",
        "--duration",
        "0.4*second",
    ]
    for command in (["run", "demo", *small], ["run", "fig3", *small, *tiny], ["report", "out"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "A homogeneous and a heterogeneous network learn" in (tmp_path / "report.html").read_text()
