"""Long work: its result, its errors, its end by hand, and whose thread goes on afterwards."""

import asyncio
import threading

import pytest

from workbench.core.errors import ModelError
from workbench.dashboards.background import STOPPED, Background


@pytest.fixture
def background():
    made = Background()
    yield made
    made.stop()
    made.wait()


def shown(background):
    return background.widget.layout.display != "none"


def test_work_is_done_and_nothing_stays_to_be_said(background):
    found = []
    background.start(lambda progress: [progress(1, 2), progress(2, 2), 7][-1], found.append, words="counting")
    background.wait()
    assert found == [7]
    assert not background.running
    assert not shown(background)


def test_progress_is_shown_in_words(background):
    begun, go_on = threading.Event(), threading.Event()

    def work(progress):
        progress(3, 12)
        begun.set()
        go_on.wait(10)

    background.start(work, print, words="counting <films>")
    assert begun.wait(10)
    assert background.said.value == "counting &lt;films&gt;: 3 of 12"
    assert shown(background)
    go_on.set()


def test_stopped_work_is_dropped_and_what_is_worth_keeping_is_kept(background):
    begun, go_on, found, kept = threading.Event(), threading.Event(), [], []

    def work(progress):
        begun.set()
        go_on.wait(10)
        progress(1, 2)
        return "too late"

    background.start(work, found.append, cut_short=lambda: kept.append("half"))
    assert begun.wait(10)
    background.stop()
    go_on.set()
    background.wait()
    assert (found, kept) == ([], ["half"])
    assert background.said.value == STOPPED


@pytest.mark.parametrize(
    ("error", "words"), [(ModelError("no film could be read"), "no film"), (KeyError("c1"), "counting: failed")]
)
def test_what_goes_wrong_is_a_sentence(background, error, words):
    found, kept = [], []

    def work(progress):
        raise error

    background.start(work, found.append, words="counting", cut_short=lambda: kept.append("half"))
    background.wait()
    assert background.said.value.startswith(words)
    assert (found, kept) == ([], ["half"])


def test_a_result_that_cannot_be_shown_is_a_sentence_too(background):
    def show(_found):
        raise ModelError("no such layer")

    background.start(lambda progress: 1, show)
    background.wait()
    assert background.said.value == "no such layer"


def test_in_a_kernel_the_result_takes_its_turn_in_the_kernel_s_thread(background):
    threads = []

    async def kernel():
        finished = asyncio.Event()

        def done(_found):
            threads.append(threading.current_thread())
            finished.set()

        background.start(lambda progress: threads.append(threading.current_thread()), done)
        await asyncio.wait_for(finished.wait(), 10)

    asyncio.run(kernel())
    assert threads[0] is not threads[1]
    assert threads[1] is threading.current_thread()
