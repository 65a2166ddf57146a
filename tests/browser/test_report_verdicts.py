"""Verdicts given in a report by somebody without a kernel: kept, downloaded, imported, seen in the case explorer."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import Page, expect

from tests.corner_readers import confounded, draw_films, flag_reader  # noqa: F401 - fixtures
from workbench.cli.commands import main
from workbench.core.files import write_json
from workbench.core.manifest import Manifest, write_manifest
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.session import CaseSession
from workbench.imaging.pixels import read_radiograph
from workbench.models.classifier import Classifier
from workbench.plots.viewer.content import FilmView
from workbench.reports.to_html import export_notebook
from workbench.reports.verdicts import VerdictForm, ask_verdict
from workbench.runs import Run, RunStore, read_run, verify
from workbench.runs.reviews import ReviewBook
from workbench.runs.run import REVIEWS_FOLDER

pytestmark = pytest.mark.browser

EVIL = '"><img src=x onerror="window.hacked = true">'


@pytest.fixture
def report(flag_reader: Classifier, confounded: Manifest, tmp_path: Path) -> Path:  # noqa: F811 - fixtures
    """Three cases, each with its film as a viewer, and one whose name tries to be more than text."""
    outputs = []
    for case in list(confounded)[:3]:
        view = FilmView(read_radiograph(confounded.path(case)).pixels, title=case.case_id)
        for shown in (view, ask_verdict(flag_reader, confounded.name, case.case_id)):
            outputs.append(new_output("display_data", data=shown._repr_mimebundle_()))
    outputs.append(new_output("display_data", data=VerdictForm(EVIL, EVIL, EVIL)._repr_mimebundle_()))
    notebook = new_notebook(cells=[new_markdown_cell("# Cases"), new_code_cell("shown()", outputs=outputs)])
    nbformat.write(notebook, tmp_path / "executed.ipynb")
    export_notebook(tmp_path / "executed.ipynb", tmp_path / "report.html")
    return tmp_path / "report.html"


@pytest.fixture
def trained(flag_reader: Classifier, confounded: Manifest, tmp_path: Path) -> Run:  # noqa: F811 - fixtures
    write_manifest(confounded, tmp_path / "films.csv")
    parameters = {"manifest": str(tmp_path / "films.csv"), "root": str(confounded.root)}
    with RunStore(tmp_path / "runs").create("train", parameters) as work:
        weights = flag_reader.provenance["weights_sha256"]
        write_json(work.folder / "model.json", {"provenance": {"weights_sha256": weights}})
    return read_run(work.folder)


def form(page: Page, place: int) -> Any:
    return page.locator(".verdict").nth(place)


def name(page: Page, reader: str) -> None:
    page.get_by_label("Reader").fill(reader)
    page.get_by_label("Reader").press("Enter")


def downloaded(page: Page) -> tuple[str, Path]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download verdicts").click()
    return waiting.value.suggested_filename, Path(waiting.value.path())


def test_two_verdicts_travel_from_the_report_to_the_worklist(
    report: Path,
    trained: Run,
    flag_reader: Classifier,  # noqa: F811 - fixture
    confounded: Manifest,  # noqa: F811 - fixture
    check_report: Callable[[Path], Any],
    open_page: Callable[..., tuple[Page, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    check_report(report)
    page, seen = open_page(report)
    name(page, "Ann Ölund")
    form(page, 0).get_by_label("Wrong reason").check()
    form(page, 0).get_by_label("Note").fill('it reads the "L"')
    form(page, 0).get_by_label("Tags").fill("flag, , L, flag")
    form(page, 1).get_by_label("Unsure").check()
    expect(page.locator(".verdicts [role=status]")).to_have_text("2 of 4 cases judged.")
    called, path = downloaded(page)
    assert called == "verdicts-Ann Ölund.jsonl"
    assert (seen.requests, seen.complaints) == ([], [])

    monkeypatch.setattr(sys, "argv", ["workbench", "import", "verdicts", str(path), "--run", str(trained.folder)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code in (0, None)
    book = ReviewBook(trained.folder / REVIEWS_FOLDER)
    first = book.latest()["Ann Ölund", "c00"]
    assert (first.verdict, first.note, first.tags, first.blind) == (
        "wrong reason", 'it reads the "L"', ("flag", "L"), False
    )  # fmt: skip
    assert first.manifest == confounded.name
    assert first.weights_sha256 == flag_reader.provenance["weights_sha256"]
    assert verify(trained) == []
    state = ExplorerState(CaseSession(flag_reader, confounded), book)
    shown = state.frame.set_index("case_id")["verdict"]
    assert (shown["c00"], shown["c01"], shown["c02"]) == ("wrong reason", "unsure", "")


def test_by_keyboard_alone_every_case_is_judged(report: Path, open_page: Callable[..., tuple[Page, Any]]) -> None:
    page, _ = open_page(report)
    form(page, 0).get_by_label("Right reason").focus()
    for key in "rxur":
        page.keyboard.press(key)
    expect(page.locator(".verdicts [role=status]")).to_have_text("4 of 4 cases judged. Please say who you are.")
    form(page, 0).get_by_label("Note").press_sequentially("urx")
    page.get_by_role("button", name="Download verdicts").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reader")).to_be_focused()
    page.keyboard.type("Ann")
    page.keyboard.press("Tab")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    lines = [json.loads(line) for line in Path(waiting.value.path()).read_text().splitlines()]
    assert [line["verdict"] for line in lines] == ["right reason", "wrong reason", "unsure", "right reason"]
    assert {line["reviewer"] for line in lines} == {"Ann"}
    assert lines[0]["note"] == "urx"
    assert lines[3]["case_id"] == EVIL
    assert page.evaluate("window.hacked") is None


def test_what_was_given_is_there_when_the_report_is_opened_again(
    report: Path, open_page: Callable[..., tuple[Page, Any]]
) -> None:
    page, _ = open_page(report)
    name(page, "Ann")
    form(page, 1).get_by_label("Note").fill(EVIL)
    form(page, 1).get_by_label("Unsure").check()
    page.reload()
    expect(form(page, 1).get_by_label("Unsure")).to_be_checked()
    expect(form(page, 1).get_by_label("Note")).to_have_value(EVIL)
    name(page, "Bob")
    expect(form(page, 1).get_by_label("Unsure")).not_to_be_checked()
    expect(page.get_by_role("button", name="Download verdicts")).to_be_disabled()
    name(page, "Ann")
    expect(form(page, 1).get_by_label("Unsure")).to_be_checked()
    assert page.evaluate("window.hacked") is None


def test_where_the_browser_keeps_nothing_the_page_says_so(
    report: Path, open_page: Callable[..., tuple[Page, Any]]
) -> None:
    page, _ = open_page(report)
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })")
    page.reload()
    name(page, "Ann")
    form(page, 0).get_by_label("Unsure").check()
    expect(page.locator(".verdicts [role=status]")).to_contain_text("keeps nothing: download before you leave")
    assert len(downloaded(page)[1].read_text().splitlines()) == 1


def test_a_half_written_note_survives_the_readers_name(
    report: Path, open_page: Callable[..., tuple[Page, Any]]
) -> None:
    page, _ = open_page(report)
    form(page, 0).get_by_label("Unsure").check()
    form(page, 1).get_by_label("Note").fill("half a thought")
    name(page, "Ann")
    expect(form(page, 1).get_by_label("Note")).to_have_value("half a thought")
    expect(form(page, 0).get_by_label("Unsure")).to_be_checked()
    assert json.loads(downloaded(page)[1].read_text())["reviewer"] == "Ann"


@pytest.mark.parametrize("reader", ["../Ann", "a/b", "Ann."])
def test_a_name_that_cannot_name_a_file_is_asked_for_again(
    report: Path, open_page: Callable[..., tuple[Page, Any]], reader: str
) -> None:
    page, _ = open_page(report)
    name(page, reader)
    form(page, 0).get_by_label("Unsure").check()
    page.get_by_role("button", name="Download verdicts").click()
    expect(page.locator(".verdicts [role=status]")).to_contain_text("A name has letters")
    expect(page.get_by_label("Reader")).to_be_focused()
