"""The case explorer as its readers use it, in JupyterLab and as a served page; nothing leaves the machine."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.corner_readers import FLAG, HEIGHT, WIDTH
from tests.pages import SLOW_MS, free_port, run_all_cells, watched_page
from tests.tiny_project import TinyProject, make_tiny_project
from workbench.batch.parameters import notebook_folder
from workbench.dashboards.serving.served_notebook import write_served_notebook
from workbench.runs.reviews import ReviewBook
from workbench.runs.run import REVIEWS_FOLDER

pytestmark = pytest.mark.browser

NOTEBOOK = notebook_folder() / "00_case_explorer.ipynb"
READER = "Ann"
MAIN = "from workbench.cli.commands import main; main()"
PICTURE = "(canvas) => canvas.toDataURL()"
EXCUSED: tuple[str, ...] = ()
"""Console errors of third parties, by their exact text, with the reason why they do no harm."""


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    return make_tiny_project(tmp_path / "project")


@pytest.fixture
def parameters(project: TinyProject) -> dict[str, str]:
    return {"run": str(project.evaluated.folder), "root": str(project.films.root)}


class Reader:
    """Somebody at the dashboard; each step fails unless the page answers."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.stage = page.locator(".fv-stage").first
        self.canvas = self.stage.locator("canvas")
        self.title = self.stage.locator(".fv-title")

    def waits_for_the_film(self) -> None:
        expect(self.title).not_to_have_text("", timeout=SLOW_MS)
        self.stage.scroll_into_view_if_needed()

    def filters_to_false_positives(self, project: TinyProject) -> None:
        wrong = false_positives(project)
        self.page.get_by_role("button", name=f"false positive {len(wrong)}").click()
        expect(self.page.get_by_text(f"{len(wrong)} of 24 cases")).to_be_visible(timeout=SLOW_MS)
        expect(self.title).to_have_text(re.compile("|".join(wrong)), timeout=SLOW_MS)

    def changes_the_method(self) -> None:
        before = self.picture()
        self.page.get_by_label("Method", exact=True).select_option(label="Guided backprop")
        expect(self.page.locator(".fv-map-title").first).to_contain_text("Guided", timeout=SLOW_MS)
        self.sees_another_picture(before)

    def changes_the_window(self) -> None:
        before, levels = self.picture(), self.stage.locator(".fv-levels")
        expect(levels).to_have_text("W 1  L 0.5")
        self.drags((0.5, 0.5), (0.35, 0.4))
        expect(levels).not_to_have_text("W 1  L 0.5")
        self.sees_another_picture(before)

    def covers_the_flag(self) -> None:
        """Draw a box a little larger than the flag and look again by key."""
        self.stage.press("b")
        rows, columns = FLAG
        self.drags(self.on_film(columns.start - 1, rows.start - 1), self.on_film(columns.stop + 1, rows.stop + 1))
        expect(self.page.get_by_label("of", exact=True)).to_have_value("drawn 1", timeout=SLOW_MS)
        self.stage.press("c")
        before, after, control = (self.probability(title) for title in ("as it is", "edited", "control patch"))
        assert before > 0.8
        assert after < 0.2
        assert abs(control - before) < 0.1

    def probability(self, title: str) -> float:
        heading = self.page.locator(".fv-title").filter(has_text=re.compile(f"^{title}: "))
        expect(heading).to_be_visible(timeout=SLOW_MS)
        return float(heading.inner_text().rpartition(" ")[2])

    def says_who_he_is(self) -> None:
        name = self.page.get_by_label("Reader", exact=True)
        name.fill(READER)
        name.press("Enter")
        expect(self.page.get_by_text(re.compile(r"^\d+ of \d+ listed cases reviewed"))).to_be_visible(timeout=SLOW_MS)

    def gives_a_verdict_and_goes_on(self, key: str) -> str:
        """Press a key on the film; return the case that was judged."""
        judged = self.title.inner_text()
        self.stage.press(key)
        expect(self.title).not_to_have_text(judged, timeout=SLOW_MS)
        return judged

    def finds(self, verdict: str, case_id: str) -> None:
        """See an earlier verdict in the list, and as one's own once the name is said."""
        row = self.page.get_by_role("row").filter(has_text=case_id)
        expect(row).to_contain_text(verdict, timeout=SLOW_MS)
        self.says_who_he_is()
        self.goes_to(case_id)
        expect(self.page.get_by_text(f"You said {verdict}")).to_be_visible(timeout=SLOW_MS)

    def goes_to(self, case_id: str) -> None:
        self.page.get_by_role("row").filter(has_text=case_id).click()
        expect(self.title).to_have_text(case_id, timeout=SLOW_MS)

    def drags(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag between two places of the stage, as shares of its width and height."""
        self.stage.scroll_into_view_if_needed()
        box = self.stage.bounding_box()
        (x0, y0), (x1, y1) = ((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end))
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move(x1, y1, steps=5)
        self.page.mouse.up()

    def on_film(self, x: float, y: float) -> tuple[float, float]:
        """Return where a film pixel lies on the stage, as shares; the whole film is shown, in the middle."""
        box = self.stage.bounding_box()
        scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
        return 0.5 + (x - WIDTH / 2) * scale / box["width"], 0.5 + (y - HEIGHT / 2) * scale / box["height"]

    def picture(self) -> str:
        return str(self.canvas.evaluate(PICTURE))

    def sees_another_picture(self, before: str) -> None:
        script = "(before) => document.querySelector('.fv-stage canvas').toDataURL() !== before"
        self.page.wait_for_function(script, arg=before, timeout=SLOW_MS)


def false_positives(project: TinyProject) -> list[str]:
    said = project.scored.predictions
    wrong = (said.abnormal > 0.5) & (said.truth == 0)
    assert 0 < wrong.sum() < len(said)
    return [case_id for case_id, is_wrong in zip(said.case_ids, wrong, strict=True) if is_wrong]


def kept_verdicts(project: TinyProject) -> dict[tuple[str, str], str]:
    book = ReviewBook(project.evaluated.folder / REVIEWS_FOLDER)
    return {key: review.verdict for key, review in book.latest().items()}


@contextmanager
def serving(parameters: dict[str, str], *, cwd: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run ``workbench serve`` on a free port; give the address with its token, and the process."""
    given = [part for name, value in parameters.items() for part in ("-p", f"{name}={value}")]
    command = [sys.executable, "-c", MAIN, "serve", "--no-browser", "--port", str(free_port()), *given]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores Ctrl-C
    with (cwd / "serve.log").open("w") as log:
        server = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=heed)
        try:
            lines = iter(server.stdout.readline, "")
            yield next(line.strip() for line in lines if "http" in line), psutil.Process(server.pid)
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(60) == 0
            server.stdout.close()


def scrolls_down(page: Page) -> None:
    """Turn the wheel over the heading; over a film it would zoom."""
    page.get_by_role("heading", name="Case explorer").hover()
    page.mouse.wheel(0, 200)
    page.wait_for_function("() => document.getElementById('rendered_cells').scrollTop > 100")


def kernels_of(server: psutil.Process) -> list[psutil.Process]:
    return [each for each in server.children(recursive=True) if "ipykernel_launcher" in " ".join(each.cmdline())]


def test_a_journey_in_jupyterlab(
    open_lab: Callable[..., tuple[Page, Any]], project: TinyProject, parameters: dict[str, str], tmp_path: Path
) -> None:
    copy = write_served_notebook(NOTEBOOK, parameters, tmp_path, tracebacks=True)
    page, seen = open_lab(nbformat.read(copy, as_version=4))
    page.on("dialog", lambda dialog: dialog.accept())  # a reload with an unsaved notebook asks
    reader = Reader(page)
    reader.waits_for_the_film()
    reader.filters_to_false_positives(project)
    reader.changes_the_method()
    reader.changes_the_window()
    reader.covers_the_flag()
    reader.says_who_he_is()
    judged = reader.gives_a_verdict_and_goes_on("x")
    assert kept_verdicts(project) == {(READER, judged): "wrong reason"}
    page.reload()
    run_all_cells(page)
    reader.waits_for_the_film()
    reader.filters_to_false_positives(project)
    reader.finds("wrong reason", judged)
    assert (seen.requests, [said for said in seen.complaints if said not in EXCUSED]) == ([], [])


def test_a_journey_on_a_served_page(
    browser: Browser, project: TinyProject, parameters: dict[str, str], tmp_path: Path
) -> None:
    with serving(parameters, cwd=tmp_path) as (address, server):
        page, requests, complaints = watched_page(browser)
        page.goto(address, wait_until="commit")  # what follows waits for what it needs
        reader = Reader(page)
        reader.waits_for_the_film()
        assert page.title() == "Case explorer"
        assert "wb.explore" not in page.content()
        scrolls_down(page)
        reader.filters_to_false_positives(project)
        reader.changes_the_method()
        reader.covers_the_flag()
        reader.says_who_he_is()
        judged = reader.gives_a_verdict_and_goes_on("x")
        page.reload(wait_until="commit")  # a kernel of its own again
        reader.waits_for_the_film()
        reader.filters_to_false_positives(project)
        reader.finds("wrong reason", judged)
        assert len(kernels_of(server)) == 1  # the first ended with its page
        page.context.close()
    assert (requests, [said for said in complaints if said not in EXCUSED]) == ([], [])


def test_a_served_page_wants_the_token_and_tells_errors_as_sentences(browser: Browser, tmp_path: Path) -> None:
    with serving({"run": "<b>nothing</b>"}, cwd=tmp_path) as (address, _):
        page, requests, _ = watched_page(browser)
        page.goto(address.partition("?")[0])
        expect(page.locator("#password_input")).to_be_visible()
        page.goto(address, wait_until="commit")  # what follows waits for what it needs
        problem = page.get_by_role("alert")
        expect(problem).to_contain_text("<b>nothing</b>", timeout=SLOW_MS)
        assert "Traceback" not in page.inner_text("body")
        assert "RunError" not in page.inner_text("body")
        page.context.close()
    assert requests == []
