"""Running the command, and a file to run it on."""

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from costfn._cli.commands import app

QUICK = ["--losses", "log_cost_loss", "--folds", "2", "--repeats", "1"]


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def in_one_line(text):
    return " ".join(text.split())


def assert_refused(result, message):
    assert result.exit_code == 2, result.output
    assert in_one_line(message) in in_one_line(result.stderr)
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def write_data(folder):
    """24 examples of three classes, with text, gaps and a name with a space."""
    generator = np.random.default_rng(0)
    y = np.arange(24) % 3
    table = pd.DataFrame(
        {
            "size": generator.normal(size=24).round(3) + 3 * y,
            "colour": generator.choice(["red", "blue"], size=24),
            "pet": np.array(["cat", "dog", "big horse"])[y],
        }
    )
    table.loc[3, "size"] = np.nan
    table.loc[4, "colour"] = "?"
    table.to_csv(folder / "data.csv", index=False)
    return folder / "data.csv"
