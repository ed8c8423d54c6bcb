import pytest

from hetbrian.study.sweeps import OPTIONS, SweepOptions


@pytest.fixture(autouse=True)
def here():
    """Sweep in this process: workers, which take ten seconds to start, are tested in tests/study/test_sweeps.py."""
    token = OPTIONS.set(SweepOptions(workers=0))
    yield
    OPTIONS.reset(token)
