"""The index of reports links to each by a relative path."""

from pathlib import Path

from workbench.reports.page import index_page
from workbench.runs import RunStore


def test_index_lists_runs_with_reports_newest_first(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "my runs")
    for kind in ("train", "explain", "quiet"):
        with store.create(kind, {}) as work:
            if kind != "quiet":
                (work.folder / "report.html").write_text("report")
    train, explain, quiet = store.list()
    html = index_page(store.list(), tmp_path)
    assert html.index(explain.id) < html.index(train.id)
    assert quiet.id not in html
    assert f'href="my%20runs/{train.id}/report.html"' in html
    assert "Research use only" in html
