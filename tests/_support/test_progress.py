import io

from hetbrian._support import progress
from hetbrian._support.progress import SweepProgress


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
