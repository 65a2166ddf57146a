"""Write the pictures of README and docs into ``docs/gallery``, from the demo's runs (which it makes where missing)."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phantom_sheets import flags_sheet, furniture_sheet, parts_sheet

import workbench as wb
from workbench.batch.parameters import notebook_folder
from workbench.cli.terminal import Bars
from workbench.core.errors import WorkbenchError
from workbench.core.manifest import Manifest
from workbench.demo import MODELS, OTHER, DemoResult, run_demo
from workbench.plots.explanation_sheet import explanation_sheet
from workbench.reports import cases
from workbench.runs import Run

GALLERY = Path(__file__).parent / "gallery"
CHROMIUM = "/usr/bin/chromium"
STARTING_MS = 180_000
"""A kernel that loads torch, on a machine that has other work."""


def main() -> None:
    """Make every picture."""
    with Bars() as bars:
        result = run_demo(step=bars.open)
    films = wb.read_manifest("data_manifests/phantom-demo.csv")
    models = dict(zip(MODELS.values(), [wb.load_model(run.folder) for run in result.runs[:2]], strict=True))
    parts_sheet().save(GALLERY / "phantoms.png")
    flags_sheet().save(GALLERY / "phantom-flags.png")
    furniture_sheet().save(GALLERY / "phantom-furniture.png")
    draw_story(films.split(OTHER), models)
    draw_cases(films.split(OTHER), models)
    draw_reports(result)
    draw_dashboards(result)


def draw_story(films: Manifest, models: dict[str, wb.Classifier]) -> None:
    """Draw one film for both models: as it is, the flag covered, a control patch covered."""
    chosen = wb.choose_cases(films, rule="normal", category="flag", count=1)
    for letter, (name, model) in zip("ab", models.items(), strict=True):
        picture = cases.draw_cover(model, chosen, chosen[0].case_id, category="flag", name=name)
        picture.save(GALLERY / f"covered-{letter}.png")


def draw_cases(films: Manifest, models: dict[str, wb.Classifier]) -> None:
    """Draw the case figure of one film for both models, and a sheet of several methods."""
    chosen = wb.choose_cases(films, rule="abnormal", category="flag", count=4)
    for letter, (name, model) in zip("ab", models.items(), strict=True):
        found = wb.explain(model, chosen, ["cam", "grad-cam", "guided-backprop", "activations"], target="abnormal")
        maps = {label: each for label, each in found.items() if label != "activations"}
        figure = cases.draw_case(chosen, chosen[0].case_id, maps["cam"], found["activations"])
        figure.save(GALLERY / f"case-{letter}.png")
        sheet = explanation_sheet(cases.sheet_rows(chosen, maps["cam"]), maps, title=f"{name}: maps of abnormal")
        sheet.save(GALLERY / f"sheet-{letter}.png")


def draw_reports(result: DemoResult) -> None:
    """Take screenshots of the first screens of the reports, as a reader sees them."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        raise WorkbenchError(f"{CHROMIUM} is not there, so the reports cannot be photographed; install Chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 1500})
        for run in _one_of_each(result.runs):
            page.goto((run.folder / "report.html").as_uri(), wait_until="load")
            page.wait_for_timeout(1500)
            page.screenshot(path=GALLERY / f"report-{run.kind}.png")
        browser.close()


def draw_dashboards(result: DemoResult) -> None:
    """Take screenshots of the case explorer and the model comparison as `workbench serve` shows them."""
    from playwright.sync_api import sync_playwright

    read_flag = next(run for run in result.runs if run.kind == "evaluate")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1600, "height": 1500})
        with _served("00_case_explorer", f"run={read_flag.id}") as address:
            page.goto(address, wait_until="commit")
            page.wait_for_selector(".fv-map-title", timeout=STARTING_MS)
            page.wait_for_timeout(4000)
            page.screenshot(path=GALLERY / "explorer.png")
        with _served("10_model_comparison") as address:
            page.goto(address, wait_until="commit")
            page.get_by_role("tab", name="Cases").click(timeout=STARTING_MS)
            page.wait_for_selector(".fv-map-title", timeout=STARTING_MS)
            page.wait_for_timeout(4000)
            page.screenshot(path=GALLERY / "comparison.png")
        browser.close()


@contextmanager
def _served(notebook: str, *parameters: str) -> Iterator[str]:
    """Serve a notebook and give its address, which is the one line with a link that the command prints."""
    command = [sys.executable, "-c", "from workbench.cli.commands import main; main()", "serve"]
    command += [
        str(notebook_folder() / f"{notebook}.ipynb"),
        "--no-browser",
        *(word for each in parameters for word in ("-p", each)),
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield next(line.strip() for line in server.stdout or () if "http" in line)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _one_of_each(runs: tuple[Run, ...]) -> list[Run]:
    return list({run.kind: run for run in reversed(runs)}.values())


if __name__ == "__main__":
    main()
