"""Floor 6: reports as single HTML files that ask the network for nothing and run only their own scripts."""

from workbench.reports.page import ReportHead, index_page, report_page
from workbench.reports.to_html import export_notebook

__all__ = ["ReportHead", "export_notebook", "index_page", "report_page"]
