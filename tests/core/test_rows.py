import io

import pytest

from workbench.core.rows import numbered_rows


def rows(text: str) -> list:
    return list(numbered_rows(io.StringIO(text, newline="")))


def test_lines_count_from_one_and_quoted_breaks_belong_to_their_row():
    assert rows('a,b\r\n"x\ny",2\n3,4') == [(1, ["a", "b"]), (2, ["x\ny", "2"]), (4, ["3", "4"])]


def test_blank_lines_are_rows_without_values():
    assert rows("a\n\nb\n") == [(1, ["a"]), (2, []), (3, ["b"])]
    assert rows("") == []


@pytest.mark.parametrize("bad", ['"x"y,2', 'x,"y" ,3', '"' + "x" * 200_000 + '",2'], ids=["text", "space", "huge"])
def test_the_rest_goes_on_after_a_row_that_is_none(bad):
    found = rows(f"a,b\n{bad}\n3,4\n")
    assert found[0] == (1, ["a", "b"])
    assert found[1][0] == 2
    assert str(found[1][1]).startswith("not CSV (")
    assert found[2:] == [(3, ["3", "4"])]


def test_an_open_quote_says_what_it_swallowed():
    assert rows('a,b\n1,"x\n3,4\n5,6\n')[1:] == [(2, "not CSV (unexpected end of data); lines 2 to 4 are lost")]
