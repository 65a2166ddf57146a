"""Forms for verdicts: asked by the notebook, escaped on the page, with the one script that the policy allows."""

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.corner_readers import reader
from workbench.core.errors import ReportError
from workbench.reports.cells import notebook_pieces
from workbench.reports.page import ReportHead, content_security_policy, report_page
from workbench.reports.verdicts import VERDICT_MIME, VerdictForm, ask_verdict, form_html

EVIL = '"><script>hacked()</script>'


def notebook(*bundles: dict) -> nbformat.NotebookNode:
    outputs = [new_output("display_data", data=bundle) for bundle in bundles]
    return new_notebook(cells=[new_code_cell("shown()", outputs=outputs)])


def page(*bundles: dict) -> str:
    return report_page(ReportHead(title="t"), notebook_pieces(notebook(*bundles), Path()))


def test_a_form_names_film_data_set_and_model():
    classifier = reader(slice(0, 12), slice(20, 32))
    form = ask_verdict(classifier, "films", "c1")
    bundle = form._repr_mimebundle_()
    assert json.loads(json.dumps(bundle)) == bundle
    assert bundle[VERDICT_MIME]["weights_sha256"] == classifier.provenance["weights_sha256"] != ""
    html = page(bundle)
    assert 'data-case-id="c1" data-manifest="films"' in html
    assert html.count('<aside class="verdicts" hidden') == 1


def test_what_comes_from_data_is_escaped():
    html = page(VerdictForm(EVIL, EVIL, EVIL)._repr_mimebundle_())
    assert EVIL not in html
    assert html.count("&lt;script&gt;hacked()") == 4


def test_the_script_comes_once_and_the_policy_names_it():
    html = page(*(VerdictForm(f"c{index}")._repr_mimebundle_() for index in range(3)))
    (script,) = (part.split("</script>")[0] for part in html.split("<script>")[1:])
    assert "verdicts-$" in script
    assert content_security_policy([script]).replace("'", "&#39;") in html
    assert html.count('<section class="verdict" hidden') == 3


def test_a_report_without_cases_has_no_form_and_no_script():
    html = page({"text/plain": "nothing to judge"})
    assert "<script" not in html
    assert '<aside class="verdicts"' not in html


@pytest.mark.parametrize(
    "content", [None, [], {}, {"case_id": "c"}, {"case_id": 1, "manifest": "", "weights_sha256": ""}]
)
def test_another_content_is_refused_by_its_place(content):
    with pytest.raises(ReportError, match=r"cell 1, output 2: does not say .* case_id, manifest, weights_sha256"):
        form_html(content, "cell 1, output 2")
