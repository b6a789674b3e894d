"""The report as a page: whole, harmless, small, and readable without a network."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from costfn.compare import compare_losses
from costfn.compare._report import render
from small_data import COST, overlapping

pytestmark = [pytest.mark.slow, pytest.mark.unchecked]
LOSSES = ["expected_cost_loss", "log_cost_loss"]


@pytest.fixture(scope="module")
def found():
    return compare_losses(*overlapping(), cost=COST, losses=LOSSES, repeats=1)


@pytest.fixture(scope="module")
def page(found):
    return render(found)


class Parts(HTMLParser):
    """Tags, their attributes, and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


def test_it_says_all_that_a_reader_needs(found, page):
    text = " ".join(" ".join(Parts(page).text).split())
    for sentence in found.verdict:
        assert " ".join(sentence.split()) in text
    for row in found.summary:
        assert row.name in text
    for heading in ("The question", "The answer", "All rows", "Pictures", "The costs"):
        assert heading in text
    for title in ("Differences from", "Where the cost", "If the costs", "honest"):
        assert title in text
    assert "Handing an example to a person pays" in text
    assert "income" in text and "costfn predict" in text


def test_nothing_is_loaded_and_nothing_runs(page):
    parts = Parts(page)
    assert not {"script", "link", "iframe", "object", "embed"} & set(parts.tags)
    assert not [name for name, _ in parts.attributes if name.startswith("on")]
    urls = [v for n, v in parts.attributes if n in ("src", "href", "xlink:href")]
    assert all(url.startswith("#") for url in urls)
    assert len(page.encode()) < 2_000_000
    ids = [value for name, value in parts.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_names_are_text_and_not_markup():
    features, y = overlapping(60)
    evil = "<script>alert(1)</script>"
    features = features.rename(columns={"income": evil, "noise": '" onload="x'})
    names = np.where(y == "bad", "=cmd()", "<img src=x onerror=y>")
    cost = pd.DataFrame(COST.to_numpy(), *(["<img src=x onerror=y>", "=cmd()"],) * 2)
    found = compare_losses(
        features, names, cost=cost, losses=LOSSES, folds=2, repeats=1, name=evil
    )
    page = render(found)
    parts = Parts(page)
    assert not {"script", "img"} & set(parts.tags)
    assert not [name for name, _ in parts.attributes if name.startswith("on")]
    assert evil in "".join(parts.text)
    assert evil not in found._repr_html_()


def test_many_classes_and_columns_stay_small():
    generator = np.random.default_rng(0)
    y = np.arange(240) % 24
    X = generator.normal(size=(240, 300)) + y[:, None]
    found = compare_losses(X, y, losses=["cross_entropy"], folds=2, repeats=1)
    assert len(render(found).encode()) < 2_000_000


def test_pictures_do_not_rely_on_colour_alone(page):
    assert not re.search(r"#(1b7837|b2182b|00ff00|ff0000|008000)", page)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
@pytest.mark.parametrize("width", [390, 1280])
def test_it_opens_in_a_browser_without_a_word_in_the_console(page, width, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    options += [f"--window-size={width},900", "--dump-dom", path.as_uri()]
    done = subprocess.run(
        ["chromium", *options], capture_output=True, text=True, timeout=120, check=True
    )
    assert "The answer" in done.stdout
    assert "CONSOLE" not in done.stderr


def test_frames_for_notebooks(found):
    frame = found.to_frame()
    assert frame.value.tolist() == [row.value for row in found.summary]
    assert "<table" in found._repr_html_()
    assert found.recommended in found.summary
