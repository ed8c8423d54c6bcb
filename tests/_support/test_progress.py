import io

from hetbrian._support import progress
from hetbrian._support.progress import Bar, SweepProgress, track


def test_a_log_file_gets_a_line_now_and_then_with_rate_and_time_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    with SweepProgress(100, done=10, failed=2, stream=stream) as shown:
        assert shown.text() == "10 of 100 points, 2 failed"
        for step in range(1, 5):
            now[0] = 20.0 * step
            shown.update(10 + 4 * step, 2)
    # 4 points each 20 s; those that were there at the start do not count
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["18 of 100 points, 2 failed, 0.2 points/s, 7 min left",
                         "26 of 100 points, 2 failed, 0.2 points/s, 6 min left"]  # fmt: skip


def test_lines_are_said_as_they_are():
    stream = io.StringIO()
    with SweepProgress(1, stream=stream) as shown:
        shown.say("Dask dashboard: http://127.0.0.1:8787/status [x]")
    assert stream.getvalue().startswith("Dask dashboard: http://127.0.0.1:8787/status [x]\n")


def test_items_are_counted_as_they_pass(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    passed = []
    for item in track("abc", "reading", 3):
        passed.append(item)
        now[0] += 40.0
    assert passed == ["a", "b", "c"]
    assert capsys.readouterr().err.splitlines() == ["reading, 1 of 3, 80 s left", "reading, 2 of 3, 40 s left"]


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    stream = io.StringIO()
    stream.isatty = lambda: True
    with Bar(4, text="waiting", stream=stream) as bar:
        bar.show(2, "half of it")
    assert "\x1b[" in stream.getvalue() and "half of it" in stream.getvalue()
