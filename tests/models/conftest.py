"""Prepares the libraries whose models are tested; without them their tests are left."""

from importlib.util import find_spec

import torch

LIBRARIES = "peft", "timm", "torchvision", "transformers"
collect_ignore = []
if all(find_spec(name) for name in LIBRARIES):
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        # Its compiled half does not load beside a torch without CUDA; what the models
        # need of it does, once these are declared.
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor a, Tensor b, float c) -> Tensor")
else:
    collect_ignore += ["test_library_models.py", "library_models.py"]
