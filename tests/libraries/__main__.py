"""Diagnoses losses of other libraries: `make test-doctor-libraries`.

It writes the table of docs/doctor_libraries.md, and fails where a loss has an error
that is not known to be a fault of that loss.
"""

import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    # Its compiled half does not load beside a torch without CUDA; what the losses
    # need of it does, once these are declared.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor a, Tensor b, float c) -> Tensor")

from costfn.doctor import diagnose
from tests.libraries import metric_learning_and_others, monai_and_kornia

PAGE = Path(__file__).parents[2] / "docs" / "doctor_libraries.md"
# Errors that are right, each with what a plain call of the loss shows.
KNOWN = {
    "monai JukeboxLoss": "the root of an amplitude of 0, at a constant image",
    "kornia psnr_loss": "minus infinity for a perfect prediction",
    "kornia kl_div_loss_2d": "infinite for a probability of exactly 0",
    "pml TupletMarginLoss": "arc cosine of a cosine rounded above 1, for two "
    "embeddings in one direction",
    "torchmetrics minkowski_distance": "0 to the power 1/3, at a perfect prediction",
    "torchmetrics kl_divergence": "infinite for a probability of exactly 0",
    "torchmetrics perplexity": "gradient not finite for logits of 30 and -30",
    "torchmetrics concordance_corrcoef, 1 minus": "0/0 at a constant prediction",
}
PACKAGES = (
    "monai",
    "kornia",
    "pytorch-metric-learning",
    "segmentation-models-pytorch",
    "torchmetrics",
)


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rows, wrong = [], []
    for name, case in {
        **monai_and_kornia.CASES,
        **metric_learning_and_others.CASES,
    }.items():
        torch.manual_seed(0)
        report = diagnose(*case)
        worst = [f for f in report.findings if f.severity != "information"]
        said = ", ".join(dict.fromkeys(f"{f.cause} ({f.severity})" for f in worst))
        note = f": {KNOWN[name]}" if name in KNOWN else ""
        rows.append(f"| {name} | {report.verdict} | {said}{note} |")
        print(f"{name}: {report.verdict} {said} ({report.seconds:.1f} s)", flush=True)
        if "-v" in sys.argv and worst:
            print(report)
        if report.verdict == "broken" and name not in KNOWN:
            wrong.append(name)
    if "--write" in sys.argv:
        write(rows)
    if wrong:
        sys.exit(f"{len(wrong)} of {len(rows)} losses with an error: {wrong}")


def write(rows: list[str]) -> None:
    counts = {
        verdict: sum(f"| {verdict} |" in row for row in rows)
        for verdict in ("ok", "suspicious", "broken")
    }
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    head = PAGE.read_text().split("<!-- table -->")[0]
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    table = ["| loss | verdict | findings |", "| --- | --- | --- |", *rows]
    said = f"{versions}: {len(rows)} losses, {summary}."
    PAGE.write_text("\n".join([f"{head}<!-- table -->", "", said, "", *table, ""]))


if __name__ == "__main__":
    main()
