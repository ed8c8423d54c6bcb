import numpy as np
import pytest

from hetbrian.training.data.standins.gestures import LIGHTS, Subject, arms, gesture_events

TIMES = np.arange(0, 3, 0.005)


def hands(label, seed=0):
    rng = np.random.default_rng(seed)
    return arms(label, TIMES, Subject.draw(rng), rng)[:, :, 2]


def travelled(path):
    return np.linalg.norm(np.diff(path, axis=0), axis=1).sum()


@pytest.mark.parametrize(("label", "moving"), [(1, 0), (2, 1), (3, 0), (4, 0), (5, 1), (6, 1)])
def test_one_arm_moves_and_the_other_hangs(label, moving):
    paths = hands(label)
    assert travelled(paths[:, moving]) > 5 * travelled(paths[:, 1 - moving])
    # the right hand is on the left of the picture
    assert paths[:, 0, 0].mean() < paths[:, 1, 0].mean()


@pytest.mark.parametrize(("label", "side", "clockwise"), [(3, 0, True), (4, 0, False), (5, 1, True), (6, 1, False)])
def test_circles_turn_the_way_they_should(label, side, clockwise):
    path = hands(label)[:, side]
    d = np.gradient(path - path.mean(axis=0), axis=0)
    turning = (path - path.mean(axis=0))[:, 0] * d[:, 1] - (path - path.mean(axis=0))[:, 1] * d[:, 0]
    assert ((turning > 0) == clockwise).mean() > 0.95  # y points down, so clockwise is positive


def test_hands_mirror_each_other_when_they_clap_and_alternate_when_they_drum():
    clap, drum = hands(0)[..., 0], hands(8)[..., 0]
    assert (clap[:, 1] - clap[:, 0]).min() < 0.3 * (clap[:, 1] - clap[:, 0]).max()
    assert np.corrcoef(clap.T)[0, 1] < -0.9
    assert np.corrcoef(drum.T)[0, 1] > 0.9


def test_something_else_differs_every_time():
    assert np.abs(hands(10, 1) - hands(10, 2)).max() > 10


def test_events_have_the_light_of_the_recording():
    sizes = {}
    for light in LIGHTS:
        rng = np.random.default_rng(3)
        times, x, y, _ = gesture_events(1, Subject.draw(rng), light, 0.3, rng)
        assert times.max() <= 0.3 + 1e-9 and x.min() >= 0 and y.max() <= 127
        sizes[light] = len(times)
    assert len(set(sizes.values())) == len(LIGHTS)
