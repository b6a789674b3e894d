"""Facts about the operations of torch that tracing needs."""

import math
from typing import Any

import torch
from torch import Tensor

# Say nothing about the numbers of a tensor.
METADATA = {
    *[
        ".shape",
        ".dtype",
        ".device",
        ".ndim",
        ".requires_grad",
        ".grad_fn",
        ".is_leaf",
        ".layout",
    ],
    *[
        ".grad",
        ".is_cuda",
        ".names",
        ".itemsize",
        ".nbytes",
        ".is_sparse",
        ".is_nested",
    ],
    *[
        ".output_nr",
        "._version",
        ".is_cpu",
        ".is_meta",
        ".is_mps",
        ".is_quantized",
        ".is_xla",
    ],
    *[
        ".is_mkldnn",
        ".is_sparse_csr",
        ".is_xpu",
        "._base",
        ".retains_grad",
        ".grad_dtype",
    ],
    *["size", "dim", "numel", "nelement", "stride", "is_floating_point", "is_complex"],
    *["__len__", "is_contiguous", "get_device", "ndimension", "__repr__", "__format__"],
    *["__str__", "storage_offset", "is_same_size", "untyped_storage", "data_ptr"],
    *[
        "__hash__",
        "_is_view",
        "element_size",
        "is_signed",
        "register_hook",
        "retain_grad",
    ],
    *["is_tensor", "result_type", "can_cast", "broadcast_shapes"],
}
SCALARS = {"item", "tolist", "__float__", "__int__", "__index__", "__complex__"}
ARRAYS = {"numpy", "__array__", "__dlpack__", "to_dlpack"}
DETACHES = {"detach", "detach_", ".data", "clone_detach"}
REWRAPS = {"tensor", "as_tensor", "new_tensor", "from_numpy", "asarray"}
CASTS = {"long", "int", "to", "type", "bool", "byte", "short", "char", "type_as"}
COUNTS = {"histc", "histogram", "histogramdd", "bincount", "count_nonzero"}
COUNTS |= {"unique", "unique_consecutive", "_unique2"}
STEPS = {"round", "floor", "ceil", "trunc", "fix", "sign", "sgn", "heaviside"}
STEPS |= {"floor_divide", "__floordiv__", "__rfloordiv__", "bernoulli"}
SUMS = {"add", "sub", "neg", "rsub", "subtract", "__add__", "__sub__", "__radd__"}
SUMS |= {"__rsub__", "__iadd__", "__isub__", "__neg__", "negative", "positive"}
VIEWS = {
    *[
        "view",
        "reshape",
        "permute",
        "transpose",
        "movedim",
        "flatten",
        "squeeze",
        "unsqueeze",
    ],
    *[
        "__getitem__",
        "contiguous",
        "clone",
        "select",
        "narrow",
        "expand",
        ".T",
        ".mT",
        "t",
        "gather",
    ],
    *[
        "unbind",
        "chunk",
        "split",
        "index_select",
        "to",
        "float",
        "double",
        "half",
        "view_as",
        "swapaxes",
    ],
    *["unflatten", "expand_as", "type", "requires_grad_", "take_along_dim", "moveaxis"],
}
SHAPING = {
    *[
        "unsqueeze",
        "expand",
        "outer",
        "meshgrid",
        "expand_as",
        "repeat",
        "repeat_interleave",
    ],
    *[
        "broadcast_to",
        "tile",
        "cartesian_prod",
        "ger",
        "atleast_2d",
        "atleast_3d",
        "unflatten",
    ],
}
SELECTS = {"where", "masked_fill", "masked_select", "masked_scatter", "nan_to_num"}
DIVIDES = {"div", "true_divide", "divide", "__truediv__", "__rtruediv__", "reciprocal"}
DIVIDES |= {"__rdiv__", "__div__", "__itruediv__", "__idiv__"}
SQUASHES = {"softmax", "sigmoid", "softmin", "expit"}
LOG_SQUASHES = {"log_softmax", "logsigmoid"}
TAKES_LOGITS = {"cross_entropy", "binary_cross_entropy_with_logits"}
TAKES_LOGITS |= {"multilabel_soft_margin_loss"}
TAKES_LOG_PROBS = {"kl_div", "nll_loss"}
ASYMMETRIC = {"cross_entropy", "binary_cross_entropy", "kl_div", "poisson_nll_loss"}
ASYMMETRIC |= {"binary_cross_entropy_with_logits"}


def name_of(function: Any) -> str:
    """Name of an operation; of a property it begins with a dot."""
    name = getattr(function, "__name__", "") or str(function)
    if name in ("__get__", "__set__"):
        return f".{function.__self__.__name__}" + ("=" if name == "__set__" else "")
    return str(name)


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in arguments or results, in their order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in tensors_in(part)]
    if isinstance(value, dict):
        return tensors_in(list(value.values()))
    if isinstance(value, slice):
        return tensors_in((value.start, value.stop, value.step))
    return []


def is_live(tensor: Tensor) -> bool:
    """Whether gradients flow through a tensor, seen through vmap and grad too."""
    return bool(torch.func.debug_unwrap(tensor, recurse=True).requires_grad)


def is_wrapped(tensor: Tensor) -> bool:
    """Whether a tensor belongs to a transform of torch.func."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def switches_on(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an operation makes a value require a gradient."""
    if name in REWRAPS:
        return bool(kwargs.get("requires_grad"))
    if name in ("requires_grad_", ".requires_grad="):
        return bool(args[1] if len(args) > 1 else kwargs.get("requires_grad", True))
    return False


def steps(name: str, kwargs: dict[str, Any]) -> bool:
    """Whether an operation has the derivative zero everywhere."""
    plain = name if name.startswith("__") else name.removesuffix("_")
    return plain in STEPS or bool(kwargs.get("rounding_mode"))


def cause_of(name: str, results: list[Tensor], grad_mode: bool) -> str:
    """Cause of a cut by the operation that makes it, and by what comes out."""
    if name in SCALARS:
        return "ITEM_ESCAPE"
    if name in ARRAYS:
        return "NUMPY_ESCAPE"
    if not results:
        return "BRANCH"
    if name in COUNTS:
        return "NONDIFF_OP"
    if name in DETACHES:
        return "DETACH"
    if name in REWRAPS:
        return "REWRAP"
    kinds = [result for result in results if not result.is_floating_point()]
    if name in CASTS and kinds:
        return "INT_CAST"
    if kinds:
        boolean = kinds[0].dtype == torch.bool
        return "HARD_THRESHOLD" if boolean else "INDEX_OP"
    return "NONDIFF_OP" if grad_mode else "NO_GRAD"


def infinite_on_purpose(args: Any) -> bool:
    """Whether a number among the arguments is itself infinite."""
    if isinstance(args, (list, tuple)):
        return any(map(infinite_on_purpose, args))
    return isinstance(args, float) and not math.isfinite(args)
