"""JAX losses as torch functions: derivatives of every order, memory and dtypes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

import costfn
import costfn_jax
from costfn_jax import from_jax

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 3.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 2])
cross_entropy = from_jax(optax.softmax_cross_entropy_with_integer_labels)


def theirs(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels, reduction="none")


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.fixture
def without_x64():
    with jax.enable_x64(False):
        yield


TRANSFORMS = {
    "value": lambda f: f(LOGITS, LABELS),
    "grad": lambda f: grad(lambda z: f(z, LABELS).sum())(LOGITS),
    "jacrev": lambda f: jacrev(f)(LOGITS, LABELS),
    "jacfwd": lambda f: jacfwd(f)(LOGITS, LABELS),
    "hessian": lambda f: hessian(f)(LOGITS[0], LABELS[0]),
    "third": lambda f: jacrev(jacrev(jacrev(f)))(LOGITS[0], LABELS[0]),
    "vmap": lambda f: vmap(f)(LOGITS, LABELS),
    "vmap of one": lambda f: vmap(f, in_dims=(None, 0))(LOGITS[0], LABELS),
    "vmap(vmap)": lambda f: vmap(vmap(f))(torch.stack([LOGITS, -LOGITS]), PAIRS),
    "vmap(grad)": lambda f: vmap(grad(f))(LOGITS, LABELS),
    "jvp(grad)": lambda f: jvp(
        grad(lambda z: f(z, LABELS).sum()), (LOGITS,), (LOGITS.flip(0),)
    ),
}
PAIRS = torch.stack([LABELS, LABELS])


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_those_of_the_same_loss_in_torch(name, x64):
    def one(logits, labels):
        return -logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)

    with jax.enable_x64(x64):
        close(TRANSFORMS[name](cross_entropy), TRANSFORMS[name](one))


@pytest.mark.parametrize("x64", [False, True])
def test_gradcheck_of_both_arguments_and_orders(x64):
    loss = from_jax(lambda z, c: (jax.nn.softmax(z) * c).sum(-1))
    z, c = (LOGITS.clone().requires_grad_() for _ in range(2))
    with jax.enable_x64(x64):
        assert torch.autograd.gradcheck(loss, (z, c), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(loss, (z, c), check_fwd_over_rev=True)


def test_backward_and_double_backward():
    z = LOGITS.clone().requires_grad_()
    (first,) = torch.autograd.grad(cross_entropy(z, LABELS).sum(), z, create_graph=True)
    first.square().sum().backward()
    w = LOGITS.clone().requires_grad_()
    (g,) = torch.autograd.grad(theirs(w, LABELS).sum(), w, create_graph=True)
    g.square().sum().backward()
    close(first, g)
    close(z.grad, w.grad)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtypes_come_back_as_they_went(dtype):
    z = LOGITS.to(dtype).requires_grad_()
    loss = cross_entropy(z, LABELS)
    loss.sum().backward()
    assert loss.dtype == z.grad.dtype == dtype
    wide = theirs(z.double(), LABELS)  # optax does not compute in more than it is given
    assert (loss - wide).abs().max() <= 4 * torch.finfo(dtype).eps * wide.max()


def test_float64_is_not_rounded_where_jax_has_none(without_x64):
    found = cross_entropy(LOGITS, LABELS)
    assert found.dtype == torch.float64
    close(found, theirs(LOGITS, LABELS))
    assert jnp.from_dlpack(LOGITS).dtype == jnp.float32  # what would happen


def test_int64_is_checked_where_jax_has_none(without_x64):
    """2**31 + 5 would come out as -2147483643."""
    double = from_jax(lambda i: i + 1)
    assert double(torch.tensor([2**31 - 2])).tolist() == [2**31 - 1]
    with pytest.raises(ValueError, match=r"must fit in 32 bits .* got 2147483653"):
        double(torch.tensor([1, 2**31 + 5]))
    with pytest.raises(TypeError, match=r"got torch.uint64"):
        double(torch.tensor([1], dtype=torch.uint64))


def test_int64_is_whole_where_jax_has_it():
    with jax.enable_x64(True):
        assert from_jax(lambda i: i + 1)(torch.tensor([2**40])).tolist() == [2**40 + 1]


@pytest.mark.parametrize(
    "lay_out",
    [
        lambda x: x.T.contiguous().T,
        lambda x: torch.cat([x, x], -1)[:, :3],
        lambda x: torch.stack([x, x], -1)[..., 0],
        lambda x: x[:1].expand(2, 3),
        lambda x: torch.cat([x.new_zeros(1), x.flatten()])[1:].reshape(2, 3),
        lambda x: torch._neg_view(-x),
    ],
    ids=["transposed", "sliced", "strided", "expanded", "unaligned", "negated"],
)
def test_any_memory_layout(lay_out):
    z = lay_out(LOGITS)
    close(cross_entropy(z, LABELS), theirs(z, LABELS))


def test_empty_scalar_and_boolean_tensors():
    assert cross_entropy(torch.zeros(0, 3), torch.zeros(0).long()).shape == (0,)
    square = from_jax(lambda x, keep: jnp.where(keep, x * x, 0.0))
    x = torch.tensor(3.0, requires_grad=True)
    square(x, torch.tensor(True)).backward()
    assert x.grad == 6


def test_nothing_is_copied():
    seen = []
    loss = from_jax(lambda x: (x * x).sum())
    x = torch.arange(16.0, requires_grad=True)
    array = jnp.from_dlpack(x.detach())
    assert array.unsafe_buffer_pointer() == x.data_ptr()  # aligned, so no copy
    loss(x).backward()
    seen.append(x.grad)
    torch.testing.assert_close(seen[0], 2 * x.detach())


def test_a_step_in_place_after_the_loss_changes_nothing():
    """Without waiting, JAX read the zeros in 5 of 5 runs."""

    def slow(x):
        return jax.lax.fori_loop(0, 40, lambda _, y: jnp.sin(y) + x, x)

    loss = from_jax(slow)
    start = torch.linspace(0, 1, 2_000_000)
    expected = loss(start.clone())
    for _ in range(3):
        x = start.clone()
        found = loss(x)
        x.zero_()
        torch.testing.assert_close(found, expected)


def test_a_result_shares_no_memory_with_an_argument():
    identity = from_jax(lambda x: x)
    x = torch.arange(64.0)
    identity(x).zero_()
    assert torch.equal(x, torch.arange(64.0))


def test_constants_and_keywords():
    loss = from_jax(
        lambda z, *, scale, of: scale * (z**2 if of == "square" else z).sum()
    )
    z = torch.tensor([1.0, 3.0])
    assert loss(z, scale=2.0, of="square") == 20
    assert loss(z, scale=torch.tensor(3.0), of="plain") == 12
    assert grad(lambda s: loss(z, scale=s, of="plain"))(torch.tensor(3.0)) == 4
    with pytest.raises(
        TypeError, match=r"hashable constants, got Tensor, ndarray, str"
    ):
        loss(z, scale=np.ones(1), of="plain")


def test_what_is_no_loss_is_refused():
    with pytest.raises(TypeError, match="loss must be a function, got int"):
        from_jax(3)
    with pytest.raises(TypeError, match=r"loss must return one array, got tuple"):
        from_jax(lambda x: (x, x))(torch.ones(2))


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_torch_compile_runs_it_uncompiled():
    torch.compiler.reset()

    @torch.compile(backend="aot_eager")
    def step(z):
        return 2 * cross_entropy(2 * z, LABELS).sum()

    z = LOGITS.clone().requires_grad_()
    loss = step(z)
    loss.backward()
    close(loss, 2 * theirs(2 * LOGITS, LABELS).sum())
    close(z.grad, grad(lambda z: 2 * theirs(2 * z, LABELS).sum())(LOGITS))
    torch.compiler.reset()


def test_a_training_step_with_it_is_torchs_own():
    def train(loss):
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 3).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            loss(model(LOGITS), LABELS).mean().backward()
            optimizer.step()
        return model.weight

    close(train(cross_entropy), train(theirs))


def test_a_new_number_is_not_compiled_anew():
    """0.08 s each, it was: a schedule of focal loss's gamma has one for each step."""
    traced = []

    def focal(logits, labels, gamma):
        traced.append(gamma)
        return costfn_jax.focal_loss(logits, labels, gamma=gamma)

    loss = from_jax(focal)
    for gamma in (0.5, 1.25, 3.0):
        z = LOGITS.clone().requires_grad_()
        found = loss(z, LABELS, gamma)
        found.sum().backward()
        w = LOGITS.clone().requires_grad_()
        wanted = costfn.focal_loss(w, LABELS, gamma=gamma)
        wanted.sum().backward()
        close(found, wanted)
        close(z.grad, w.grad)
    # Each is seen once as it is, so that a bad one is refused. What is compiled is
    # traced for all of them: value and gradient.
    assert sum(isinstance(gamma, float) for gamma in traced) == 3
    assert sum(not isinstance(gamma, float) for gamma in traced) == 2
    with pytest.raises(ValueError, match="gamma must be"):
        loss(LOGITS, LABELS, -1.0)
    close(
        hessian(lambda z: loss(z, LABELS[:1], 2.5).sum())(LOGITS[:1]),
        hessian(lambda z: costfn.focal_loss(z, LABELS[:1], gamma=2.5).sum())(
            LOGITS[:1]
        ),
    )
    close(
        vmap(lambda z, y: loss(z, y, 0.75))(LOGITS, LABELS), loss(LOGITS, LABELS, 0.75)
    )


def test_a_number_that_chooses_a_formula():
    def power(x, exponent):
        return jnp.abs(x) if exponent == 1 else jnp.abs(x) ** exponent

    loss = from_jax(power)
    for exponent in (1.0, 2.0, 1.0):
        close(loss(LOGITS, exponent), LOGITS.abs() ** exponent)


def test_a_number_keeps_the_dtype(without_x64):
    loss = from_jax(lambda x, factor: factor * x)
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        found = loss(LOGITS.to(dtype), 0.1)
        assert found.dtype == dtype
        torch.testing.assert_close(found, 0.1 * LOGITS.to(dtype))
