import numpy as np

from hetbrian.training.data.standins.saccades import CORNERS, SACCADE, digits, film, saccade_events


def middle(frame):
    weights = frame - 0.12
    y, x = np.mgrid[:34, :34]
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


def test_the_picture_goes_round_a_triangle():
    blob = np.zeros((8, 8))
    blob[3:5, 3:5] = 16
    frames, times = film(blob)
    assert times[-1] == 3 * SACCADE
    corners = [middle(frames[at]) for at in (0, 15, 30, 45)]
    assert np.abs(np.diff(corners, axis=0) - np.diff(CORNERS, axis=0)).max() < 0.05
    assert np.abs(np.mean([corners[0], corners[2]], axis=0)[0] - 16.5) < 0.1


def test_events_of_digits_are_like_those_of_n_mnist():
    """Counts of 1000 real samples: 4130 events on average, 305 to 316 ms, as many ON as OFF."""
    images, labels = digits()
    assert len(images) == len(labels) == 1797
    sizes = []
    for image in images[:8]:
        times, x, y, on = saccade_events(image, np.random.default_rng(1))
        sizes.append(len(times))
        assert 0.3 < times.max() <= 0.315 and (np.diff(times) >= 0).all()
        assert min(x.min(), y.min()) >= 0 and max(x.max(), y.max()) <= 33
        assert 0.4 < on.mean() < 0.6
    assert 3000 < np.mean(sizes) < 5500
