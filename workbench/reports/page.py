"""The page around a report's pieces: one file, its own scripts only, nothing asked from the network."""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from workbench.core.files import digest_of
from workbench.plots.viewer.static import viewer_script, viewer_style
from workbench.reports.cells import Piece
from workbench.reports.figures import plotly_script
from workbench.runs import Run


@dataclass(frozen=True)
class ReportHead:
    """What stands above a report's content; every text is escaped."""

    title: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Name -> value, in one line under the title: kind, date, duration ..."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """Shown in a table that is folded away."""
    error: str = ""
    """Why the run failed, in one line; shown in red."""


def report_page(head: ReportHead, pieces: Sequence[Piece]) -> str:
    """Return the whole report as HTML."""
    kinds = {piece.kind for piece in pieces}
    scripts = [plotly_script(), _template_text("figures.js")] if "figure" in kinds else []
    scripts += [_template_text("verdicts.js")] if "verdict" in kinds else []
    modules = [viewer_script()] if "viewer" in kinds else []
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            head=head,
            pieces=pieces,
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            modules=[Markup(module) for module in modules],  # noqa: S704 - our own file
            style=Markup(viewer_style() if "viewer" in kinds else ""),  # noqa: S704 - our own file
            verdicts=digest_of([piece.html for piece in pieces]) if "verdict" in kinds else "",
            policy=content_security_policy(scripts + modules),
        )
    )


def index_page(runs: Sequence[Run], folder: Path, *, title: str = "Reports") -> str:
    """Return a page that links to the report of every run that has one, newest first.

    Parameters
    ----------
    runs
        Runs without a ``report.html`` are left out.
    folder
        Where the page will stand; links are relative to it, so that the whole folder can be moved.
    title
        Heading of the page.

    Returns
    -------
    HTML without any script.
    """
    rows = [
        {"run": run, "link": Path(os.path.relpath(run.folder / "report.html", folder)).as_posix()}
        for run in sorted(runs, key=lambda run: run.created, reverse=True)
        if (run.folder / "report.html").is_file()
    ]
    head = ReportHead(title=title, facts={"reports": str(len(rows))})
    return _environment().get_template("index.html.j2").render(head=head, rows=rows, policy=content_security_policy([]))


def content_security_policy(scripts: Sequence[str]) -> str:
    """Return the policy under which only these very scripts run, and nothing is fetched."""
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    return (
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; font-src data:; "
        f"script-src {allowed}; base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("workbench.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template_text(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
