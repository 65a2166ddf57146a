"""Pages that reach this machine only, and a JupyterLab of one's own to open them in."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Route

SLOW_MS = 120_000
"""How long to wait for a page or kernel on a machine with other work; nothing waits longer than it must."""
ELSEWHERE = re.compile(r"^(?!(http|ws)://127\.0\.0\.1[:/]|data:|blob:)")
KERNEL_READY = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext?.session;
  return session?.kernel?.status === "idle" && document.querySelector(".jp-Notebook .jp-CodeCell");
}"""


@contextmanager
def running_lab(folder: Path) -> Iterator[str]:
    """Run JupyterLab on a free port of the loopback, with settings and files in ``folder``; give its address."""
    port = free_port()
    token = secrets.token_hex(16)
    (folder / "notebooks").mkdir()
    (folder / "config" / "labconfig").mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folder / "config" / "labconfig" / "page_config.json").write_text(json.dumps(quiet))
    own = {f"JUPYTER_{what.upper()}_DIR": str(folder / what) for what in ("config", "data", "runtime")}
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--expose-app-in-browser"]
    options += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder / 'notebooks'}"]
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env={**os.environ, **own, "IPYTHONDIR": str(folder / "ipython")},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/status?token={token}")
            yield f"http://127.0.0.1:{port}/?token={token}"
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(address: str, timeout_s: float = SLOW_MS / 1000) -> None:
    end = time.monotonic() + timeout_s
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < end, "JupyterLab did not start"
            time.sleep(0.25)


def run_all_cells(page: Page) -> None:
    """Run the notebook that JupyterLab shows, once its kernel answers."""
    page.wait_for_function(KERNEL_READY, timeout=SLOW_MS)
    page.evaluate("() => jupyterapp.restored.then(() => jupyterapp.shell.collapseLeft())")
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells').then(() => true)")


def watched_page(browser: Browser) -> tuple[Page, list[str], list[str]]:
    """Return a page that reaches this machine only, what else it asks for, and what the browser complains of."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.set_default_timeout(SLOW_MS)
    requests: list[str] = []
    complaints: list[str] = []

    def refused(route: Route) -> None:
        requests.append(route.request.url)
        route.abort()

    page.route(ELSEWHERE, refused)
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, requests, complaints


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
