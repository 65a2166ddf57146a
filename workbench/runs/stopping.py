"""SIGTERM and SIGUSR1, by which clusters announce the end of a job's time, treated as Ctrl-C is: stop and keep."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """The process was asked to end by a signal; runs at work are interrupted and can be resumed."""


@contextmanager
def heeding_stop_signals() -> Iterator[None]:
    """Raise :class:`Stopped` in the block when SIGTERM or SIGUSR1 comes.

    Once: while the block ends, further signals change nothing, because clusters send them to every process of a job,
    and some of them twice. Outside the main thread no signal arrives, and nothing is done; nor within another such
    block.

    Yields
    ------
    None
        While signals are heeded.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or isinstance(signal.getsignal(signal.SIGTERM), _StopOnce):
        yield
        return
    stop = _StopOnce()
    before = {number: signal.signal(number, stop) for number in NUMBERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _StopOnce:
    """A signal handler that raises the first time it is called."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if not self._asked:
            self._asked = True
            raise Stopped(f"asked to end by {signal.Signals(number).name}")
