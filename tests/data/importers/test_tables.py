"""Tables from outside: strict, with the line in every message."""

import pytest

from workbench.core.errors import ManifestError
from workbench.data.importers.tables import read_table


def written(folder, text: str | bytes):
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_rows_keep_their_text_and_place(tmp_path):
    path = written(tmp_path, '\ufeffimage,label,view\n007.png,"a, b",\nx.png,c,frontal\n')
    rows, skipped = read_table(path, ("image", "label"))
    assert skipped == []
    assert [(row.place, row["image"], row["label"], row.get("view"), row.get("split")) for row in rows] == [
        (f"{path}:2", "007.png", "a, b", "", ""),
        (f"{path}:3", "x.png", "c", "frontal", ""),
    ]


def test_bad_lines_are_skipped_with_their_number(tmp_path):
    path = written(tmp_path, "image,label\na.png,x\nb.png\n\n,x\na.png,y\nc.png,x,z\nd.png,x\n")
    rows, skipped = read_table(path, ("image", "label"))
    assert [row["image"] for row in rows] == ["a.png", "d.png"]
    assert [str(each).removeprefix(f"{path}:") for each in skipped] == [
        "3: 1 values for 2 columns",
        "4: 0 values for 2 columns",
        "5: image is empty",
        "6: image 'a.png' occurs twice",
        "7: 3 values for 2 columns",
    ]


def test_a_line_that_is_not_csv_does_not_end_the_table(tmp_path):
    path = written(tmp_path, 'image,label\na.png,"x"y\nb.png,x\nc.png,"z\nd.png,x\n')
    rows, skipped = read_table(path, ("image", "label"))
    assert [row["image"] for row in rows] == ["b.png"]
    assert [each.what for each in skipped] == [f"{path}:2", f"{path}:4"]
    assert skipped[1].reason.endswith("lines 4 to 5 are lost")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: column 'image' is missing; wanted image, label"),
        ("image|label\na|b\n", ":1: column 'image' is missing; wanted image, label"),
        ("image,label,label\n", ":1: a column occurs twice"),
        ("image,label,colour\n", ":1: unknown column 'colour'; known: image, label, view"),
        ('image,"label\na,b\n', ":1: not CSV (unexpected end of data); lines 1 to 2 are lost"),
        (b"image,label\n\xff\xfe,x\n", ": not readable as CSV ('utf-8' codec"),
    ],
)
def test_bad_tables_are_refused_in_one_line(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(ManifestError) as caught:
        read_table(path, ("image", "label"), optional=("view",))
    assert str(caught.value).startswith(f"{path}{words}")
    assert "\n" not in str(caught.value)


def test_missing_table(tmp_path):
    with pytest.raises(ManifestError, match=r"absent\.csv: no such file"):
        read_table(tmp_path / "absent.csv", ("image",))


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_write_is_read(tmp_path, sign, encoding):
    lines = [["image", '"label"'], ["Ä.png", f'"a{sign} b"'], [" x.png ", "normal "], ["y.png"]]
    path = written(tmp_path, "\r\n".join(sign.join(line) for line in lines).encode(encoding))
    rows, skipped = read_table(path, ("image", "label"))
    assert [(row["image"], row["label"]) for row in rows] == [("Ä.png", f"a{sign} b"), ("x.png", "normal")]
    assert [str(each) for each in skipped] == [f"{path}:4: 1 values for 2 columns"]


def test_a_file_without_column_names(tmp_path):
    path = written(tmp_path, "a/b/,1\na/b/,0\nc/d/\n")
    rows, skipped = read_table(path, ("study", "label"), columns=("study", "label"))
    assert [(row.place, row["study"], row["label"]) for row in rows] == [(f"{path}:1", "a/b/", "1")]
    assert [each.what for each in skipped] == [f"{path}:2", f"{path}:3"]
