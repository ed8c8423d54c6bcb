import os
import signal

import pytest

from hetbrian._support.stop import SIGNALS, Stop


@pytest.fixture
def stop():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    if signal.SIGHUP in SIGNALS:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also where the tests run under nohup
    heard = Stop()
    heard.listen()
    yield heard
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
    assert stop.say(ValueError("a compiler")) == "Stopped; nothing unfinished was written."
    error = OSError("another")
    error.__cause__ = KeyboardInterrupt("Stopped; 3 points are kept.")
    assert stop.say(error) == "Stopped; 3 points are kept."


def test_a_terminal_that_goes_away_is_not_heard_under_nohup():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        heard = Stop()
        heard.listen()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and signal.getsignal(signal.SIGTERM) is heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_it_listens_again_after_another_has_put_itself_in_front(stop):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stop.listen()
    assert signal.getsignal(signal.SIGINT) is stop


def test_it_leaves_with_the_status_of_the_signal_and_says_what_is_kept(stop, capsys):
    stop.number = signal.SIGHUP
    with pytest.raises(SystemExit) as left:
        stop.leave(KeyboardInterrupt("Stopped; 3 points are kept."))
    assert left.value.code == 129 and capsys.readouterr().err == "Stopped; 3 points are kept.\n"
