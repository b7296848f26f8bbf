"""Films and their sound against what was written into files, and against geometry."""

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from anlage.errors import AnlageError, DataMissing, DependencyMissing, IntegrityError, RecipeError, UnknownName
from anlage.experience import Paired, Video, Watched
from anlage.experience import moving_digits as module
from anlage.experience.moving_digits import moving_digits
from anlage.experience.speech import mel_filters
from anlage.experience.video import heard, read_sound, shrink
from anlage.learning.recipe import read_recipe
from anlage.mind import MindRecipe, grow_mind, read_mind
from anlage.study.mind_report import write_mind_report
from anlage.testing import check_experience


def tone(hz: float, rate_hz: int, seconds: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two films of 64 frames of 8 x 8, at 10 frames a second: one silent, then humming, one the other way round."""
    rng = np.random.default_rng(0)
    silence, hum = np.zeros(25600), tone(1000, 8000, 3.2)
    for name, sound in (("a", [silence, hum]), ("b", [hum, silence])):
        np.save(tmp_path / f"{name}.npy", rng.integers(0, 255, (64, 8, 8), dtype=np.uint8))
        wavfile.write(tmp_path / f"{name}.wav", 8000, np.rint(np.concatenate(sound) * 32767).astype(np.int16))
    return tmp_path


def test_a_frame_shrinks_to_the_means_of_its_parts_and_colours_to_their_mean() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 12, 8, 3), dtype=np.uint8)
    blocks = frames.reshape(3, 4, 3, 4, 2, 3).mean((2, 4, 5))
    assert np.abs(shrink(frames, 4) - blocks).max() <= 0.5


def test_a_pixel_that_two_parts_share_counts_in_each_by_its_share() -> None:
    frame = np.array([[[0, 90, 240], [0, 90, 240], [0, 90, 240]]], np.uint8)
    assert shrink(frame, 2).tolist() == [[[30, 190], [30, 190]]]  # (0 + 90 / 2) / 1.5 and (90 / 2 + 240) / 1.5


def test_films_are_cut_one_after_the_other_and_the_last_fifth_of_each_is_held_out(folder: Path) -> None:
    recording = Video(str(folder), moments=6, pixels=8, rate_hz=10.0).open()
    assert recording.train_label.tolist() == [0] * 8 + [1] * 8 and recording.test_label.tolist() == [0, 0, 1, 1]
    for number, name in enumerate("ab"):
        film = np.load(folder / f"{name}.npy").reshape(64, 64)
        mine = torch.cat([recording.train[8 * number :][:8], recording.test[2 * number :][:2]])
        assert torch.equal(mine.reshape(60, 64), torch.from_numpy(film[:60]))


def test_every_third_frame_is_every_third_frame(folder: Path) -> None:
    recording = Video(str(folder), moments=4, pixels=8, every=3, rate_hz=10.0).open()
    film = np.load(folder / "a.npy").reshape(64, 64)[::3]
    assert recording.train[:4].reshape(-1, 64).tolist() == film[:16].tolist()


def test_a_gif_is_seen_as_the_array_of_its_frames(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    other = tmp_path_factory.mktemp("gif")
    for name in "ab":
        first, *rest = (image.fromarray(frame) for frame in np.load(folder / f"{name}.npy"))
        first.save(other / f"{name}.gif", save_all=True, append_images=rest)
    one, same = (Video(str(f), moments=6, pixels=4, rate_hz=10.0).open() for f in (folder, other))
    assert torch.equal(one.train, same.train) and torch.equal(one.test, same.test)


def test_what_is_heard_belongs_to_the_time_before_the_frame(folder: Path) -> None:
    recording = Video(str(folder), moments=8, pixels=2, rate_hz=10.0, sound=True, bands=8).open()
    assert recording.n_input == 4 + 8
    a, b = recording.train[:, :, 4:].reshape(2, -1, 8)[:, :48]  # six sequences each; the sound changes at frame 32
    assert (a[:33] == 0).all() and (a[33:].amax(1) > 150).all()
    assert (b[0] == 0).all() and (b[1:33].amax(1) > 150).all() and (b[33:] == 0).all()


@pytest.mark.parametrize("moment_ms", [20.0, 40.0, 100.0])
def test_a_tone_is_heard_in_the_band_that_is_nearest(moment_ms: float) -> None:
    top_mel = 1127.01 * np.log1p(4000 / 700)
    centre_hz = 700 * np.expm1(top_mel * np.arange(1, 9) / 9 / 1127.01)
    for band, hz in enumerate(centre_hz):
        level = heard(tone(hz, 8000, 1.0), 6, moment_ms, 8)
        assert (level[0] == 0).all() and (level[1:].argmax(1) == band).all()
    assert (mel_filters(16, 160).max(1) > 0).all()  # at the shortest moment, most bands


@pytest.mark.parametrize(("rate_hz", "kind"), [(8000, "int16"), (16000, "int32"), (22050, "float32"), (44100, "uint8")])
def test_a_sound_is_the_same_in_whatever_form_it_was_saved(tmp_path: Path, rate_hz: int, kind: str) -> None:
    sound = tone(440, rate_hz, 0.5)
    coded = {"int16": sound * 2**15, "int32": sound * 2**31, "float32": sound, "uint8": sound * 128 + 128}[kind]
    stereo = np.stack([coded, coded], 1).astype(kind)
    wavfile.write(tmp_path / "a.wav", rate_hz, stereo)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav")[400:3600], tone(440, 8000, 0.5)[400:3600], atol=0.02)


def hits(frames: np.ndarray) -> list[float]:
    """When a digit is at a wall, in frames, by its centre of mass: it is as far from the wall before as it would be behind it."""
    light, found = frames.astype(float), []
    for axis in (1, 2):
        place = (light.sum(axis) @ np.arange(16)) / light.sum((1, 2))
        step = np.diff(place)
        speed = np.median(np.abs(step))
        for i in np.flatnonzero(np.abs(np.abs(step) - speed) > 0.03)[1:]:
            way = np.sign(step[i - 1])
            wall = (place[i] + place[i + 1] + way * speed) / 2
            found.append(i + way * (wall - place[i]) / speed)
    return sorted(found)


def test_a_moving_digit_keeps_its_light_and_is_heard_when_and_only_when_it_is_at_a_wall() -> None:
    louder, quiet = [], []
    for _, frames, sound in islice(moving_digits(), 10):
        light = frames.sum((1, 2), dtype=float)
        assert np.ptp(light) < 0.01 * light.mean()
        at = [round(hit * 320) for hit in hits(frames)]
        louder += [np.abs(sound[s + 24 : s + 64]).max() > np.abs(sound[s - 64 : s - 24]).max() for s in at]
        # Between two hits, more than three frames after the one and until just before the other.
        quiet += [np.abs(sound[s + 1000 : e - 24]).max() for s, e in pairwise(at) if e - s > 1100]
    assert len(louder) > 100 and np.mean(louder) > 0.95  # but where the other wall has just been heard
    assert (
        len(quiet) > 20 and np.mean(np.array(quiet) < 0.001) > 0.9
    )  # but where a turn so near the wall cannot be seen


def test_the_same_digits_move_at_every_call_and_a_recording_of_them_keeps_the_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "N_CLIPS", 12)
    one, same = Video(sound=True).open(), Video(sound=True).open()
    assert torch.equal(one.train, same.train) and one.n_input == 16 * 16 + 8
    check_experience(one)


def test_a_life_sees_and_hears_the_same_film_at_the_same_time(folder: Path) -> None:
    watched = Watched(Video(str(folder), moments=8, pixels=4, rate_hz=10.0, sound=True))
    world, both = watched.open(), watched.video.open()
    assert watched.modalities == ("video", "sound") and world.n_input == {"video": 16, "sound": 8}
    episode, label = world.draw(9, np.random.default_rng(0))
    held = world.held_out(np.random.default_rng(0))
    assert world.n_held_out == len(held.observation["video"]) == len(both.test)
    rows = both.train.reshape(len(both.train), -1)
    for life, number in enumerate(label):
        coded = [(e[life] * world.senses[n].spread + world.senses[n].offset) for n, e in episode.observation.items()]
        found = (rows == torch.cat(coded, 1).round().to(torch.uint8).flatten()).all(1).nonzero().flatten()
        assert len(found) == 1 and both.train_label[found] == number


def test_nothing_to_sense_is_darkness_or_silence(folder: Path) -> None:
    world = Watched(Video(str(folder), moments=8, pixels=4, rate_hz=10.0, sound=True)).open()
    rng = np.random.default_rng(0)
    whole, dark = world.held_out(rng), world.held_out(rng, without=("video",))
    black = dark.observation["video"] * world.senses["video"].spread + world.senses["video"].offset
    assert black.abs().max() < 1e-3 and torch.equal(whole.observation["sound"], dark.observation["sound"])
    with pytest.raises(UnknownName, match="did you mean 'sound'"):
        world.held_out(rng, without=("sounds",))


MIND = """
name = "watcher"
[schedule]
days = 1
sequences = 6
steps = 2
batch = 4
[experience]
kind = "watched"
[experience.video]
moments = 8
pixels = 4
sound = true
[workspace]
width = 4
latent = 3
topology = { connectome = "worm-witvliet-1" }
[[areas]]
name = "eye"
sense = "video"
topology = { connectome = "worm-witvliet-1" }
[[areas]]
name = "ear"
sense = "sound"
topology = { connectome = "worm-witvliet-1" }
"""


def test_a_mind_watches_films_goes_on_with_them_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "N_CLIPS", 6)
    recipe = read_mind(MIND)
    assert read_mind(recipe.to_toml()) == recipe and isinstance(recipe.experience, Watched)
    grown = grow_mind(recipe, tmp_path)
    assert set(grown.curve[-1]["areas"]) == {"eye", "ear", "workspace"}
    again = grow_mind(recipe, tmp_path, resume=True)
    assert again.curve == grown.curve
    assert "The films are made up" in write_mind_report(again, tmp_path).read_text("utf-8")


def test_the_shipped_mind_watches_and_a_recipe_without_a_kind_of_world_means_the_paired_one() -> None:
    path = Path(__file__).parents[3] / "recipes" / "mind-video.toml"
    recipe = read_mind(path.read_text("utf-8"))
    assert recipe.experience.modalities == ("video", "sound") and recipe.area("auditory").sense == ("sound",)
    paired = MindRecipe(name="p", areas=recipe.areas[:0] + read_mind(PAIRED).areas)
    assert "kind" not in paired.to_toml().partition("[experience]")[2].partition("[[areas]]")[0]
    assert read_mind(PAIRED + '\n[experience]\nkind = "paired"\n') == read_mind(PAIRED)
    assert read_mind(PAIRED + "\n[experience]\nmoments = 14\n").experience == Paired(moments=14)


PAIRED = 'name = "p"\nareas = [{ name = "nose", sense = "odour" }]\n'


def test_one_network_learns_from_films_by_its_recipe(folder: Path) -> None:
    text = f'name = "v"\nexperience = {{ kind = "video", clips = "{folder}", rate_hz = 10.0, pixels = 4 }}\n'
    recipe = read_recipe(text)
    assert read_recipe(recipe.to_toml()) == recipe and recipe.open_experience().n_input == 16


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"moments": 1}, "moments is 1"),
        ({"pixels": 1}, "pixels 1"),
        ({"bands": 40}, "bands is 40"),
        ({"rate_hz": 0.0}, "0 frames a second"),
        ({"every": 3, "rate_hz": 1.0}, "a moment lasts 20 to 1000 ms"),
        ({"rate_hz": 30.0}, "made with 25 frames"),
    ],
)
def test_films_that_cannot_be_are_refused(change: dict[str, float], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Video(**change)  # type: ignore[arg-type]


def test_what_is_missing_or_no_film_is_said_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(kind: type[AnlageError], said: str, clips: Path = folder, **change: float) -> None:
        with pytest.raises(kind, match=said) as error:
            Video(str(clips), pixels=4, rate_hz=10.0, **change).open()  # type: ignore[arg-type]
        assert "\n" not in str(error.value)

    refused(DataMissing, "There is no folder", folder / "nowhere")
    (folder / "empty").mkdir()
    refused(DataMissing, "holds no film", folder / "empty")
    refused(RecipeError, "has 64 moments, but it takes 80", moments=40)
    (folder / "b.wav").write_bytes(b"RIFF")
    refused(IntegrityError, "b.wav is no sound", sound=True)
    wavfile.write(folder / "b.wav", 8000, np.zeros(0, np.int16))
    refused(IntegrityError, "b.wav is a sound of no length", sound=True)
    (folder / "b.wav").unlink()
    refused(DataMissing, "put b.wav beside it", sound=True)
    np.save(folder / "c.npy", np.zeros((40, 8, 8)))
    refused(IntegrityError, "c.npy is an array of float64")
    (folder / "c.npy").write_bytes(b"no array")
    refused(IntegrityError, "c.npy is no array")
    (folder / "c.npy").unlink()
    (folder / "c.gif").write_bytes(b"no film")
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    refused(DependencyMissing, "anlage\\[images\\]")
