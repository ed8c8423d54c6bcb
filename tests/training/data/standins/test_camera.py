import numpy as np

from hetbrian.training.data.standins.camera import EventCamera

EXACT = EventCamera(threshold=0.2, mismatch=0, jitter=0, noise=0)


def rng():
    return np.random.default_rng(0)


def test_events_follow_the_logarithm_up_and_down():
    """ON at 0.2, 0.4, ... on the way up; OFF one threshold below the last ON, and so on down."""
    times = np.linspace(0, 2, 41)
    level = 1.05 * (1 - np.abs(times - 1))
    when, _, _, on = EXACT.events(np.exp(level)[:, None, None], times, rng())
    up = np.array([0.2, 0.4, 0.6, 0.8, 1.0]) / 1.05
    down = 2 - np.array([0.8, 0.6, 0.4, 0.2, 0.0]) / 1.05
    assert np.abs(when[:5] - up).max() < 1e-9
    assert np.abs(when[5:9] - down[:4]).max() < 1e-9
    assert on[:5].all() and not on[5:].any()
    assert len(when) in (9, 10)  # whether the last comes is decided by rounding


def test_pixels_are_where_the_picture_changes():
    film = np.ones((2, 5, 7))
    film[1, 3, 6] = 2
    film[1, 0, 2] = 0.6
    times, x, y, on = EXACT.events(film, np.array([0.0, 1.0]), rng())
    assert {(int(a), int(b), bool(c)) for a, b, c in zip(x, y, on, strict=True)} == {(6, 3, True), (2, 0, False)}
    assert (x == 6).sum() == int(np.log(2) / 0.2)
    assert (np.diff(times) >= 0).all()


def test_a_still_picture_sends_noise_only():
    film, times = np.full((3, 50, 50), 0.5), np.array([0.0, 1.0, 2.0])
    assert len(EXACT.events(film, times, rng())[0]) == 0
    noisy = EventCamera(noise=2.0).events(film, times, rng())[0]
    assert abs(len(noisy) - 10000) < 4 * 100  # Poisson
    assert noisy.min() >= 0 and noisy.max() <= 2


def test_mismatch_changes_the_number_of_events_of_a_pixel():
    film = np.exp(np.linspace(0, 10, 3))[:, None, None] * np.ones((1, 40, 40))
    counts = [
        np.bincount(y * 40 + x, minlength=1600)
        for camera in (EXACT, EventCamera(threshold=0.2, mismatch=0.1, jitter=0, noise=0))
        for _, x, y, _ in [camera.events(film, np.linspace(0, 1, 3), rng())]
    ]
    assert counts[0].std() == 0
    # 50 thresholds of relative deviation 0.1
    assert 4 < counts[1].std() < 7
