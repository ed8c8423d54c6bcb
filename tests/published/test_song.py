"""The figure of a song: target and output are both seen, and differences are those of each replay."""

import itertools

import matplotlib
import numpy as np
import pytest
import xarray

from hetbrian.published.figures.song import draw

matplotlib.use("Agg")


@pytest.fixture
def song():
    time = np.arange(-0.5, 1.0, 0.01)
    y = np.stack([np.abs(np.sin(3 * time)), np.abs(np.cos(5 * time))], axis=1)
    values = {"y": (("time", "output"), y), "z": (("time", "output"), 0.9 * y)}
    values["correlation"] = (("replay", "output"), np.array([[0.99, 0.9], [1.0, 0.5]]))
    coordinates = {"time": time + 2.0, "output": ["500 Hz", "800 Hz"]}
    return xarray.Dataset(values, coordinates, {"learning_stop": 2.0, "period": 0.5})


def test_the_target_is_a_line_above_the_area_of_the_output(song):
    before = song.copy(deep=True)
    traces, _ = draw(song)
    assert song.identical(before)
    lines = [line for line in traces.get_lines() if len(line.get_xdata()) > 2]
    for row, line in enumerate(lines):
        np.testing.assert_allclose(line.get_ydata(), row + 0.85 * song.y[:, row])
        assert all(line.get_zorder() > area.get_zorder() for area in traces.collections)
    highest = [area.get_paths()[0].vertices[:, 1].max() for area in traces.collections]
    np.testing.assert_allclose(highest, [0.85 * 0.9 * song.y[:, 0].max(), 1 + 0.85 * 0.9 * song.y[:, 1].max()])
    assert len(lines) == len(highest) == 2
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("correlation", [[0.9979, 0.9925], [1.0, 0.5], [0.99, np.nan], [np.nan, np.nan]])
def test_labels_of_the_differences_do_not_overlap(song, correlation):
    song["correlation"] = (("replay", "output"), np.array([correlation]))
    _, differences = draw(song)
    differences.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in differences.get_xticklabels(which="both") if label.get_text()]
    places = sorted((box.x0, box.x1) for box in boxes if box.width)
    assert all(right <= left for (_, right), (left, _) in itertools.pairwise(places))
    low, high = differences.get_xlim()
    assert sum(low <= tick <= high for tick in differences.get_xticks()) >= 2, "a scale has two marks"
    matplotlib.pyplot.close("all")


def test_differences_are_those_of_each_replay_and_everything_has_a_name(song):
    traces, differences = draw(song)
    shown = {line.get_label(): line.get_xdata() for line in differences.get_lines()}
    np.testing.assert_allclose(shown["replay 1"], [0.01, 0.1])
    np.testing.assert_allclose(shown["replay 2"], [1e-6, 0.5])  # a perfect one is at the edge
    (legend,) = traces.figure.legends
    names = {text.get_text() for text in legend.get_texts()}
    assert names == {"output", "target", "still learning", "next replay", "replay 1", "replay 2"}
    matplotlib.pyplot.close("all")
