"""Errors of reconstruction against their stated rates, and repairs against what every error alone would do."""

import inspect
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, nbinom, poisson

from anlage.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, NeuronTable
from anlage.connectome.error import ErrorModel
from anlage.connectome.library import load
from anlage.connectome.proofread import proofread
from anlage.connectome.reconstruct import Errors, reconstruct
from anlage.connectome.worm import WORM
from anlage.errors import ConnectomeError, UnknownName

EVERYTHING = ErrorModel(split_rate=5.0, merge_rate=0.1, recall=0.8, precision=0.8, attached=0.3)
COLUMNS = ("pre", "post", "synapse_count", "sign")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def small(edges: list[tuple[int, int, int]], n: int = 6, kind: str = "chemical") -> Connectome:
    """Edges ``(pre, post, count)``; the first neuron's are inhibitory, counts are split over two compartments."""
    pre, post, count = (np.array(column) for column in zip(*edges, strict=True))
    nothing = np.zeros(len(pre), dtype=np.int16)

    def blank(length: int = n) -> Categorical:
        return Categorical(np.zeros(length, dtype=np.int16), ("",))

    neurons = NeuronTable(
        id=np.arange(n) + 100,
        name=tuple("abcdefgh"[:n]),
        role=Categorical(np.zeros(n, dtype=np.int16), ROLES),
        side=blank(), neuron_class=blank(), cell_type=blank(), modality=blank(), region=blank(),
        pair_id=np.full(n, -1),
        xyz_um=np.zeros((n, 3)),
    )  # fmt: skip
    return Connectome(
        name="small",
        neurons=neurons,
        pre=pre,
        post=post,
        synapse_count=count,
        kind=Categorical(nothing + KINDS.index(kind), KINDS),
        sign=np.where(pre == 0, -1, 1),
        sign_source=Categorical(nothing + 1, SIGN_SOURCES),
        transmitter=Categorical(nothing, ("",)),
        source=WORM,
        compartments={"axonal": count - 1, "dendritic": np.ones_like(count)},
    )


def none_of(connectome: Connectome) -> Errors:
    """No errors; tests put in the ones they want."""
    nothing = np.zeros(0, dtype=np.int64)
    end = np.full(int(connectome.synapse_count.sum()), -1)
    return Errors("lost", nothing, nothing, end, end.copy(), nothing.reshape(0, 2), nothing, nothing, nothing, nothing)


def table(connectome: Connectome) -> dict[tuple[int, int], tuple[int, int]]:
    """Pair -> count and sign."""
    columns = (connectome.pre, connectome.post, connectome.synapse_count, connectome.sign)
    return {(a, b): (n, s) for a, b, n, s in zip(*(c.tolist() for c in columns), strict=True)}


def same(one: Connectome, other: Connectome) -> bool:
    """Whether everything measured is the same, in the same order and of the same type."""
    columns = [(getattr(one, c), getattr(other, c)) for c in COLUMNS]
    columns += [(one.neurons.id, other.neurons.id), (one.kind.codes, other.kind.codes)]
    columns += [(one.sign_source.codes, other.sign_source.codes), (one.transmitter.codes, other.transmitter.codes)]
    columns += [(one.compartments[k], other.compartments[k]) for k in one.compartments]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in columns) and one.source == other.source


CHAIN = small([(0, 1, 3), (1, 2, 4), (2, 3, 2), (4, 3, 5), (3, 5, 2)])


# What a single error does, written out.


def test_a_missed_synapse_is_one_less_and_an_edge_of_missed_ones_is_gone() -> None:
    found = reconstruct(CHAIN, replace(none_of(CHAIN), missed=np.array([0, 7, 8])))
    assert table(found) == {(0, 1): (2, -1), (1, 2): (4, 1), (4, 3): (5, 1), (3, 5): (2, 1)}
    assert found.compartments["axonal"].tolist() == [1, 3, 4, 1], "the synapse was an axonal one"


def test_a_false_synapse_joins_the_edge_that_is_there_or_makes_one_like_the_edge_it_lies_beside() -> None:
    false = {"false_edge": np.array([3, 0]), "false_part": np.array([0, 1]), "false_post": np.array([5, 2])}
    found = reconstruct(CHAIN, replace(none_of(CHAIN), **false))
    assert table(found) == table(CHAIN) | {(4, 5): (1, 1), (0, 2): (1, -1)}
    again = reconstruct(CHAIN, replace(none_of(CHAIN), **(false | {"false_post": np.array([5, 1])})))
    assert table(again) == table(CHAIN) | {(4, 5): (1, 1), (0, 1): (4, -1)}


def broken(at: int, orphans: str = "lost") -> Errors:
    """The receiving ends of two synapses of 1 -> 2 and the sending end of one of 2 -> 3 broke off neuron 2."""
    plain = none_of(CHAIN)
    plain.post_fragment[[3, 4]] = 0
    plain.pre_fragment[7] = 0
    return replace(plain, orphans=orphans, fragment_of=np.array([2]), fragment_at=np.array([at]))


def test_an_orphan_takes_its_synapses_with_it() -> None:
    found = reconstruct(CHAIN, broken(-1))
    assert table(found) == table(CHAIN) | {(1, 2): (2, 1), (2, 3): (1, 1)}
    assert (broken(-1).n_splits, broken(-1).n_merges, broken(-1).n_edits) == (1, 0, 1)


def test_an_orphan_that_is_kept_is_a_neuron_of_its_own_and_moves_no_other() -> None:
    found = reconstruct(CHAIN, broken(-1, "kept"))
    assert table(found) == table(CHAIN) | {(1, 2): (2, 1), (2, 3): (1, 1), (1, 6): (2, 1), (6, 3): (1, 1)}
    assert found.neurons.id[:6].tolist() == CHAIN.neurons.id.tolist()
    assert (
        found.neurons.name[6] == "c fragment 0" and found.neurons.role.labels[found.neurons.role.codes[6]] == "unknown"
    )
    assert found.synapse_count.sum() == CHAIN.synapse_count.sum()


def test_a_fragment_on_a_wrong_neuron_moves_its_synapses_there_and_costs_two_edits() -> None:
    found = reconstruct(CHAIN, broken(4))
    assert table(found) == table(CHAIN) | {(1, 2): (2, 1), (2, 3): (1, 1), (1, 4): (2, 1), (4, 3): (6, 1)}
    assert (broken(4).n_splits, broken(4).n_merges, broken(4).n_edits) == (1, 1, 2)
    assert broken(2).n_edits == 0, "a fragment at its own neuron is mended"


def test_fused_neurons_are_one_body_under_the_name_of_the_largest_and_the_others_keep_an_empty_row() -> None:
    fused = replace(none_of(CHAIN), fusion=np.array([[1, 4], [4, 0]]))  # 7, 5 and 3 ends
    found = reconstruct(CHAIN, fused)
    assert table(found) == {(1, 1): (3, -1), (1, 2): (4, 1), (1, 3): (5, 1), (2, 3): (2, 1), (3, 5): (2, 1)}
    assert found.n_neurons == 6 and fused.n_edits == 2


def test_a_false_synapse_of_a_fused_neuron_is_its_body_s_at_both_ends() -> None:
    false = {"false_edge": np.array([3]), "false_part": np.array([0]), "false_post": np.array([0])}  # beside 4 -> 3
    found = reconstruct(CHAIN, replace(none_of(CHAIN), fusion=np.array([[1, 4], [0, 3]]), **false))
    assert found.synapse_count.sum() == CHAIN.synapse_count.sum() + 1
    assert table(found) == {(3, 1): (3, -1), (1, 2): (4, 1), (2, 3): (2, 1), (1, 3): (6, 1), (3, 5): (2, 1)}


def test_two_edges_of_one_kind_between_the_same_neurons_stay_two() -> None:
    brain = small([(0, 1, 2), (0, 1, 3), (2, 3, 4)])
    brain = replace(brain, sign=np.array([-1, 1, 1]))
    found = reconstruct(brain, replace(none_of(brain), missed=np.array([0, 8])))
    assert found.synapse_count.tolist() == [1, 3, 3] and found.sign.tolist() == [-1, 1, 1]


def test_a_new_edge_of_several_true_ones_has_the_sign_that_most_of_its_synapses_have() -> None:
    brain = small([(0, 2, 3), (1, 2, 2), (3, 4, 9), (3, 5, 9)], kind="chemical")
    plain = none_of(brain)
    plain.pre_fragment[:5] = [0, 0, 0, 1, 1]
    moved = replace(plain, fragment_of=np.array([0, 1]), fragment_at=np.array([3, 3]))
    assert table(reconstruct(brain, moved))[3, 2] == (5, -1)


def test_a_gap_junction_that_moved_meets_its_pair_whichever_way_round_it_is_stored() -> None:
    brain = small([(0, 1, 2), (2, 0, 3), (4, 5, 2)], kind="gap_junction")
    plain = none_of(brain)
    plain.post_fragment[0] = 0  # the end at neuron 1 goes to neuron 2: the pair (0, 2), stored as (2, 0)
    found = reconstruct(brain, replace(plain, fragment_of=np.array([1]), fragment_at=np.array([2])))
    assert {pair: n for pair, (n, _) in table(found).items()} == {(0, 1): 1, (2, 0): 4, (4, 5): 2}


# What the model draws.


@pytest.mark.parametrize("name", ["worm", "worm-monoamine", "mushroom-body-left"])
def test_no_error_is_the_connectome_itself(name: str) -> None:
    brain = load(name)
    found, errors = ErrorModel()(brain, rng())
    assert same(found, brain) and errors.n_edits == 0


def within(count: int, law: object) -> bool:
    low, high = law.interval(0.9999)  # type: ignore[attr-defined]
    return bool(low <= count <= high)


@pytest.mark.parametrize("bias", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("recall", [0.35, 0.9])
def test_as_many_synapses_are_missed_and_false_as_recall_and_precision_say(recall: float, bias: float) -> None:
    brain = load("worm")
    n = int(brain.synapse_count.sum())
    _, errors = ErrorModel(recall=recall, precision=0.7, bias=bias)(brain, rng(1))
    assert within(len(errors.missed), binom(n, 1 - recall))
    assert within(len(errors.false_edge), nbinom(n - len(errors.missed), 0.7))


def test_as_many_neurons_break_and_fuse_as_the_rates_say() -> None:
    brain = load("mushroom-body-left")
    model = ErrorModel(split_rate=4.0, merge_rate=0.2, attached=0.3, fragment_ends=3.0)
    drawn = [model(brain, rng(seed))[1] for seed in range(20)]
    total = sum(e.n_splits for e in drawn)
    assert within(total, poisson(20 * 209 * 4))
    assert within(sum(len(e.fusion) for e in drawn), binom(20 * 209, 0.2))
    assert within(sum(e.n_merges - len(e.fusion) for e in drawn), binom(total, 0.3))
    ends = sum(int((e.pre_fragment >= 0).sum() + (e.post_fragment >= 0).sum()) for e in drawn)
    assert abs(ends / total - 3) < 5 * np.sqrt(3 * 2 / total), "mean of a geometric law of mean 3 and variance 6"


@pytest.mark.parametrize("bias", [0.0, 0.5, 1.0])
def test_an_edge_of_n_synapses_loses_each_of_them_in_proportion_to_n_to_the_minus_bias(bias: float) -> None:
    brain = load("worm")
    size = np.repeat(brain.synapse_count, brain.synapse_count)
    expected = 0.1 * size**-bias / (size**-bias).mean()
    assert expected.max() < 1, "nothing is certain, so that proportion holds"
    missed = ErrorModel(recall=0.9, bias=bias)(brain, rng(2))[1].missed
    for low, high in ((1, 1), (2, 5), (6, 20), (21, 100)):
        group = (size >= low) & (size <= high)
        p = expected[group]
        spread = np.sqrt((p * (1 - p)).sum())
        assert abs(np.isin(np.flatnonzero(group), missed).sum() - p.sum()) < 4.5 * spread


def test_when_the_weakest_are_certain_to_go_the_rest_still_gives_the_stated_recall() -> None:
    brain = load("worm")
    size = np.repeat(brain.synapse_count, brain.synapse_count)
    missed = ErrorModel(recall=0.1, bias=1.0)(brain, rng(3))[1].missed
    assert within(len(missed), binom(len(size), 0.9))
    assert np.isin(np.flatnonzero(size == 1), missed).all()


def test_fragments_hold_weak_edges_more_often_than_chance() -> None:
    brain = load("worm")
    size = np.repeat(brain.synapse_count, brain.synapse_count)
    share = {}
    for bias in (0.0, 1.0):
        errors = ErrorModel(split_rate=3.0, bias=bias)(brain, rng(4))[1]
        on = (errors.pre_fragment >= 0) | (errors.post_fragment >= 0)
        share[bias] = on[size == 1].mean() / on[size > 20].mean()
    assert 0.7 < share[0.0] < 1.4 and share[1.0] > 3


def test_fusions_take_small_neurons_and_every_one_of_them_joins_two_bodies() -> None:
    brain = load("worm")
    ends = np.bincount(brain.pre, brain.synapse_count, 302) + np.bincount(brain.post, brain.synapse_count, 302)
    errors = ErrorModel(merge_rate=1.0)(brain, rng(5))[1]
    assert len(errors.fusion) == (ends > 0).sum() - 1, "one body is left"
    drawn = np.concatenate([ErrorModel(merge_rate=0.1, bias=1.0)(brain, rng(i))[1].fusion[:, 0] for i in range(9)])
    assert np.median(ends[drawn]) < np.median(ends[ends > 0])


def test_false_receivers_and_wrong_owners_are_partners_of_partners() -> None:
    brain = load("worm")
    near = np.zeros((302, 302), dtype=bool)
    near[brain.pre, brain.post] = near[brain.post, brain.pre] = True
    two_steps = (near.astype(int) @ near) > 0
    _, errors = EVERYTHING(brain, rng(6))
    beside = brain.post[errors.false_edge]
    assert two_steps[beside, errors.false_post].mean() > 0.99
    assert not (errors.false_post == beside).any() and not (errors.false_post == brain.pre[errors.false_edge]).any()
    wrong = errors.fragment_at >= 0
    assert two_steps[errors.fragment_of[wrong], errors.fragment_at[wrong]].all()
    assert two_steps[errors.fusion[:, 0], errors.fusion[:, 1]].all()


@pytest.mark.parametrize("orphans", ["lost", "kept"])
def test_every_synapse_is_accounted_for_and_so_is_its_compartment(orphans: str) -> None:
    brain = load("worm")
    count = brain.synapse_count
    brain = replace(brain, compartments={"one": count // 2, "other": count - count // 2})
    found, errors = replace(EVERYTHING, orphans=orphans)(brain, rng(7))
    adrift = np.zeros(int(count.sum()), dtype=bool)
    if orphans == "lost":
        for fragment in (errors.pre_fragment, errors.post_fragment):
            adrift |= (fragment >= 0) & (errors.fragment_at[fragment] < 0)
    adrift[errors.missed] = False
    lost = len(errors.missed) + int(adrift.sum())
    assert found.synapse_count.sum() + lost - len(errors.false_edge) == count.sum()
    assert np.array_equal(sum(found.compartments.values()), found.synapse_count)
    assert np.array_equal(found.neurons.id[:302], brain.neurons.id)
    assert "were simulated" in found.source.lossy


def test_no_neuron_breaks_away_entirely() -> None:
    brain = load("worm")
    errors = ErrorModel(split_rate=1000.0)(brain, rng(8))[1]
    ends = Counter(
        np.concatenate([np.repeat(brain.pre, brain.synapse_count), np.repeat(brain.post, brain.synapse_count)])
    )
    fragments = np.concatenate([errors.pre_fragment, errors.post_fragment])
    taken = Counter(errors.fragment_of[fragments[fragments >= 0]].tolist())
    assert all(taken[neuron] == n - 1 for neuron, n in ends.items())


def test_the_same_stream_makes_the_same_errors_and_another_makes_others() -> None:
    brain = load("worm")
    one, again, other = (EVERYTHING(brain, rng(seed))[0] for seed in (9, 9, 10))
    assert same(one, again)
    assert not np.array_equal(one.pre, other.pre)


# What proofreading does.


@pytest.mark.parametrize("order", ["random", "largest"])
@pytest.mark.parametrize("orphans", ["lost", "kept"])
@pytest.mark.parametrize("name", ["worm", "worm-monoamine"])
def test_all_repairs_restore_the_connectome_exactly_and_none_leave_the_reconstruction(
    name: str, orphans: str, order: str
) -> None:
    brain = load(name)
    found, errors = replace(EVERYTHING, orphans=orphans)(brain, rng(11))
    assert not same(found, brain)
    whole, left = proofread(brain, errors, 1.0, order, rng(12))
    assert same(whole, brain) and left.n_edits == 0
    untouched, left = proofread(brain, errors, 0.0, order, rng(12))
    assert same(untouched, found) and left.n_edits == errors.n_edits


def test_proofreading_spends_its_share_and_never_adds_an_error() -> None:
    brain = load("worm")
    _, errors = EVERYTHING(brain, rng(13))
    half, left = proofread(brain, errors, 0.5, "random", rng(14))
    assert abs(left.n_edits - errors.n_edits / 2) <= 1
    assert set(left.missed) < set(errors.missed) and set(map(tuple, left.fusion)) < set(map(tuple, errors.fusion))
    changed = left.fragment_at != errors.fragment_at
    assert changed.any() and (left.fragment_at[changed] == errors.fragment_of[changed]).all()
    assert same(half, reconstruct(brain, left))


def test_the_largest_first_repairs_fusions_then_large_fragments_then_single_synapses() -> None:
    errors = replace(
        broken(4),
        fusion=np.array([[1, 3]]),  # 7 and 9 ends
        missed=np.array([0, 1]),  # 2 ends each; the fragment has 3 for two edits
    )
    assert errors.n_edits == 5
    left = [proofread(CHAIN, errors, share, "largest", rng())[1] for share in (0.2, 0.6, 1.0)]
    assert [len(e.fusion) for e in left] == [0, 0, 0]
    assert [len(e.missed) for e in left] == [2, 0, 0]
    assert [e.n_splits for e in left] == [1, 1, 0]
    orphan = replace(errors, fragment_at=np.array([-1]))  # 3 ends for one edit: before the synapses
    assert proofread(CHAIN, orphan, 0.5, "largest", rng())[1].n_splits == 0
    tiny = replace(broken(-1), fusion=np.array([[3, 5]]))  # 9 and 2 ends: what it puts right is the smaller neuron
    assert proofread(CHAIN, tiny, 0.5, "largest", rng())[1].n_splits == 0


# What is refused.


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"recall": 1.2}, "recall of an error model is 1.2, but must be a finite number of at least 0 and at most 1"),
        ({"precision": 0.0}, "and not 0"),
        ({"split_rate": -1.0}, "split_rate of an error model is -1.0"),
        ({"fragment_ends": 0.5}, "at least 1"),
        ({"bias": float("nan")}, "finite"),
        ({"split_rate": float("inf")}, "finite"),
    ],
)
def test_a_rate_out_of_range_is_named_with_its_range(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ConnectomeError, match=message):
        ErrorModel(**wrong)


def test_connectomes_without_single_synapses_are_refused() -> None:
    half = replace(CHAIN, synapse_count=CHAIN.synapse_count + 0.5, compartments={})
    with pytest.raises(ConnectomeError, match=r"not whole, such as 3\.5"):
        ErrorModel()(half, rng())
    with pytest.raises(ConnectomeError, match="2 neurons and 1 edges"):
        ErrorModel()(small([(0, 1, 2)], n=2), rng())


def test_unknown_words_are_answered_with_the_nearest() -> None:
    # Users have no type checks at run time.
    model = ErrorModel()
    object.__setattr__(model, "orphans", "keep")
    with pytest.raises(UnknownName, match="'kept'"):
        model.__post_init__()
    with pytest.raises(UnknownName, match="'largest'"):
        inspect.unwrap(proofread)(CHAIN, none_of(CHAIN), 0.5, "large", rng())


def test_a_share_beyond_everything_is_refused() -> None:
    with pytest.raises(ConnectomeError, match="share of edits to spend is 2"):
        proofread(CHAIN, none_of(CHAIN), 2.0, "random", rng())


def test_three_neurons_that_know_only_one_another_still_find_someone_close() -> None:
    found, errors = EVERYTHING(small([(0, 1, 40), (1, 0, 40)], n=3), rng(15))
    assert set(errors.false_post.tolist()) == {2}
    assert found.n_neurons == 3
