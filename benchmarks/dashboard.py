"""How fast the case explorer answers, measured from inside the page of a served dashboard and in the kernel.

    python benchmarks/dashboard.py [--run latest:evaluate] [--times 20]

Click to overlay: from the change of the method's list to the painted canvas, every map made before (cached), and the
first time (one pass of the network). Next case: from the key to the painted film with its map, which was prefetched.
Opening: ``explore`` on 10,000 cases in this process, until the table's data are there; no film is read but the first.
"""

import argparse
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.pages import SLOW_MS, watched_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MAIN = "from workbench.cli.commands import main; main()"
MANY = 10_000
WATCH = """() => {
  window.painted = 0;
  document.addEventListener("film-viewer-painted", () => { window.painted = performance.now(); }, true);
}"""
TIMED = """async ([selector, act, value]) => {
  const target = document.querySelector(selector);
  const words = () => [".fv-title", ".fv-map-title"].map((each) => document.querySelector(each).textContent).join();
  const before = words();
  const started = performance.now();
  if (act === "select") { target.value = value; target.dispatchEvent(new Event("change", { bubbles: true })); }
  else target.dispatchEvent(new KeyboardEvent("keydown", { key: value, bubbles: true, cancelable: true }));
  while (words() === before) await new Promise((resolve) => requestAnimationFrame(resolve));
  const named = performance.now();
  while (window.painted < named - 20) await new Promise((resolve) => requestAnimationFrame(resolve));
  return window.painted - started;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="latest:evaluate", help="run to look at")
    parser.add_argument("--times", type=int, default=20, help="repetitions")
    options = parser.parse_args()
    report_opening()
    with served(options.run) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page, requests, complaints = watched_page(browser)
        report_page(page, address, options.times)
        print(f"requests elsewhere: {requests}; complaints: {complaints}")
        browser.close()


def report_opening() -> None:
    """Time ``explore`` on many synthetic cases whose films lie in a temporary folder."""
    import workbench as wb
    from workbench.core.case import Case
    from workbench.core.manifest import Manifest
    from workbench.core.predictions import Predictions
    from workbench.imaging.pixels import write_png
    from workbench.imaging.recipes import Recipe
    from workbench.models.zoo import build_classifier

    with tempfile.TemporaryDirectory() as folder:
        write_png(Path(folder) / "film.png", np.full((320, 256), 0.5, dtype=np.float32))
        cases = tuple(
            Case(f"case-{i:05d}", f"p{i // 3}", f"s{i // 3}", "film.png", width=256, height=320, split="test",
                 label=("normal", "abnormal")[i % 2], body_part=("hand", "wrist", "elbow")[i % 3], view="pa")
            for i in range(MANY)
        )  # fmt: skip
        films = Manifest("many", ("normal", "abnormal"), ("abnormal",), Path(folder), cases)
        abnormal = np.random.default_rng(0).random(MANY)
        said = Predictions(
            tuple(case.case_id for case in cases), np.arange(MANY) % 2, np.zeros((MANY, 1), dtype=np.float32),
            np.stack([1 - abnormal, abnormal], axis=1), films.class_names, films.positive, "sigmoid",
        )  # fmt: skip
        classifier = build_classifier("compact-densenet", head="sigmoid", recipe=Recipe(size=128))
        started = time.perf_counter()
        explore = wb.explore  # loads the dashboards
        imported = time.perf_counter() - started
        explorer = explore(classifier, films, predictions=said)
        opened = time.perf_counter() - started
        sent = len(str(explorer.worklist.table.get_state()))
        started = time.perf_counter()
        explorer.state.step(1)
        stepped = time.perf_counter() - started
        print(f"open {MANY} cases: {opened:.2f} s, of it {imported:.2f} s imports; table {sent / 1e6:.2f} MB")
        print(f"next case in the kernel, map not cached: {stepped:.3f} s")


def report_page(page: Page, address: str, times: int) -> None:
    """Time what a reader does, from inside the page."""
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function("() => document.querySelector('.fv-title')?.textContent", timeout=SLOW_MS)
    print(
        f"page opened and film shown: {time.perf_counter() - started:.1f} s, {sum(received) / 1e6:.2f} MB by websocket"
    )
    page.evaluate(WATCH)
    page.get_by_label("Method", exact=True).evaluate("(list) => { list.id = 'method'; }")
    first, again = [], []
    for place in range(times):
        name = ("Guided backprop", "Grad-CAM")[place % 2]
        (first if place < 2 else again).append(page.evaluate(TIMED, ["#method", "select", name]))
    print(f"click to overlay: first {first[0]:.0f} ms, then {spread(again)}")
    page.wait_for_timeout(3000)  # neighbours are fetched in the background
    taken, sizes = [], []
    for _ in range(times):
        received.clear()
        taken.append(page.evaluate(TIMED, [".fv-stage", "key", "ArrowRight"]))
        page.wait_for_timeout(1500)
        sizes.append(sum(received))
    print(f"next case: {spread(taken)}; {statistics.median(sizes) / 1e3:.0f} kB by websocket a case")


def spread(times_ms: list[float]) -> str:
    return f"median {statistics.median(times_ms):.0f} ms, slowest {max(times_ms):.0f} ms"


@contextmanager
def served(run: str) -> Iterator[str]:
    command = [sys.executable, "-c", MAIN, "serve", "--no-browser", "-p", f"run={run}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield next(line.strip() for line in server.stdout if "http" in line)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


if __name__ == "__main__":
    main()
