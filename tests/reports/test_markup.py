"""HTML of a notebook runs nothing, asks for nothing, and stays inside its place."""

import pytest

from workbench.core.errors import ReportError
from workbench.reports.markup import harmless_html


@pytest.mark.parametrize(
    "html",
    [
        "<p>plain <b>bold</b></p>",
        '<table class="dataframe"><tbody><tr><th scope="row">a</th><td style="color: red">1</td></tr></tbody></table>',
        '<a href="https://example.org/a?b=1">link</a>',
        '<img alt="x" src="data:image/png;base64,AAAA"/>',
        '<svg viewbox="0 0 9 9"><path d="M0 0L9 9"/></svg>',
        "a &lt; b &amp; c",
        "<style>.dataframe td > b { color: red }</style>",
        '<div style="background: url(data:image/png;base64,AAAA)"></div>',
    ],
)
def test_harmless_html_stays_as_it_is(html: str) -> None:
    assert harmless_html(html, "here") == html


@pytest.mark.parametrize(
    ("html", "cleaned"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<SCRIPT>alert('<b>')</SCRIPT>", "&lt;SCRIPT&gt;alert('&lt;b&gt;')&lt;/script&gt;"),
        ('<b onmouseover="alert(1)">x</b>', "<b>x</b>"),
        ('<a href="javascript:alert(1)">x</a>', "<a>x</a>"),
        ('<a href=" java\tscript:alert(1)">x</a>', "<a>x</a>"),
        ("<iframe srcdoc='<script>1</script>'></iframe>", None),
        ("<b>open", "<b>open</b>"),
        ("</div></main>closed", "&lt;/main&gt;closed"),
        ("<ul><li>a</ul>b", "<ul><li>a</li></ul>b"),
        ('<p title="&quot;><script>">x</p>', '<p title="&quot;&gt;&lt;script&gt;">x</p>'),
        ("<style></style><b>x</b>", "<style></style><b>x</b>"),
        ("<class 'int'>", "&lt;class 'int'&gt;"),
        ("<!-- <script>alert(1)</script> -->x", "x"),
        ("<svg><script>alert(1)</script></svg>", "<svg>&lt;script&gt;alert(1)&lt;/script&gt;</svg>"),
        ("<form><input autofocus onfocus=alert(1)></form>", None),
    ],
)
def test_what_is_not_known_becomes_text(html: str, cleaned: str | None) -> None:
    found = harmless_html(html, "here")
    assert "<script" not in found.lower()
    assert "<iframe" not in found
    assert "<input" not in found
    if cleaned is not None:
        assert found == cleaned


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://example.org/a.png">',
        '<img src="//example.org/a.png">',
        '<img src="plots/a.png">',
        '<img srcset="https://example.org/a.png 2x">',
        "<img src=x onerror=alert(1)>",
        '<script src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<iframe src="https://example.org"></iframe>',
        '<video poster="https://example.org/a.png"></video>',
        '<object data="file:///etc/passwd"></object>',
        '<svg><image xlink:href="https://example.org/a.png"/></svg>',
        '<svg><use href="https://example.org/a.svg#x"/></svg>',
        '<div style="background: url(https://example.org/a.png)"></div>',
        "<div style=\"background: URL( 'https://example.org/a.png')\"></div>",
        "<style>@import 'https://example.org/a.css'</style>",
        "<style>b { background: \\75rl(https://example.org/a.png) }</style>",
    ],
)
def test_what_would_be_fetched_is_refused(html: str) -> None:
    with pytest.raises(ReportError, match=r"^cell 3: ") as refused:
        harmless_html(html, "cell 3")
    assert "\n" not in str(refused.value)
