"""Long work in a thread, with a bar, a word on how far it is, and a button that stops it."""

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any, TypeVar

import ipywidgets as widgets

from workbench.core.errors import WorkbenchError
from workbench.core.progress import Progress

T = TypeVar("T")
STOPPED = "stopped"
logger = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The reader has pressed the button, or other work has begun."""


class Background:
    """One piece of work at a time.

    Work reports how far it is by the progress that it is given; there it ends when it is stopped. A sentence about
    what went wrong stands in the place of the bar. Hidden while there is nothing to say.
    """

    def __init__(self) -> None:
        self._bar = widgets.IntProgress(min=0, max=1, layout={"width": "220px"})
        self._stop = widgets.Button(description="Stop", icon="stop", layout={"width": "80px"})
        self.said = widgets.HTML()
        """What is being done, or what went wrong."""
        self.widget = widgets.HBox([self._bar, self._stop, self.said], layout={"align_items": "center"})
        self.widget.add_class("workbench-background")
        self._number = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop.on_click(lambda _button: self.stop())
        self._show(running=False, said="")

    @property
    def running(self) -> bool:
        """Whether work is being done."""
        return self._thread is not None and self._thread.is_alive()

    def start(
        self,
        work: Callable[[Progress], T],
        done: Callable[[T], Any],
        *,
        words: str = "working",
        cut_short: Callable[[], Any] | None = None,
    ) -> None:
        """Do work in a thread and then something with its result; earlier work is dropped.

        What comes after the work takes its turn among the kernel's other callbacks, so that these need no locks; only
        without a kernel (in a script) it happens in the thread.

        Parameters
        ----------
        work
            Takes a progress to call; may raise a WorkbenchError, which is said.
        done
            Takes what it returned; not called where it failed or was stopped.
        words
            What is being done.
        cut_short
            Called in the place of ``done``: where part of the work is worth keeping.
        """
        with self._lock:
            self._number += 1
            number = self._number
        self._bar.value, self._bar.max = 0, 1
        self._show(running=True, said=words)
        run = partial(self._run, number, work, done, words, cut_short or _nothing, _turn_taker())
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the work to end at its next step; its result is dropped."""
        with self._lock:
            self._number += 1
        self._show(running=False, said=STOPPED)

    def wait(self, timeout_s: float = 60) -> None:
        """Wait until the work is done."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def say(self, words: str) -> None:
        """Put a sentence in the place of the bar."""
        self._show(running=False, said=words)

    def _run(
        self,
        number: int,
        work: Callable[[Progress], T],
        done: Callable[[T], Any],
        words: str,
        cut_short: Callable[[], Any],
        in_turn: Callable[[Callable[[], Any]], Any],
    ) -> None:
        def progress(finished: int, of: int) -> None:
            if number != self._number:
                raise _StoppedError
            self._bar.max, self._bar.value = max(of, 1), finished
            self.said.value = escape(f"{words}: {finished} of {of}")

        try:
            found = work(progress)
        except _StoppedError:
            in_turn(cut_short)
        except Exception as error:  # noqa: BLE001 - said and logged in _end: a thread has nobody to raise it to
            in_turn(partial(self._end, number, cut_short, words, error))
        else:
            in_turn(partial(self._end, number, partial(done, found), words))

    def _end(self, number: int, act: Callable[[], Any], words: str, error: Exception | None = None) -> None:
        """Do what comes after the work and say what went wrong, if the work is still wanted."""
        if number != self._number:
            return
        try:
            act()
        except Exception as raised:  # noqa: BLE001 - likewise
            error = raised
        if number == self._number:
            self._show(running=False, said=_sentence(error, words) if error else "")

    def _show(self, *, running: bool, said: str) -> None:
        for each in (self._bar, self._stop):
            each.layout.display = None if running else "none"
        self.said.value = escape(said)
        self.widget.layout.display = None if running or said else "none"


def _sentence(error: Exception, words: str) -> str:
    if isinstance(error, WorkbenchError):
        return str(error)
    logger.error("work in the background failed", exc_info=error)
    return f"{words}: failed ({type(error).__name__}: {error})"


def _turn_taker() -> Callable[[Callable[[], Any]], Any]:
    """Return what makes a thread's callback wait for its turn in the kernel; without one it runs at once."""
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        return lambda act: act()


def _nothing() -> None:
    """Stand in for a callback that nobody wants."""
