import time

import numpy as np
import pytest
from brian2 import ms

from hetbrian import simulate
from hetbrian.published import force_network
from hetbrian.simulation import watching
from hetbrian.simulation.watching import WATCH, Watcher

RUN = {"n_neurons": 40, "start": 20 * ms, "stop": 60 * ms, "seed": 3, "device": "numpy"}


@pytest.fixture
def seen(monkeypatch):
    """Return the Datasets that who watches gets, of every look that is possible."""
    monkeypatch.setattr(watching, "LEAST", 0.0)
    monkeypatch.setattr(watching, "SHARE", 0)
    found = []
    token = WATCH.set(found.append)
    yield found
    WATCH.reset(token)


def test_a_run_that_is_watched_shows_what_it_samples_and_stays_the_same_bit_for_bit(seen):
    record = ("z", "y", "weights", "spikes", "rate")
    watched = simulate(force_network, 100 * ms, record=record, **RUN)
    first, last = seen[0], seen[-1]
    assert first.sizes["time"] == 0 and set(last.data_vars) == {"z", "y"}  # weights are not read while it learns
    np.testing.assert_array_equal(last.z, watched.z)
    assert last.attrs == {name: watched.attrs[name] for name in last.attrs}
    assert last.attrs["duration"] == 0.1 and "start" in last.attrs["parameters"]
    n_seen = len(seen)
    token = WATCH.set(None)
    alone = simulate(force_network, 100 * ms, record=record, **RUN)
    WATCH.reset(token)
    assert len(seen) == n_seen
    assert watched.identical(alone)


def test_who_watches_an_output_that_is_wrong_stops_the_run_before_it_begins():
    def refuse(dataset):
        raise ValueError(f"{dataset.sizes['time']} samples")

    token = WATCH.set(refuse)
    try:
        with pytest.raises(ValueError, match="0 samples"):
            simulate(force_network, 100 * ms, **RUN)
    finally:
        WATCH.reset(token)


def test_a_program_that_shows_nothing_is_refused(seen):
    message = r"device is 'cpp_standalone', whose program shows nothing before it ends, expected runtime, numpy or"
    with pytest.raises(ValueError, match=message):
        simulate(force_network, 100 * ms, **RUN | {"device": "cpp_standalone"})


def test_looking_takes_a_small_share_of_the_time(monkeypatch):
    now, looks = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def look(dataset):
        looks.append(now[0])
        now[0] += 0.5  # what looking takes

    watcher = Watcher(look, lambda: None)
    for _ in range(350):
        watcher.look()
        now[0] += 0.1
    assert len(looks) == 4 and np.all(np.diff(looks) > 9.99)  # 0.5 s are a twentieth of them
    n_before = len(looks)
    watcher.look(is_last=True)
    assert len(looks) == n_before + 1
