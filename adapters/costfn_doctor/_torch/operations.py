"""Facts about the operations of torch that tracing needs."""

import math
from typing import Any

import torch
from torch import Tensor

from .._method.nested import leaves


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# They tell nothing about the numbers in a tensor.
METADATA = _words(
    """
    ._base broadcast_shapes can_cast data_ptr .device dim .dtype element_size
    __format__ get_device .grad .grad_dtype .grad_fn __hash__ is_complex
    is_contiguous .is_cpu .is_cuda is_floating_point .is_leaf .is_meta .is_mkldnn
    .is_mps .is_nested .is_quantized is_same_size is_signed .is_sparse
    .is_sparse_csr is_tensor _is_view .is_xla .is_xpu .itemsize .layout __len__
    .names .nbytes .ndim ndimension nelement numel .output_nr register_hook __repr__
    .requires_grad result_type retain_grad .retains_grad .shape size storage_offset
    __str__ stride untyped_storage ._version
    """
)
# They make a Python number of a tensor.
SCALARS = _words("__complex__ __float__ __index__ __int__ item tolist")
# They make a NumPy array, or another library's, of a tensor.
ARRAYS = _words("__array__ __dlpack__ numpy to_dlpack")
DETACHES = _words("clone_detach .data detach detach_")
# They build a new tensor of values.
REWRAPS = _words("as_tensor asarray from_numpy new_tensor tensor")
CASTS = _words("bool byte char int long short to type type_as")
COUNTS = _words(
    """
    bincount count_nonzero histc histogram histogramdd unique _unique2
    unique_consecutive
    """
)
# Their derivative is zero everywhere.
STEPS = _words(
    """
    bernoulli ceil fix floor floor_divide __floordiv__ heaviside normal poisson
    __rfloordiv__ round sgn sign trunc
    """
)
# A straight-through estimator consists of these and of views.
SUMS = _words(
    """
    __add__ add __iadd__ __isub__ __neg__ neg negative positive __radd__ __rsub__
    rsub __sub__ sub subtract
    """
)
VIEWS = _words(
    """
    .T chunk clone contiguous double expand expand_as flatten float gather
    __getitem__ half index_select .mT moveaxis movedim narrow permute requires_grad_
    reshape select split squeeze swapaxes t take_along_dim to transpose type unbind
    unflatten unsqueeze view view_as
    """
)
# They make an axis, so a broadcast that follows may be intended.
SHAPING = _words(
    """
    atleast_2d atleast_3d broadcast_to cartesian_prod expand expand_as ger meshgrid
    outer repeat repeat_interleave tile unflatten unsqueeze
    """
)
GATHERS = _words("gather __getitem__ index_select take_along_dim")
# They throw values away.
SELECTS = _words("masked_fill masked_scatter masked_select nan_to_num where")
DIVIDES = _words(
    """
    __div__ div divide __idiv__ __itruediv__ __rdiv__ reciprocal __rtruediv__
    true_divide __truediv__
    """
)
# Activations whose result is between 0 and 1, and those that are their logarithms.
SQUASHES = _words("expit sigmoid softmax softmin")
LOG_SQUASHES = _words("log_softmax logsigmoid")
TAKES_LOGITS = _words(
    """
    binary_cross_entropy_with_logits cross_entropy multilabel_soft_margin_loss
    """
)
TAKES_LOG_PROBS = _words("kl_div nll_loss")
# Losses in which prediction and target cannot change places.
ASYMMETRIC = _words(
    """
    binary_cross_entropy binary_cross_entropy_with_logits cross_entropy kl_div
    poisson_nll_loss
    """
)


def name_of(function: Any) -> str:
    """Name of an operation; of a property it begins with a dot."""
    name = getattr(function, "__name__", "") or str(function)
    if name in ("__get__", "__set__"):
        return f".{function.__self__.__name__}" + ("=" if name == "__set__" else "")
    return str(name)


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in a nested value, in their order."""
    return [leaf for leaf in leaves(value) if isinstance(leaf, Tensor)]


def is_live(tensor: Tensor) -> bool:
    """Whether gradients flow through a tensor, inside vmap and grad too."""
    return bool(torch.func.debug_unwrap(tensor, recurse=True).requires_grad)


def is_wrapped(tensor: Tensor) -> bool:
    """Whether a tensor belongs to a transform of torch.func."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def enables_grad(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an operation makes a value require a gradient."""
    if name in REWRAPS:
        return bool(kwargs.get("requires_grad"))
    if name in ("requires_grad_", ".requires_grad="):
        return bool(args[1] if len(args) > 1 else kwargs.get("requires_grad", True))
    return False


def steps(name: str, kwargs: dict[str, Any]) -> bool:
    """Whether the derivative of an operation is zero everywhere."""
    plain = name if name.startswith("__") else name.removesuffix("_")
    return plain in STEPS or bool(kwargs.get("rounding_mode"))


def cause_of(name: str, results: list[Tensor], grad_mode: bool) -> str:
    """Cause of a cut, by the operation and by its results without gradient."""
    if name in SCALARS:
        return "ITEM_ESCAPE"
    if name in ARRAYS:
        return "NUMPY_ESCAPE"
    if not results:  # a Python bool: `if`, `while` or `torch.equal`
        return "BRANCH"
    if name in COUNTS:
        return "NONDIFF_OP"
    if name in DETACHES:
        return "DETACH"
    if name in REWRAPS:
        return "REWRAP"
    discrete = [result for result in results if not result.is_floating_point()]
    if not grad_mode and len(discrete) < len(results):
        return "NO_GRAD"
    if name in CASTS and discrete:
        return "INT_CAST"
    if discrete:
        boolean = discrete[0].dtype == torch.bool
        return "HARD_THRESHOLD" if boolean else "INDEX_OP"
    return "NONDIFF_OP" if grad_mode else "NO_GRAD"


def infinite_on_purpose(args: Any) -> bool:
    """Whether a Python number among the arguments is itself not finite."""
    return any(
        isinstance(leaf, float) and not math.isfinite(leaf) for leaf in leaves(args)
    )
