"""A notebook as a web page: voila with our own template, on this machine only, behind a token, source hidden."""

import os
import tempfile
import webbrowser
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop
from traitlets import Bool, Unicode
from traitlets.config import Config
from typing_extensions import override
from voila.app import Voila

from workbench.dashboards.serving.served_notebook import write_served_notebook

LOOPBACK = "127.0.0.1"
PORT = 8866
TEMPLATE = "workbench"
IDLE_S = 600
"""A kernel that nobody is connected to ends after this time; voila ends most of them when their page is closed."""
EXTENSIONS = (
    "@voila-dashboards/widgets-manager8",
    "@jupyter-widgets/jupyterlab-manager",
    "anywidget",
    "jupyterlab-plotly",
)
"""What the dashboards need in the page; other installed extensions stay out, with whatever they ask for."""
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
    "form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'self'"
)
"""The browser itself refuses every request to another machine."""
OPEN_PAGE = '<!DOCTYPE html><meta http-equiv="refresh" content="0; url={url}"><a href="{url}">Open the dashboard</a>'


class KernelsHere(AsyncMappingKernelManager):
    """Kernels that work where the command was called, so that relative paths mean what was typed."""

    @override
    def cwd_for_path(self, path: str, **kwargs: Any) -> str:
        """Return the working directory of this process, wherever the notebook's copy lies."""
        return str(Path.cwd())


class DashboardServer(Voila):
    """Voila that says where it is once it listens, and opens the browser there with its token."""

    shows_page = Bool(True)
    """Whether to open a browser."""
    folder = Unicode()
    """Private to this user; holds the page that leads to the token, which then stands in no process list."""

    @override
    def listen(self) -> None:
        """Listen until stopped."""
        IOLoop.current().add_callback(self._announce)
        super().listen()

    def _announce(self) -> None:
        print(f"The dashboard, for this machine only (Ctrl-C ends it):\n  {self.display_url}", flush=True)
        if self.shows_page:
            page = Path(self.folder) / "open.html"
            page.write_text(OPEN_PAGE.format(url=escape(self.display_url)), encoding="utf-8")
            webbrowser.open(page.as_uri())


def give_page_its_pass(handler: Any, **_about: Any) -> None:
    """Set the cookie with which a page that is closed may end its kernel; asking for the token sets it."""
    _ = handler.xsrf_token


def serve(
    notebook: Path,
    parameters: Mapping[str, Any],
    *,
    port: int = PORT,
    opens_browser: bool = True,
    debug: bool = False,
) -> None:
    """Serve a notebook as a dashboard until Ctrl-C; each visitor gets a kernel of this interpreter.

    Parameters
    ----------
    notebook
        Has one cell tagged ``parameters``.
    parameters
        Name -> value, or its text from the command line; checked before anything starts.
    port
        On loopback; where it is taken, another one near it.
    opens_browser
        Whether to open the page.
    debug
        Whether visitors see tracebacks, and the terminal the server's log.

    Raises
    ------
    UnknownNameError
        No such parameter.
    OptionError
        A parameter of the wrong type.
    RunError
        The file is not a notebook with readable parameters.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-serve-") as folder:
        copy = write_served_notebook(notebook, parameters, Path(folder), tracebacks=debug)
        with_templates = [str(Path(__file__).parent), *filter(None, [os.environ.get("JUPYTER_PATH")])]
        os.environ["JUPYTER_PATH"] = os.pathsep.join(with_templates)
        config = server_config(port=port, debug=debug)
        server = DashboardServer(config=config, shows_page=opens_browser, folder=folder)
        server.initialize([str(copy)])
        server.start()


def server_config(*, port: int = PORT, debug: bool = False) -> Config:
    """Return voila's settings for a dashboard."""
    voila = {
        "ip": LOOPBACK,
        "port": port,
        "auto_token": True,
        "open_browser": False,  # it would open without the token
        "config_file_paths": [],  # a voila.py that lies about must not run
        "log_level": "DEBUG" if debug else "ERROR",
        "tornado_settings": {"headers": {"Content-Security-Policy": POLICY}, "allow_remote_access": False},
    }
    page = {
        "template": TEMPLATE,
        "allow_template_override": "NO",
        "multi_kernel_manager_class": KernelsHere,
        "prelaunch_hook": give_page_its_pass,
        "extension_allowlist": list(EXTENSIONS),
        "show_tracebacks": debug,
    }
    kernels = {
        "cull_idle_timeout": IDLE_S,
        "cull_interval": 60,
        "cull_connected": False,
        "transport_encryption": "auto",
    }
    # an installed python3 may be another environment; without any it is this interpreter
    specs: dict[str, list[str]] = {"kernel_dirs": []}
    return Config(Voila=voila, VoilaConfiguration=page, MappingKernelManager=kernels, KernelSpecManager=specs)
