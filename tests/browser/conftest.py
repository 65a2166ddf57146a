"""Chromium without a network, and what a report must be in it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, sync_playwright

from tests.pages import run_all_cells, running_lab, watched_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ALL_DRAWN = """() => {
  const plots = [...document.querySelectorAll("main > .figure > .plot")];
  return plots.every((plot) => plot.querySelector(".main-svg") || plot.classList.contains("undrawn"));
}"""
FACTS = """() => ({
  title: document.title,
  figures: document.querySelectorAll("main > .figure").length,
  drawn: document.querySelectorAll("main > .figure > .plot:not(.undrawn) .main-svg:first-child").length,
  images: document.images.length,
  loaded: [...document.images].filter((image) => image.complete && image.naturalWidth > 0).length,
  tables: document.querySelectorAll("main table").length,
  overflow_px: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  text: document.body.innerText,
})"""


@dataclass(frozen=True)
class Seen:
    """What a browser saw of one page."""

    title: str
    figures: int
    drawn: int
    """Figures with something drawn."""
    images: int
    loaded: int
    """Images with pixels."""
    tables: int
    overflow_px: int
    """By how much the page is wider than its window."""
    text: str
    requests: list[str] = field(default_factory=list)
    """Whatever was asked for beside the file itself."""
    complaints: list[str] = field(default_factory=list)
    """Console errors, uncaught exceptions, violations of the page's policy."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a Chromium; where it is installed, failing to start is a failure, not a skip."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture(scope="session")
def open_lab(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[NotebookNode], tuple[Page, Seen]]]:
    """Return a function that opens a notebook in a JupyterLab of its own (loopback, token) and runs all its cells."""
    folder = tmp_path_factory.mktemp("lab")
    with running_lab(folder) as address:
        opened = []

        def ran(notebook: NotebookNode) -> tuple[Page, Seen]:
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            name = f"notebook_{len(opened)}.ipynb"
            nbformat.write(notebook, folder / "notebooks" / name)
            page, seen = _ran_in_lab(browser, address.replace("?", f"lab/workspaces/own-{len(opened)}/tree/{name}?"))
            opened.append(page)
            return page, seen

        yield ran
        for page in opened:
            page.context.close()


def _ran_in_lab(browser: Browser, address: str) -> tuple[Page, Seen]:
    page, requests, complaints = watched_page(browser)
    page.goto(address)
    run_all_cells(page)
    return page, Seen(**page.evaluate(FACTS), requests=requests, complaints=complaints)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., tuple[Page, Seen]]]:
    """Return a function that opens a file with all networking refused and tells what it saw."""
    contexts = []

    def opened(path: Path, *, width: int = 1280) -> tuple[Page, Seen]:
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
        contexts.append(context)
        return _opened(context.new_page(), path)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def check_report(open_page: Callable[..., tuple[Page, Seen]]) -> Callable[[Path], Seen]:
    """Return a function that opens a report and fails unless it is whole, silent and asks for nothing."""

    def checked(path: Path) -> Seen:
        _, seen = open_page(path)
        assert seen.requests == [], "the report asked for something"
        assert seen.complaints == [], "the browser complained"
        assert seen.drawn == seen.figures, "a figure was not drawn"
        assert seen.loaded == seen.images, "a picture is empty"
        assert seen.overflow_px <= 0, "the page is wider than its window"
        assert "Research use only" in seen.text
        return seen

    return checked


def _opened(page: Page, path: Path) -> tuple[Page, Seen]:
    requests: list[str] = []
    complaints: list[str] = []
    own = path.resolve().as_uri()

    def asked(request: Request) -> None:
        if request.url != own and not request.url.startswith(("data:", "blob:")):
            requests.append(request.url)

    def routed(route: Route) -> None:
        if route.request.url == own:
            route.continue_()
        else:
            route.abort()

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/*", routed)
    page.goto(own, wait_until="load")
    page.wait_for_function(ALL_DRAWN, timeout=30_000)
    return page, Seen(**page.evaluate(FACTS), requests=requests, complaints=complaints)
