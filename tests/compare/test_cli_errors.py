"""A message of its own for each mistake, exit code 2, and nothing written."""

import numpy as np
import pytest

from command import assert_refused, run, write_data
from costfn.compare import InputError, compare_losses, read_cost


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path)


@pytest.fixture
def cost(tmp_path):
    def write(text):
        path = tmp_path / "cost.csv"
        path.write_text(text)
        return path

    return write


MATRIX = "truth,cat,dog,big horse\ncat,0,1,1\ndog,1,0,1\nbig horse,1,1,0\n"
BAD_COSTS = {
    "unknown class": (
        MATRIX.replace("\ndog,", "\nhound,"),
        "cost must have a row for every class of the data, got none for 'dog'",
    ),
    "no column": (
        "truth,cat,dog\ncat,0,1\ndog,1,0\nbig horse,1,1\n",
        "cost must have a column for every class of the data, got none for 'big horse'",
    ),
    "absent class": (
        MATRIX + "emu,1,1,1\n",
        "cost must have no row for a class that the data lacks, got 'emu'",
    ),
    "repeated name": (
        MATRIX + "cat,1,1,1\n",
        "cost must have a name of its own on every row",
    ),
    "no name": (
        MATRIX.replace("truth,cat", "truth,"),
        "cost must have a name of its own on every column",
    ),
    "text": (
        MATRIX.replace("dog,1,0,1", "dog,high,0,1"),
        "cost of deciding 'cat' when the truth is 'dog' must be a number, got 'high'",
    ),
    "empty": (
        MATRIX.replace("dog,1,0,1", "dog,,0,1"),
        "cost of deciding 'cat' when the truth is 'dog' must be a number, got ''",
    ),
    "nan": (
        MATRIX.replace("dog,1,0,1", "dog,1,0,NaN"),
        "cost of deciding 'big horse' when the truth is 'dog' must be 0 or more and "
        "finite, got 'NaN'",
    ),
    "negative": (
        MATRIX.replace("dog,1,0,1", "dog,-1,0,1"),
        "when the truth is 'dog' must be 0 or more and finite, got '-1'",
    ),
    "ragged": (
        MATRIX.replace("dog,1,0,1", "dog,1,0"),
        "must have 4 cells in every row, as its header has, got 3 in line 3",
    ),
    "no costs": (
        MATRIX.replace("1", "0"),
        "cost must make some decision cheaper than another",
    ),
    "no rows": ("truth,cat,dog\n", "must hold a header and at least one row"),
    "semicolons": (MATRIX.replace(",", ";"), "must be separated by commas"),
}


@pytest.mark.parametrize("name", BAD_COSTS)
def test_bad_cost_file(name, data, cost, tmp_path):
    text, message = BAD_COSTS[name]
    out = tmp_path / "out"
    result = run("compare", data, "--target", "pet", "--cost", cost(text), "--out", out)
    assert_refused(result, message)
    assert not out.exists()


BAD_OPTIONS = {
    "unknown data": (
        ["german-credti"],
        "data must be a CSV file or one of 'german-credit', 'digits', 'wine', "
        "'breast-cancer', 'vehicle', got 'german-credti'; did you mean "
        "'german-credit'?",
    ),
    "no file": (["gone.csv", "--target", "y"], "data must be a file that exists"),
    "target of built-in": (
        ["wine", "--target", "y"],
        "target must be left out for the built-in 'wine', got 'y'",
    ),
    "no target": (["DATA"], "one of 'size', 'colour', 'pet', got none"),
    "unknown target": (
        ["DATA", "--target", "pets"],
        "one of 'size', 'colour', 'pet', got 'pets'; did you mean 'pet'?",
    ),
    "no cost file": (
        ["DATA", "--target", "pet", "--cost", "gone.csv"],
        "cost must be a file that exists, got 'gone.csv'",
    ),
    "too few examples": (
        ["DATA", "--target", "pet", "--folds", "9"],
        "classes must have at least 9 examples each, one per fold, got "
        "'big horse' (8), 'cat' (8), 'dog' (8): use fewer folds",
    ),
    "unknown loss": (
        ["DATA", "--target", "pet", "--losses", "expected_cost"],
        "got 'expected_cost'; did you mean 'expected_cost_loss'?",
    ),
    "loss left out": (
        ["DATA", "--target", "pet", "--losses", "sinkhorn_loss"],
        "got 'sinkhorn_loss': with one label per example it is expected_cost_loss",
    ),
    "no loss": (["DATA", "--target", "pet", "--losses", ","], "losses must name one"),
    "model": (
        ["DATA", "--target", "pet", "--model", "forest"],
        "model must be of 'linear', 'mlp', 'boosting', got 'forest'",
    ),
    "one fold": (["wine", "--folds", "1"], "folds must be 2 or more, got 1"),
    "no repeat": (["wine", "--repeats", "0"], "repeats must be 1 or more, got 0"),
    "seed": (["wine", "--seed", "-1"], "seed must be 0 or more, got -1"),
    "out is a file": (
        ["wine", "--out", "DATA"],
        "out must be a directory, got the file",
    ),
    "out under a file": (
        ["wine", "--out", "DATA/out"],
        "out must be a directory that can be written",
    ),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_option(name, data):
    arguments, message = BAD_OPTIONS[name]
    arguments = [argument.replace("DATA", str(data)) for argument in arguments]
    before = sorted(data.parent.rglob("*"))
    result = run("compare", "--quiet", *arguments)
    assert_refused(result, message)
    assert sorted(data.parent.rglob("*")) == before


BAD_DATA = {
    "missing target": ("x,y\n1,a\n2,\n3,b\n", "1 missing, the first in data row 2"),
    "one class": ("x,y\n1,a\n2,a\n", "classes must be 2 or more, got 'a'"),
    "constant": (
        "x,y\n1,a\n1,a\n1,b\n1,b\n",
        "features must have a column that varies, got none: 'x': constant",
    ),
    "no features": ("y\na\na\nb\nb\n", "features must have a column that varies"),
    "empty": ("", "must hold a header and at least one row, got 0 rows"),
    "header only": ("x,y\n", "must hold a header and at least one row, got 1 rows"),
    "repeated column": ("x,x,y\n1,2,a\n", "must name each column once, got 'x' twice"),
    "infinity": (
        "x,y\n1,a\ninf,a\n1,b\n1,b\n",
        "features must be finite, got infinity in column 'x'",
    ),
    "ragged": ("x,y\n1,a\n2,a,3\n", "must have 2 cells in every row"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_file(name, tmp_path):
    text, message = BAD_DATA[name]
    path = tmp_path / "data.csv"
    path.write_text(text)
    result = run("compare", path, "--target", "y", "--quiet", "--folds", "2")
    assert_refused(result, message)


def test_bad_encoding(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes("x,y\n1,caf\xe9\n".encode("latin-1"))
    assert_refused(run("compare", path, "--target", "y"), "must be text in utf-8")


def test_byte_order_mark_and_spaces_are_no_part_of_a_name(tmp_path):
    path = tmp_path / "cost.csv"
    path.write_text("\ufefftruth, a ,b\na,0, 1\n b,2,0\n", encoding="utf-8")
    table = read_cost(path)
    assert list(table.index) == ["a", "b"]
    assert list(table.columns) == ["a", "b"]


@pytest.mark.unchecked
def test_bad_arguments_in_python():
    features, y = np.arange(8.0).reshape(8, 1), list("abababab")
    refused = [
        ((features[:-1], y), {}, "as many examples, got 7 and 8"),
        ((features[:, 0], y), {}, r"shape \(examples, columns\), got shape \(8,\)"),
        ((features, [*y[:-1], None]), {}, "class for every example, got 1 missing"),
        (
            (features, features),
            {},
            r"y must hold a class for each example, got shape \(8, 1\)",
        ),
        (
            (features, y),
            {"cost": np.zeros((3, 2))},
            r"shape \(2, 2 or more\).*got \(3, 2\)",
        ),
        ((features, y), {"cost": np.eye(2) * np.nan}, "must be 0 or more and finite"),
        ((features, y), {"folds": 2.5}, "folds must be 2 or more, got 2.5"),
    ]
    for arguments, options, message in refused:
        with pytest.raises(InputError, match=message):
            compare_losses(*arguments, **{"folds": 2, **options})
