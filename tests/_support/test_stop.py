import os
import signal

import pytest

from hetbrian._support.stop import SIGNALS, Stop


@pytest.fixture
def stop():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Stop()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_it_stops_at_once_and_remembers_what_came(stop, number):
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert stop.number == number


def test_at_the_end_it_hears_no_more(stop):
    stop.end()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.number == 0


def test_it_tells_what_an_interrupt_said_whatever_became_of_it(stop):
    assert stop.say(ValueError("a compiler")) == "Stopped; nothing was written."
    error = OSError("another")
    error.__cause__ = KeyboardInterrupt("Stopped; 3 points are kept.")
    assert stop.say(error) == "Stopped; 3 points are kept."
