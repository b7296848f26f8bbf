"""Tasks on recorded data: against brute force, published counts and the larva's own neurons."""

import gzip
import json
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from anlage.errors import DataMissing, DependencyMissing, IntegrityError, RecipeError
from anlage.experience import Problem, Task
from anlage.experience.chess_value import ChessValue, games, planes, read_positions
from anlage.experience.few_shot import FewShot, drawings
from anlage.experience.next_byte import NextByte
from anlage.experience.odour import CONCENTRATIONS, RECEPTORS, Odours, posterior, responses, smell
from anlage.experience.picture_set import PICTURE_SETS, decode
from anlage.experience.reference import by_nearest_mean
from anlage.experience.spoken_digit_naming import SpokenDigitNaming
from anlage.experience.still_image import ImageRows, StillImages

REAL_DATA = Path(__file__).parents[4] / "shared" / "data"


def needs(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not (REAL_DATA / folder).is_dir(), reason=f"{folder} is not in the data folder")


def opened(task: Task, seed: int = 0) -> Problem:
    return task.open(np.random.default_rng(seed))


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    return tmp_path


NEEDY: list[Task] = [
    StillImages("mnist"),
    ImageRows("fashion-mnist"),
    StillImages("cifar10-jpeg"),
    FewShot(),
    SpokenDigitNaming(),
    Odours(),
    NextByte("shakespeare"),
    ChessValue(),
]


@pytest.mark.parametrize("task", NEEDY, ids=lambda task: type(task).__name__)
def test_missing_data_are_explained_in_one_sentence(data_folder: Path, task: Task) -> None:
    with pytest.raises(DataMissing, match=r"No data folder holds .* \(.*\); set ANLAGE_DATA") as caught:
        opened(task)
    assert "\n" not in str(caught.value)


def rubbish_zip() -> bytes:
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("images_background_small1/Greek/character01/0001_01.png", b"no picture")
    return sink.getvalue()


@pytest.mark.parametrize(
    ("task", "file", "content", "said"),
    [
        (Odours(), "odor/dweck2018_larva_chem2or.csv", b"receptor,a\nOr42a,much\n", "not a table of receptors"),
        (Odours(), "odor/dweck2018_larva_chem2or.csv", b"receptor,a\nGr5,0.1\n", "no larval receptor in it"),
        (Odours(), "odor/dweck2018_larva_chem2or.csv", b"", "not a table of receptors"),
        (ChessValue(), "chess/stockfish15_action_values.jsonl.gz", b"plain", "damaged or another kind of file"),
        (
            ChessValue(),
            "chess/stockfish15_action_values.jsonl.gz",
            gzip.compress(json.dumps({"fen": "8/8 w", "moves": []}).encode(), mtime=0),
            "damaged or another kind of file",
        ),
        (FewShot(), "omniglot_small/images_background_small1.zip", b"PK", "damaged or no zip archive"),
        (FewShot(), "omniglot_small/images_background_small1.zip", rubbish_zip(), "cannot be decoded"),
        (StillImages("mnist"), "mnist/mnist.npz", b"PK", "cannot be read as an .npz"),
    ],
)
def test_a_foreign_file_is_named(data_folder: Path, task: Task, file: str, content: bytes, said: str) -> None:
    (data_folder / file).parent.mkdir()
    (data_folder / file).write_bytes(content)
    with pytest.raises(IntegrityError, match=said):
        opened(task)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Odours(n_odours=54), "n_odours is 54, but must be 2 to 53"),
        (lambda: Odours(noise=0.0), "noise is 0.0, but must be 0.001 to 10"),
        (lambda: FewShot(n_shots=20), "n_shots is 20, but must be 1 to 19"),
        (lambda: SpokenDigitNaming(n_train=2701), "n_train is 2701, but must be 10 to 2,700"),
        (lambda: SpokenDigitNaming(bands=3), "bands is 3 .* 4 to 40"),
        (lambda: ChessValue(n_test_games=0), "n_test_games is 0, but must be 1 to 50"),
        (lambda: StillImages("cifar10-jpeg", n_test=20_000), "n_test is 20000, but must be 10 to 10,000"),
    ],
)
def test_a_parameter_out_of_range_is_answered_with_the_range(make: Callable[[], Task], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        make()


def test_a_double_dose_is_a_mixture_of_an_odour_with_itself_and_channels_saturate() -> None:
    template = np.array([[0.0, 0.3, 1.0], [0.5, 0.2, 0.0]])
    dose = np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 1.0], [0.5, 2.0], [0.0, 0.0]])
    by_hand = [
        [0, 0.3, 1],
        [0, 1 - 0.7 * 0.7, 1],
        [0.5, 1 - 0.7 * 0.8, 1],
        [1 - 0.5**2, 1 - 0.7**0.5 * 0.8**2, 1],
        [0, 0, 0],
    ]
    np.testing.assert_allclose(smell(template, dose), by_hand)


def test_the_belief_in_an_odour_is_bayes_rule_written_out() -> None:
    rng = np.random.default_rng(0)
    template, scenes = rng.uniform(size=(3, 4)), []
    for first, second in combinations(range(3), 2):
        for dose, other in product(CONCENTRATIONS, repeat=2):
            scenes.append([dose if i == first else other if i == second else 0.0 for i in range(3)])
    expected, seen = smell(template, np.array(scenes)), rng.normal(size=(5, 4))
    ours = posterior(seen, expected, np.array(scenes), 0.7)
    for trial in range(5):
        weight = [np.exp(-np.sum((seen[trial] - scene) ** 2) / (2 * 0.7**2)) for scene in expected]
        by_hand = [sum(w for w, s in zip(weight, scenes, strict=True) if s[i] > 0) / sum(weight) for i in range(3)]
        np.testing.assert_allclose(ours[trial], by_hand)
    np.testing.assert_allclose(ours.sum(1), 2, err_msg="two odours are present")


@needs("larval_drosophila")
@needs("odor")
def test_every_channel_is_an_olfactory_neuron_of_the_larva_on_both_sides() -> None:
    from anlage.connectome.library import load

    larva = load("larva")
    olfactory = {name for name in larva.neurons.name if " ORN " in name and "Non-ORN" not in name}
    assert {f"{receptor} ORN {side}" for receptor in RECEPTORS for side in ("left", "right")} == olfactory


@needs("odor")
def test_responses_are_those_of_the_table_and_unmeasured_channels_are_silent() -> None:
    found = responses()
    assert len(found) == 116
    rows = np.stack(list(found.values()))
    silent = [RECEPTORS[i] for i in np.flatnonzero(rows.max(0) == 0)]
    assert {"1a", "13a", "33a", "49a", "63a", "83a"} <= set(silent)
    text = (REAL_DATA / "odor" / "dweck2018_larva_chem2or.csv").read_text().splitlines()
    line = next(row for row in text if row.startswith("Or42b,"))
    np.testing.assert_allclose(rows[:, RECEPTORS.index("42b")], [float(x) for x in line.split(",")[1:]])


@needs("odor")
def test_bayes_beats_the_nearest_template_which_beats_chance_and_without_noise_nothing_is_confused() -> None:
    task = Odours(n_test=800)
    problem = opened(task)
    mean = problem.train.double().mean(1).numpy()
    label = problem.train_answer[:, 0].argmax(-1).numpy()
    centre = np.stack([mean[label == k].mean(0) for k in range(10)])
    distance = ((problem.test.double().mean(1).numpy()[:, None] - centre) ** 2).sum(-1)
    nearest = torch.eye(10)[distance.argmin(1)][:, None]
    assert 0.3 < problem.score(nearest)["accuracy"] <= problem.oracle + 0.02
    # A readout is given the same odours: a linear one is no better than Bayes either.
    linear = LinearDiscriminantAnalysis().fit(mean, label).predict(problem.test.double().mean(1).numpy())
    assert 0.3 < problem.score(torch.eye(10)[linear][:, None])["accuracy"] <= problem.oracle + 0.02
    assert opened(Odours(noise=0.001, n_test=800)).oracle > 0.98


@needs("odor")
def test_mixtures_are_new_to_a_reader_of_single_odours() -> None:
    problem = opened(Odours(ask="mixture"))
    assert problem.primary == "parts_named"
    assert torch.equal((problem.train_answer > 0).sum(-1).unique(), torch.tensor([1]))
    assert torch.equal((problem.test_answer > 0).sum(-1).unique(), torch.tensor([2]))
    assert problem.chance == pytest.approx(2 / 10, abs=0.04)
    assert 0.6 < problem.oracle <= 1


@pytest.fixture(scope="module")
def episodes() -> Problem:
    return opened(FewShot(n_ways=5, n_shots=1, n_train=400, n_test=400))


@needs("omniglot_small")
def test_the_sets_have_their_published_sizes_and_share_two_alphabets_which_are_not_tested(episodes: Problem) -> None:
    tested = drawings("images_background_small2")
    # Lake et al. 2015, README of the repository: 156 characters, 20 drawings each.
    assert len(tested) == 156
    assert {rows.shape for rows in tested.values()} == {(20, 225)}
    ink = np.concatenate(list(tested.values()))
    assert 0 <= ink.min() < 0.01
    assert 0.02 < ink.mean() < 0.2, "1 is ink, of which there is little"
    alphabet_of = {row.tobytes(): alphabet for (alphabet, _), rows in tested.items() for row in rows}
    asked = {alphabet_of[row.numpy().tobytes()] for row in episodes.test[:, -1, :225]}
    assert asked == {"Japanese_(katakana)", "Sanskrit", "Tagalog"}
    learned = {row.numpy().tobytes() for row in episodes.train[..., :225].reshape(-1, 225)}
    assert not learned & {row.numpy().tobytes() for row in episodes.test[..., :225].reshape(-1, 225)}


@needs("omniglot_small")
def test_the_nearest_mean_is_that_of_a_plain_loop_and_near_the_published_baseline(episodes: Problem) -> None:
    right = 0
    for episode, asked in zip(episodes.test.numpy(), episodes.test_answer[:, 0].numpy(), strict=True):
        label = episode[:-1, 225:].argmax(-1)
        distance = [np.linalg.norm(episode[:-1, :225][label == k].mean(0) - episode[-1, :225]) for k in range(5)]
        right += int(np.argmin(distance)) == int(asked.argmax())
    assert episodes.oracle == pytest.approx(right / 400)
    # Vinyals et al. 2016, Matching Networks, table 1: raw pixels reach 41.7 % at 5 ways and 1 shot, on other characters.
    assert episodes.oracle == pytest.approx(0.417, abs=0.08)


def test_an_episode_shows_every_class_equally_often_and_asks_for_a_drawing_it_has_not_shown() -> None:
    # Character c, drawing d, as the number 100 c + d.
    known = (100.0 * np.arange(30)[:, None, None] + np.arange(20)[:, None]).astype(np.float32)
    seen, asked = FewShot(n_ways=3, n_shots=4)._part(known, 200, np.random.default_rng(0))
    assert seen.shape == (200, 13, 4)
    for episode, answer in zip(seen, asked[:, 0], strict=True):
        shown, label = episode[:-1, 0], episode[:-1, 1:]
        assert label.sum(0).tolist() == [4, 4, 4]
        assert episode[-1, 1:].sum() == 0
        assert len({*shown, episode[-1, 0]}) == 13, "no drawing twice"
        character = {k: set(shown[label[:, k] == 1] // 100) for k in range(3)}
        assert [len(c) for c in character.values()] == [1, 1, 1]
        assert character[int(answer.argmax())] == {episode[-1, 0] // 100}


def test_the_nearest_mean_takes_each_episode_for_itself() -> None:
    shown = np.array([[[0.0], [1.0], [4.0]], [[9.0], [1.0], [2.0]]])
    label = np.array([[0, 0, 1], [1, 0, 0]])
    assert by_nearest_mean(shown, label, np.array([[2.0], [2.0]])).tolist() == [0, 0]
    assert by_nearest_mean(shown, label, np.array([[2.5], [6.0]])).tolist() == [1, 1]


@needs("fsdd")
def test_a_linear_readout_of_whole_recordings_names_most_spoken_digits() -> None:
    problem = opened(SpokenDigitNaming(n_train=900, n_test=150))
    assert problem.train.shape == (900, 40, 16)
    assert (problem.test_answer.sum(0) > 5).all(), "every digit is asked for"
    flat = [part.double().reshape(len(part), -1).numpy() for part in (problem.train, problem.test)]
    label = problem.train_answer[:, 0].argmax(-1).numpy()
    linear = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(flat[0], label).predict(flat[1])
    assert problem.score(torch.eye(10)[linear][:, None])["accuracy"] > 0.8
    assert problem.oracle > 0.85


@needs("cifar10_jpeg")
def test_pictures_of_cifar_10_have_its_published_colours() -> None:
    pictures = PICTURE_SETS["cifar10-jpeg"].draw(400, 10, np.random.default_rng(0))
    assert pictures.train.shape == (400, 32, 32, 3)
    # The means of red, green and blue that every training script subtracts.
    np.testing.assert_allclose(pictures.train.mean((0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=0.03)
    assert np.bincount(pictures.train_label).min() > 20
    assert "JPEG" in StillImages("cifar10-jpeg").source.title


@needs("cifar10_jpeg")
def test_rows_of_a_coloured_picture_hold_its_colours_side_by_side() -> None:
    rows = opened(ImageRows("cifar10-jpeg", n_train=20, n_test=10))
    held = opened(StillImages("cifar10-jpeg", moments=1, n_train=20, n_test=10))
    assert rows.test.shape == (10, 32, 96)
    assert torch.equal(rows.test.reshape(10, -1), held.test[:, 0])


def test_a_decoded_picture_has_the_pixels_that_were_stored() -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(256, size=(5, 7, 3), dtype=np.uint8)
    for stored in (pixels, pixels[..., 0]):
        sink = BytesIO()
        Image.fromarray(stored).save(sink, format="PNG")
        assert np.array_equal(decode(sink.getvalue(), "a test").squeeze(), stored)


@pytest.mark.parametrize("task", [FewShot(), StillImages("cifar10-jpeg")], ids=["few-shot", "cifar10-jpeg"])
def test_without_pillow_one_is_told_what_to_install(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DependencyMissing, match=r"need pillow, .* run `pip install 'anlage\[images\]'`\.$"):
        opened(task)


@needs("mnist")
def test_pictures_keep_their_labels_when_they_are_drawn() -> None:
    problem = opened(StillImages("mnist", moments=1, n_train=600, n_test=100))
    label = problem.train_answer[:, 0].argmax(-1).numpy()
    linear = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3).fit(problem.train[:, 0].numpy(), label)
    named = linear.predict(problem.test[:, 0].numpy())
    assert problem.score(torch.eye(10)[named][:, None])["accuracy"] > 0.7
    assert 0.8 < problem.oracle < 1


START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"


def test_planes_of_the_first_position_are_where_the_pieces_stand() -> None:
    seen = planes(START).reshape(12, 8, 8)
    assert seen.sum((1, 2)).tolist() == [8, 2, 2, 2, 1, 1] * 2
    assert (seen[0, 1] == 1).all(), "own pawns on the second rank"
    assert (seen[6, 6] == 1).all(), "the other side's on the seventh"
    assert seen[4, 0, 3] == seen[10, 7, 3] == 1, "both queens on the d-file"
    assert seen[5, 0, 4] == seen[11, 7, 4] == 1, "both kings on the e-file"


def test_a_position_and_its_mirror_with_colours_exchanged_are_the_same_to_the_side_to_move() -> None:
    white = "r3k3/8/8/3q4/8/8/1P6/4K2R w K - 0 1"
    black = "4k2r/1p6/8/8/3Q4/8/8/R3K3 b k - 0 1"
    np.testing.assert_array_equal(planes(white), planes(black))
    assert not np.array_equal(planes(white), planes(white.replace(" w ", " b ")))


@pytest.mark.parametrize(
    "fen", ["", "8/8/8/8 w", "9/8/8/8/8/8/8/8 w", "x7/8/8/8/8/8/8/8 w", START.replace(" w ", " x ")]
)
def test_what_is_no_position_is_refused(fen: str) -> None:
    with pytest.raises(IntegrityError, match="is not a chess position in Forsyth-Edwards notation"):
        planes(fen)


def test_a_game_ends_where_moves_start_again() -> None:
    fens = [
        f"8/8/8/8/8/8/8/8 {mover} - - 0 {n}"
        for n, mover in [(3, "w"), (3, "b"), (5, "w"), (1, "b"), (2, "w"), (1, "w")]
    ]
    assert games(fens).tolist() == [0, 0, 0, 1, 1, 2]


@needs("chess")
def test_material_alone_explains_part_of_a_position_s_value_and_whole_games_are_held_out() -> None:
    problem = opened(ChessValue(moments=1))
    assert len(problem.train) + len(problem.test) == 5000
    worth = np.repeat([1, 3, 3, 5, 9, 0, -1, -3, -3, -5, -9, 0], 64)
    material, value = problem.test[:, 0].numpy() @ worth, problem.test_answer[:, 0, 0].numpy()
    explained = np.corrcoef(np.tanh(material / 6), value)[0, 1] ** 2
    assert 0.3 < explained < 0.9
    assert problem.oracle == pytest.approx(explained, abs=0.05)
    positions, all_values = read_positions()
    assert np.abs(all_values).max() <= 1
    tested, game = {row.numpy().tobytes() for row in problem.test[:, 0]}, games(positions)
    first, last = (np.flatnonzero(np.diff(game, **edge)) for edge in ({"prepend": -1}, {"append": -1}))
    # A tenth into a game and at its end, boards are no longer those of other games.
    early, late = (
        [planes(positions[row]).astype(np.float32).tobytes() in tested for row in rows]
        for rows in (first + (last - first) // 10 + 8, last)
    )
    assert early == late
    assert sum(late) == 12


@needs("text")
def test_shakespeare_has_65_different_bytes() -> None:
    problem = opened(NextByte("shakespeare", n_train=50, n_test=20, length=50, n_gram=2))
    assert problem.train.shape == (50, 50, 65)
    assert (problem.train.sum(-1) == 1).all()
