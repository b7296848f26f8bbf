"""Networks without a wiring: each against its formula, its peer in torch, and the protocol."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from anlage.network import (
    DenseRecurrent,
    Gated,
    Leaky,
    LearningNetwork,
    Perceptron,
    SparseRecurrent,
    Transformer,
    budget,
    read,
)
from anlage.network.dense import square_matrix
from anlage.network.recurrent import Physiology
from anlage.network.sparse import random_wiring
from anlage.network.start import scale
from anlage.network.transformer import ROTARY_BASE, Shape, rotated
from anlage.testing import check_network

IN, OUT = 4, 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=generator(seed))


def perceptron(n_out: int = OUT, window: int = 3) -> Perceptron:
    return Perceptron(IN, n_out, (7, 5), window, generator())


def gated(n_out: int = OUT) -> Gated:
    return Gated(IN, n_out, 6, generator())


def transformer(n_out: int = OUT, context: int = 3) -> Transformer:
    return Transformer(IN, n_out, Shape(8, 10, 2, 2), context, generator())


def dense(n_out: int = OUT) -> DenseRecurrent:
    return DenseRecurrent(IN, n_out, square_matrix(6, "orthogonal", 0.9, generator()), Leaky(0.5), 2, generator())


def sparse(n_out: int = OUT) -> SparseRecurrent:
    wiring = scale(random_wiring(6, 14, (4, 5), np.random.default_rng(0)), 0.9)[0]
    return SparseRecurrent(IN, n_out, wiring, Physiology(plasticity="free"), generator())


EVERY = [perceptron, gated, transformer, dense, sparse]


@pytest.mark.parametrize("make", EVERY)
def test_every_network_keeps_the_contract(make: type) -> None:
    made = make(IN)
    assert isinstance(made, LearningNetwork)
    check_network(made, IN)


@pytest.mark.parametrize("context", [1, 2, 3, 5, 9])
def test_a_transformer_stepped_equals_one_unrolled_before_and_after_its_window_is_full(context: int) -> None:
    check_network(transformer(IN, context), IN)


@pytest.mark.parametrize("make", EVERY)
def test_unrolling_equals_repeated_steps_in_every_gradient_too(make: type) -> None:
    made, results = make().double(), []

    def stepped(embedding: Tensor) -> Tensor:
        state, predictions = made.start(2), []
        for t in range(5):
            state, prediction = made.step(state, embedding[:, t])
            predictions.append(prediction)
        return torch.stack(predictions, 1)

    for run in (lambda x: made.unroll(x)[1], stepped):
        embedding = normal(2, 5, IN).double().requires_grad_()
        predictions = run(embedding)
        assert predictions.shape == (2, 5, OUT)
        loss = (predictions * torch.arange(OUT)).sin().sum()
        results.append([predictions, *torch.autograd.grad(loss, [embedding, *made.parameters()])])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", EVERY)
def test_the_same_generator_gives_the_same_start(make: type) -> None:
    assert all(torch.equal(a, b) for a, b in zip(make().parameters(), make().parameters(), strict=True))


def test_a_perceptron_is_its_closed_form_and_sees_nothing_before_its_window() -> None:
    made, embedding = perceptron(window=2), normal(3, 6, IN)
    states, predictions = made.unroll(embedding)
    first, second, last = made.layers
    seen = torch.cat([embedding[:, 3], embedding[:, 4]], -1)
    hidden = (seen @ first.weight.T + first.bias).clamp_min(0)
    hidden = (hidden @ second.weight.T + second.bias).clamp_min(0)
    torch.testing.assert_close(states[:, 4], hidden)
    torch.testing.assert_close(predictions[:, 4], hidden @ last.weight.T + last.bias)
    changed = embedding.clone()
    changed[:, :3] += 1
    assert torch.equal(made.unroll(changed)[1][:, 4:], predictions[:, 4:])
    assert not torch.equal(made.unroll(changed)[1][:, 3], predictions[:, 3])


def test_a_gated_network_is_the_gated_network_of_torch() -> None:
    made, peer, embedding = gated().double(), nn.GRU(IN, 6, batch_first=True).double(), normal(3, 9, IN).double()
    with torch.no_grad():
        made.into.bias.copy_(normal(18))  # zeros at the start would hide a bias in the wrong place
        peer.weight_ih_l0.copy_(made.into.weight)
        peer.weight_hh_l0.copy_(made.recurrent)
        peer.bias_ih_l0.copy_(made.into.bias)
        peer.bias_hh_l0.zero_()
    torch.testing.assert_close(made.unroll(embedding)[0], peer(embedding)[0])


def test_a_dense_network_is_its_formula_written_out() -> None:
    made, embedding = dense(), normal(2, 2, IN)
    now = torch.zeros(2, 6)
    for t in range(2):
        drive = embedding[:, t] @ made.into.weight.T + made.into.bias
        for _ in range(2):
            now = 0.5 * now + 0.5 * torch.tanh(now @ made.recurrent.T + drive)
    states, predictions = made.unroll(embedding)
    torch.testing.assert_close(states[:, 1], now)
    torch.testing.assert_close(predictions[:, 1], now @ made.out.weight.T + made.out.bias)


def written_out(made: Transformer, embedding: Tensor) -> Tensor:
    """The last layer of one sequence at its last moment, by loops over layers, heads and moments, with complex rotations."""
    time, width = len(embedding), made.shape.width
    per_head = width // made.shape.heads
    turn = torch.tensor([ROTARY_BASE ** (-i / (per_head // 2)) for i in range(per_head // 2)]).to(embedding)

    def normal_to(x: Tensor) -> Tensor:
        return (x - x.mean()) / (x.var(unbiased=False) + 1e-5).sqrt()

    def turned(x: Tensor, t: int) -> Tensor:
        pairs = torch.view_as_complex(x.reshape(-1, 2).contiguous()) * torch.polar(torch.ones_like(turn), t * turn)
        return torch.view_as_real(pairs).flatten()

    now = [made.into.weight @ x + made.into.bias for x in embedding]
    for block in made.blocks:
        parts = [
            block.query_key_value.weight @ (normal_to(x) * block.before_attention.weight + block.before_attention.bias)
            + block.query_key_value.bias
            for x in now
        ]
        after = []
        for t in range(time):
            heads = []
            for h in range(made.shape.heads):
                rows = slice(h * per_head, (h + 1) * per_head)
                window = range(max(0, t - made.context + 1), t + 1)
                query = turned(normal_to(parts[t][:width][rows]), t)
                keys = [turned(normal_to(parts[s][width : 2 * width][rows]), s) for s in window]
                share = torch.stack([query @ key / math.sqrt(per_head) for key in keys]).softmax(0)
                heads.append(sum(a * parts[s][2 * width :][rows] for a, s in zip(share, window, strict=True)))
            x = now[t] + block.attention_scale * (block.joined.weight @ torch.cat(heads) + block.joined.bias)
            hidden = block.up.weight @ (normal_to(x) * block.before_hidden.weight + block.before_hidden.bias)
            hidden = hidden + block.up.bias
            hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
            after.append(x + block.hidden_scale * (block.down.weight @ hidden + block.down.bias))
        now = after
    return normal_to(now[-1]) * made.last.weight + made.last.bias


@pytest.mark.parametrize("context", [2, 6])
def test_a_transformer_is_its_formula_written_out_in_loops(context: int) -> None:
    made, embedding = transformer(context=context).double(), normal(6, IN).double()
    with torch.no_grad():  # scales and shifts away from their start, where they would hide each other
        for number, parameter in enumerate(made.parameters()):
            parameter.add_(0.3 * normal(*parameter.shape, seed=number))
    states, predictions = made.unroll(embedding[None])
    expected = written_out(made, embedding)
    torch.testing.assert_close(states[0, -1], expected)
    torch.testing.assert_close(predictions[0, -1], made.out.weight @ expected + made.out.bias)


def test_a_layer_of_a_transformer_reaches_back_as_far_as_its_context_and_two_layers_twice_as_far() -> None:
    embedding = normal(1, 9, IN).double().requires_grad_()
    predictions = transformer(context=3).double().unroll(embedding)[1]
    (gradient,) = torch.autograd.grad(predictions[0, 8].sum(), embedding)
    assert [bool(g.any()) for g in gradient[0]] == [False] * 4 + [True] * 5


def test_products_of_turned_vectors_depend_on_their_distance_in_time_alone() -> None:
    one, other = normal(6).double(), normal(6, seed=2).double()
    places = rotated(one.expand(40, 6)), rotated(other.expand(40, 6))
    products = places[0] @ places[1].T
    for distance in (-7, 0, 3):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along))
    assert abs(products[0, 0] - products[0, 3]) > 0.1
    torch.testing.assert_close(places[0].norm(dim=1), one.norm().expand(40))
    torch.testing.assert_close(rotated(one.expand(4, 6), first=36), places[0][36:])


def test_a_stream_of_any_length_steps_as_it_would_at_its_beginning() -> None:
    """The last predictions after a hundred observations are those of a fresh life that begins just far enough back."""
    made, embedding = transformer(context=4).double(), normal(1, 100, IN).double()
    state = made.start(1)
    with torch.no_grad():
        for t in range(100):
            state, prediction = made.step(state, embedding[:, t])
        torch.testing.assert_close(prediction, made.unroll(embedding[:, -7:])[1][:, -1])
    assert state.key.shape == (2, 1, 3, 8)


def root_mean_square(x: Tensor) -> float:
    return float(x.detach().square().mean().sqrt())


def test_signals_keep_their_size_through_every_network_at_its_start() -> None:
    embedding = normal(64, 4, 64)
    deep = Perceptron(64, 64, (256,) * 6, 1, generator())
    sizes = []
    seen = embedding
    for layer in deep.layers:
        seen = layer(seen)
        sizes.append(root_mean_square(seen))
        seen = seen.relu()
    # Every layer in turn; at a gain of 1 the last would have 2 ** -3 = 0.125.
    assert sizes == pytest.approx([1.0] * 7, rel=0.2)
    wide = Gated(64, 64, 256, generator())
    assert root_mean_square(wide.into(embedding)) == pytest.approx(1, rel=0.05)
    for matrix in wide.recurrent.view(3, 256, 256):
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(256), rtol=0, atol=1e-4)
    seen = Transformer(64, 64, Shape(64, 256, 4, 3), 8, generator())
    states, predictions = seen.unroll(embedding)
    assert root_mean_square(seen.into(embedding)) == pytest.approx(1, rel=0.1)
    assert root_mean_square(states) == pytest.approx(1, rel=0.01)
    assert root_mean_square(predictions) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("kind", ["orthogonal", "glorot"])
def test_a_dense_matrix_has_the_stated_spectral_radius(kind: str) -> None:
    matrix = square_matrix(80, kind, 0.7, generator()).double().numpy()
    size = np.abs(np.linalg.eigvals(matrix))
    assert size.max() == pytest.approx(0.7, rel=1e-5)
    # An orthogonal matrix has them all on the circle, an independent one half of them within 1 / sqrt(2) of the disc.
    assert (size.min() == pytest.approx(0.7, rel=1e-5)) == (kind == "orthogonal")
    if kind == "glorot":
        assert np.median(size) / 0.7 == pytest.approx(math.sqrt(0.5), rel=0.15)


def test_a_random_wiring_has_its_edges_anywhere_but_on_the_diagonal() -> None:
    every = random_wiring(5, 20, (2, 3), np.random.default_rng(0))
    assert (every.dense() != 0).sum() == 20 and not np.diag(every.dense()).any()
    assert every.group(("input",)).tolist() == [0, 1] and every.group(("output",)).tolist() == [2, 3, 4]
    count = sum((random_wiring(5, 6, (5, 5), np.random.default_rng(i)).dense() != 0).astype(int) for i in range(300))
    off = count[~np.eye(5, dtype=bool)]
    # Binomial with mean 90 and standard deviation 7.9.
    assert off.min() > 55 and off.max() < 125


def test_what_is_read_is_the_output_port_where_there_is_one_and_everything_elsewhere() -> None:
    state = normal(1, 2, 6)
    assert torch.equal(read(sparse(), state), state[..., [1, 2, 3, 4, 5]])
    assert torch.equal(read(gated(), state), state)


@pytest.mark.parametrize("make", EVERY)
def test_the_state_of_a_budget_is_what_is_held_between_two_steps(make: type) -> None:
    numbers = {perceptron: 5 + 2 * IN, gated: 6, transformer: 8 + 2 * 2 * 2 * 8, dense: 6, sparse: 6}
    assert budget(None, make()).state_bytes == 4 * numbers[make]
