from pathlib import Path

import numpy as np
import pytest
import torch

from anlage.errors import DataMissing, RecipeError
from anlage.experience import Digits, Mnist, Recording, SpokenDigits, Text
from anlage.experience import text as text_module
from anlage.experience.experience import patches
from anlage.experience.speech import RATE_HZ, mel_filters
from anlage.experience.text import symbols_of

REAL_DATA = Path(__file__).parents[4] / "shared" / "data"


def bytes_of(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    return recording.train.numpy(), recording.test.numpy()


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    return tmp_path / "data"


def test_patches_are_cut_in_reading_order_and_read_in_reading_order() -> None:
    image = np.array(
        [[[1, 2, 3, 4, 99], [5, 6, 7, 8, 99], [9, 10, 11, 12, 99], [13, 14, 15, 16, 99], [99] * 5]], np.uint8
    )
    wanted = [[1, 2, 5, 6], [3, 4, 7, 8], [9, 10, 13, 14], [11, 12, 15, 16]]
    assert patches(image, 2).tolist() == [wanted]


def test_a_patch_of_one_pixel_is_the_image_itself_and_of_the_whole_width_one_observation() -> None:
    image = np.arange(9, dtype=np.uint8).reshape(1, 3, 3)
    assert patches(image, 1).ravel().tolist() == list(range(9))
    assert patches(image, 3).tolist() == [[list(range(9))]]


def test_the_digits_are_split_into_disjoint_parts_that_are_all_of_them() -> None:
    from sklearn.datasets import load_digits

    train, test = bytes_of(Digits(patch=1).open())
    assert (len(train), len(test)) == (1437, 360)
    together = np.concatenate([train, test]).reshape(1797, 64)
    original = load_digits().data.astype(np.uint8)
    assert sorted(map(bytes, together)) == sorted(map(bytes, original))


def test_every_digit_has_its_share_of_the_held_out_images() -> None:
    recording = Digits().open()
    test, train = np.bincount(recording.test_label), np.bincount(recording.train_label)
    assert np.abs(test - 360 * (test + train) / 1797).max() <= 1


def test_opening_the_digits_twice_gives_the_same_images_in_the_same_order() -> None:
    first, second = Digits().open(), Digits().open()
    assert torch.equal(first.train, second.train)
    assert torch.equal(first.test, second.test)
    assert first.test_label.tolist() == second.test_label.tolist()


def test_labels_belong_to_their_images() -> None:
    from sklearn.datasets import load_digits

    data = load_digits()
    label_of = {bytes(row): int(label) for row, label in zip(data.data.astype(np.uint8), data.target, strict=True)}
    recording = Digits(patch=1).open()
    rows = recording.test.numpy().reshape(360, 64)
    assert [label_of[bytes(row)] for row in rows] == recording.test_label.tolist()


def test_a_draw_depends_on_the_generator_alone() -> None:
    recording = Digits().open()
    first = recording.draw(16, np.random.default_rng(5)).observation["image"]
    recording.draw(16, np.random.default_rng(6))
    recording.held_out()
    assert torch.equal(recording.draw(16, np.random.default_rng(5)).observation["image"], first)
    assert not torch.equal(recording.draw(16, np.random.default_rng(6)).observation["image"], first)


def test_a_draw_never_shows_a_held_out_sequence() -> None:
    recording = Digits(patch=1).open()
    held_out = {row.numpy().tobytes() for row in recording.held_out().observation["image"]}
    drawn = [row.numpy().tobytes() for row in recording.draw(4000, np.random.default_rng(0)).observation["image"]]
    assert len(set(drawn)) > 1000
    assert not held_out & set(drawn)


def test_the_training_part_has_mean_zero_and_variance_one_and_the_test_part_the_same_scale() -> None:
    rng = np.random.default_rng(0)
    train, test = (rng.integers(0, 200, size=(n, 3, 4)).astype(np.uint8) for n in (50, 20))
    labels = np.zeros(50, int), np.zeros(20, int)
    labelled = Recording.of("touch", train, labels[0], test, labels[1]).labelled()
    seen = labelled.train.observation["touch"].double().numpy()
    assert seen.mean() == pytest.approx(0, abs=1e-6)
    assert seen.var() == pytest.approx(1, abs=1e-6)
    expected = (test - train.mean()) / train.std()
    np.testing.assert_allclose(labelled.test.observation["touch"].numpy(), expected, rtol=1e-5)


def test_text_is_lowered_white_space_is_one_space_and_everything_else_is_one_mark() -> None:
    # a = 1 ... z = 26, space = 0, the mark = 27
    assert symbols_of("  Hi,\n\tYou 7\u00e9z").tolist() == [8, 9, 27, 0, 25, 15, 21, 0, 27, 27, 26]


def test_the_label_of_a_window_is_the_character_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Topics are joined in the order of their names: "abcdefghij klmnopqrst".
    monkeypatch.setattr(text_module, "topics", {"second": "klmnopqrst", "first": "abcdefghij"})
    recording = Text(length=4).open()
    windows = torch.cat([recording.train, recording.test]).argmax(-1).tolist()
    labels = [*recording.train_label.tolist(), *recording.test_label.tolist()]
    assert windows == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 0, 11], [12, 13, 14, 15], [16, 17, 18, 19]]
    assert labels == [5, 9, 12, 16, 20]


@pytest.mark.parametrize("n_characters", [9, 10, 11, 12, 13])
def test_no_window_is_without_a_following_character(monkeypatch: pytest.MonkeyPatch, n_characters: int) -> None:
    monkeypatch.setattr(text_module, "topics", {"only": "abcdefghijklmnop"[:n_characters]})
    recording = Text(length=4).open()
    n_windows = len(recording.train) + len(recording.test)
    assert n_windows == sum(1 for start in range(0, n_characters, 4) if start + 4 < n_characters)
    assert len(recording.train_label) == len(recording.train)
    assert len(recording.test_label) == len(recording.test)


def test_the_real_text_is_one_hot_and_its_windows_follow_each_other() -> None:
    recording = Text(length=32).open()
    assert recording.n_input == 28
    assert (recording.train.sum(-1) == 1).all()
    windows = recording.train.argmax(-1).numpy()
    assert len(windows) > 1000
    np.testing.assert_array_equal(recording.train_label[:-1], windows[1:, 0])
    assert recording.test.argmax(-1)[0, 0] == recording.train_label[-1]


@pytest.mark.parametrize("bands", [4, 16, 40])
def test_mel_filters_peak_where_the_mel_scale_says(bands: int) -> None:
    frequency_hz = np.linspace(0, RATE_HZ / 2, 8193)  # a fine grid, so that the peak bin is the peak
    filters = mel_filters(bands, 16384)
    # The same scale written with natural logarithms and its usual constant (Young et al., The HTK Book, section 5.4).
    top_mel = 1127.01 * np.log1p(RATE_HZ / 2 / 700)
    centre_hz = 700 * np.expm1(top_mel * np.arange(1, bands + 1) / (bands + 1) / 1127.01)
    np.testing.assert_allclose(frequency_hz[filters.argmax(axis=1)], centre_hz, atol=1.0)


def test_mel_filters_are_triangles_that_add_up_to_one_between_the_outer_peaks() -> None:
    filters = mel_filters(16, 256)
    assert filters.shape == (16, 129)
    assert filters.min() == 0
    assert filters.max() <= 1
    first, last = filters[0].argmax(), filters[-1].argmax()
    np.testing.assert_allclose(filters[:, first + 1 : last].sum(axis=0), 1, atol=1e-12)
    for one in filters:
        peak = one.argmax()
        assert (np.diff(one[: peak + 1]) >= 0).all()
        assert (np.diff(one[peak:]) <= 0).all()


def test_no_mel_filter_is_empty_at_any_permitted_number_of_bands() -> None:
    for bands in range(4, 41):
        assert mel_filters(bands, 256).max(axis=1).min() > 0.1, bands


def write_sounds(folder: Path, sounds: list[np.ndarray], digit: list[int], take: list[int]) -> None:
    (folder / "fsdd").mkdir(parents=True)
    offset = np.concatenate([[0], np.cumsum([len(s) for s in sounds])])
    np.savez(
        folder / "fsdd" / "fsdd.npz",
        audio=np.concatenate(sounds).astype(np.int16),
        offset=offset,
        digit=np.array(digit, np.uint8),
        take=np.array(take, np.uint8),
    )


def test_a_pure_tone_lands_in_the_band_whose_centre_is_nearest(data_folder: Path) -> None:
    # Centres of 16 bands, by the mel formula: band 4 of 16 lies at 5/17 of the mel scale, and so on.
    top_mel = 1127.01 * np.log1p(4000 / 700)
    centre_hz = 700 * np.expm1(top_mel * np.arange(1, 17) / 17 / 1127.01)
    time_s = np.arange(4000) / 8000
    tones = [16000 * np.sin(2 * np.pi * hz * time_s) for hz in centre_hz]
    write_sounds(data_folder, [*tones, tones[0]], [*([0] * 16), 7], [*([9] * 16), 0])
    recording = SpokenDigits(bands=16, frames=20).open()
    loudest = recording.train.numpy().argmax(axis=2)
    np.testing.assert_array_equal(loudest, np.repeat(np.arange(16)[:, None], 20, axis=1))
    assert recording.test_label.tolist() == [7], "take 0 is held out"


def test_a_sound_of_twice_the_pressure_is_six_decibels_louder_on_the_byte_scale(data_folder: Path) -> None:
    tone = 500 * np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000)
    write_sounds(data_folder, [tone, 2 * tone, tone], [0, 1, 2], [9, 9, 0])
    frames = SpokenDigits().open().train.numpy().astype(int)
    band = frames[0, 5].argmax()
    assert frames[1, 5, band] - frames[0, 5, band] == pytest.approx(20 * np.log10(2) / 80 * 255, abs=1.0)


def test_short_recordings_are_padded_with_silence_and_long_ones_cut(data_folder: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 3000, size=9000)
    write_sounds(data_folder, [noise[:1024], noise, noise], [0, 1, 2], [9, 9, 0])
    frames = SpokenDigits(frames=30).open().train.numpy()
    assert frames.shape == (2, 30, 16)
    assert frames[0, :6].min() > 0
    assert frames[0, 9:].max() == 0
    assert frames[1].min() > 0


@pytest.mark.skipif(not (REAL_DATA / "fsdd").is_dir(), reason="the Free Spoken Digit Dataset is not in the data folder")
def test_the_spoken_digits_are_three_thousand_and_a_tenth_is_held_out() -> None:
    recording = SpokenDigits(frames=2).open()
    assert (len(recording.train), len(recording.test)) == (2700, 300)
    assert np.bincount(recording.test_label).tolist() == [30] * 10
    assert np.bincount(recording.train_label).tolist() == [270] * 10


@pytest.mark.skipif(not (REAL_DATA / "mnist").is_dir(), reason="MNIST is not in the data folder")
def test_mnist_has_the_published_number_of_every_digit() -> None:
    recording = Mnist(patch=7).open()
    assert recording.train.shape == (60_000, 16, 49)
    # LeCun et al.: counts of the digits 0 to 9 in the training and the test set.
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(recording.train_label).tolist() == train
    assert np.bincount(recording.test_label).tolist() == test


@pytest.mark.skipif(not (REAL_DATA / "mnist").is_dir(), reason="MNIST is not in the data folder")
def test_fewer_training_images_are_the_first_ones_and_leave_the_held_out_part_alone() -> None:
    recording = Mnist(patch=14, n_train=50).open()
    assert recording.train.shape == (50, 4, 196)
    assert recording.train_label[:5].tolist() == [5, 0, 4, 1, 9], "MNIST begins with 5, 0, 4, 1, 9"
    assert len(recording.test) == 10_000


@pytest.mark.parametrize("experience", [Mnist(), SpokenDigits()])
def test_missing_recordings_are_explained_in_one_sentence(data_folder: Path, experience: Mnist | SpokenDigits) -> None:
    with pytest.raises(
        DataMissing, match=r"No data folder holds .*\.npz \(.*\); set ANLAGE_DATA .*digits, text"
    ) as caught:
        experience.open()
    assert "\n" not in str(caught.value)
    assert not data_folder.exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Digits(patch=0), "patch is 0, .* by patches of 1, 2, 4;"),
        (lambda: Digits(patch=3), "patch is 3, .* by patches of 1, 2, 4;"),
        (lambda: Mnist(patch=15), "patch is 15, .* by patches of 1, 2, 4, 7, 14;"),
        (lambda: Mnist(n_train=0), "n_train is 0, .* 1 to 60,000"),
        (lambda: Mnist(n_train=60_001), "n_train is 60001"),
        (lambda: SpokenDigits(bands=3), "bands is 3 .* 4 to 40"),
        (lambda: SpokenDigits(bands=41), "bands is 41"),
        (lambda: SpokenDigits(frames=1), "frames 1, .* 2 to 150"),
        (lambda: Text(length=1), "length is 1, .* 2 to 1024"),
        (lambda: Text(length=1025), "length is 1025"),
    ],
)
def test_a_parameter_out_of_range_is_answered_with_the_range(make: object, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        make()  # type: ignore[operator]
