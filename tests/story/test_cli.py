"""What somebody at a terminal sees: the verbs, their errors, Ctrl-C, and what importing the package does."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from anlage.cli.main import EXIT_DIVERGED, EXIT_ERROR, EXIT_INTERRUPTED, main
from anlage.cli.meter import Meter
from anlage.connectome.library import CONNECTOMES
from anlage.connectome.release import RELEASES, RemoteFile
from anlage.mind.recipe import is_mind
from anlage.study.question import read_question
from anlage.study.run import carry_out
from anlage.study.trial import Record, Trial
from anlage.topology import DegreePreserving, Step, Topology

RECIPES = Path(__file__).parents[2] / "recipes"
LARVA = Path(__file__).parents[3] / "shared" / "data" / "larval_drosophila"
TINY = """
name = "tiny"
[topology]
connectome = "mushroom-body-left"
[experience]
kind = "digits"
patch = 4
[schedule]
steps = 20
batch = 8
log_every = 10
"""
COMPARISON = """
[comparison]
graphs = 3
controls = ["weight-permuted"]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_wiring_layers_do_not_load_torch(tmp_path: Path) -> None:
    code = (
        "import anlage, sys; anlage.load, anlage.build, anlage.audit, anlage.certify; assert 'torch' not in sys.modules"
    )
    assert python(code, tmp_path).returncode == 0
    # The check can fail: a name of the network layer does load it.
    assert "AssertionError" in python(code.replace("anlage.audit", "anlage.live"), tmp_path).stderr


def test_importing_the_package_does_nothing(tmp_path: Path) -> None:
    code = """
import os, sys, threading
before = dict(os.environ), threading.active_count(), os.getcwd()
import anlage
assert (dict(os.environ), threading.active_count(), os.getcwd()) == before
heavy = {"torch", "numpy", "scipy", "sklearn", "matplotlib", "requests", "pooch"} & set(sys.modules)
assert not heavy, heavy
"""
    done = python(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())


def test_every_verb_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for verb in (
        "show",
        "fetch",
        "audit",
        "import",
        "segment",
        "divide",
        "expand",
        "shrink",
        "grow",
        "compare",
        "report",
        "sources",
    ):
        assert re.search(rf"^    {verb} +[A-Z].*", said, re.MULTILINE), f"{verb} has no help"


def test_show_prints_the_published_counts_and_the_licence_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "worm", "--out", str(tmp_path / "pictures")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"neurons +\d{3}\n", said)
    assert re.search(r"licence +\S+", said)
    assert re.search(r"version +\S+", said)
    assert re.search(r"edges .*\d,\d{3} chemical.*gap_junction", said)
    assert re.search(r"signs +\d+\.\d% positive \(predicted\), .*64\.6% unknown", said)
    assert re.search(r"^  motorneuron +123 +0 +0 +123 ", said, re.MULTILINE)
    assert "@article{" in said
    (picture,) = (tmp_path / "pictures").iterdir()
    assert said.endswith(f"picture: {picture}\n")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_list_names_every_connectome_with_its_licence_and_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    assert main(["fetch", "--list"]) == 0
    said = capsys.readouterr().out
    for name in CONNECTOMES:
        assert re.search(rf"^{name} ", said, re.MULTILINE)
    assert re.search(r"^worm .* 302 +4,814 +embedded +MIT", said, re.MULTILINE)
    assert re.search(r"^hemibrain .* 21,739 +3,550,403 +51 MB +to fetch .*CC BY 4\.0", said, re.MULTILINE)
    for file in ("edges.npz", "neurons.csv.gz"):
        path = tmp_path / RELEASES["hemibrain"].folder / file
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert main(["fetch"]) == 0
    assert re.search(r"^hemibrain .* 51 MB +here ", capsys.readouterr().out, re.MULTILINE)


def test_before_a_download_size_licence_and_citation_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert main(["fetch", "flywire"]) == EXIT_ERROR
    said = capsys.readouterr().out
    assert "Download: 53.8 MB" in said
    assert re.search(r"Licence: CC BY-NC 4\.0 .*disagree", said)
    assert "do not pass the files on" in said
    assert "Neuronal wiring diagram of an adult brain" in said


def test_what_is_embedded_need_not_be_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "worm"]) == 0
    assert (
        capsys.readouterr().out
        == "worm is part of the package, so there is nothing to fetch: try `anlage show worm`.\n"
    )


@pytest.mark.skipif(not LARVA.is_dir(), reason="the larval connectome is not in the data folder")
def test_the_audit_of_the_larva_finds_the_edges_that_two_steps_can_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "larva", "--steps", "2"]) == 0
    assert re.search(r"^853 of [\d,]+ edges", capsys.readouterr().out, re.MULTILINE)


def test_a_worm_is_expanded_and_shrunk_and_compared_with_its_promises_in_one_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["expand", "worm", "--factor", "2.5", "--kinds", "chemical", "--signs", "transmitter"]) == 0
    said = capsys.readouterr().out
    assert "expand(factor=2.5, neurons=302, blocks=14, signs='neuron', ties_given_up=0)\n755 neurons" in said
    assert re.search(r"^quantity +original +expected +99.9 % interval +found +within$", said, re.MULTILINE)
    assert re.search(r"^neurons +302 +755 +exact +755 +yes$", said, re.MULTILINE)
    assert re.search(r"^density +0\.\d+ +not promised +0\.\d+$", said, re.MULTILINE)
    assert main(["shrink", "worm", "--share", "0.5", "--blocks", "input", "output", "--seed", "1"]) == 0
    assert re.search(r"^neurons +302 +151 +exact +151 +yes$", capsys.readouterr().out, re.MULTILINE)


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on stderr beside the meter's."""
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("  ")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("anlage: ")
    assert lines[0][-1] in ".?"
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "wurm"], "no connectome called 'wurm'; did you mean 'worm"),
        (["audit", "worms"], "did you mean 'worm"),
        (["audit", "worm", "--steps", "0"], "at least 1 step, not 0"),
        (["audit", "worm", "--steps", "2", "--output", "outptu"], "did you mean 'output'"),
        (["audit", "worm", "--steps", "2", "--compartments", "axo-dendritic"], "does not split its synapses"),
        (["divide", "worm", "--by", "clas"], "did you mean 'class'"),
        (["divide", "worm", "--by", "function", "--parts", "3"], "by function their number is given"),
        (["divide", "worm", "--by", "structure", "--parts", "0"], "n_parts is 0, but must be at least 1"),
        (["divide", "worm", "--by", "structure", "--parts", "303"], "302 neurons cannot be divided into 303 parts"),
        (["divide", "worm", "--crossing", "2"], "crossing is 2.0, but must be a share"),
        (["divide", "mushroom-body-left"], "No neuron of this connectome has a modality.* divide by class"),
        (["grow", "nothing.toml"], r"nothing\.toml cannot be read as text .*No such file"),
        (["grow", "."], "Is a directory"),
        (["grow", "--workers", "0"], "--workers is 0, but must be at least 1"),
        (["grow", "--workers", "-3"], "--workers is -3, but must be at least 1"),
        (["compare", "--graphs", "0"], "comparison.graphs is 0"),
        (["compare", "--on", "nowhere", "--dry-run"], "place to run trials"),
        (["report", "."], r"holds no run \(it has no question\.toml\)"),
        (["report", "nowhere/at/all"], "nowhere/at/all holds no run"),
        (["sources", "."], "holds no run"),
        (["expand", "worm", "--factor", "0.5"], "factor of an expansion is 0.5, .*use shrink"),
        (["expand", "worm", "--factor", "2", "--blocks", "inptu"], "did you mean 'input'"),
        (["expand", "wurm", "--factor", "2"], "did you mean 'worm"),
        (["shrink", "worm", "--share", "2"], "share to keep is 2.0, .*use expand"),
        (["shrink", "worm", "--share", "0.001"], "share of 0.001 of 302 neurons leaves none of the group"),
        (["fetch", "larvae"], "no release called 'larvae'; did you mean 'larva'"),
        (["fetch", "flywire783"], "did you mean 'flywire'"),
        (["fetch", "human-hcp"], "human-hcp is not offered.* passed on only under them"),
        (["show", "hemibrain", "--out", "x"], "run `anlage fetch hemibrain` to download it"),
    ],
)
def test_a_bad_argument_is_answered_in_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == EXIT_ERROR
    assert re.search(said, one_sentence(capsys))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", r"tiny\.toml is not valid TOML"),
        ("nam = 'x'", "did you mean 'name'"),
        (TINY + "[ports]\ninput = []", r"group \(none\) has no neurons"),
        (TINY + "[ports]\noutput = ['outputs']", "did you mean 'output'"),
        (TINY.replace("mushroom-body-left", "mushroom-body"), "did you mean 'mushroom-body-"),
        (TINY.replace("steps = 20", "steps = 0"), "schedule.steps is 0"),
        ("latent = 17\n" + TINY, "latent is 17, but one observation has only 16 numbers"),
        (TINY + "[comparison]\ncontrols = ['degree']", "kind of .*called 'degree'"),
        (TINY.replace('connectome = "m', 'expand = 0.5\nconnectome = "m'), "factor of an expansion is 0.5"),
        (TINY.replace('connectome = "m', 'min_synapses = 1e9\nconnectome = "m'), "No edge of .* is left"),
    ],
)
def test_a_bad_recipe_is_answered_in_one_sentence(
    text: str, said: str, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.write_text(text)
    assert main(["grow", str(recipe), "--out", str(tmp_path / "run")]) == EXIT_ERROR
    assert re.search(said, one_sentence(capsys))


def test_the_recipes_that_come_with_the_package_are_read_and_say_what_they_are() -> None:
    for path in RECIPES.glob("*.toml"):
        if is_mind(path.read_text()):
            continue
        question = read_question(path.read_text(), str(path))
        assert question.recipe.name == path.stem
        assert question.comparison
        assert question.comparison.graphs >= 20


def test_without_a_recipe_the_worm_on_digits_is_grown() -> None:
    from anlage.study.question import Question

    assert read_question((RECIPES / "worm-digits.toml").read_text()) == Question()


def test_one_recipe_from_beginning_to_end(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    grow = ["grow", str(recipe), "--out", str(out)]
    assert main(grow) == 0
    said = capsys.readouterr()
    assert re.search(r"edges \(\d+\.\d%\) and [\d,]+ of [\d,]+ neurons can influence the readout", said.out)
    assert "  20 of 20 steps" in said.err
    # The same again, the folder of another recipe, and a damaged checkpoint.
    assert main(grow) == EXIT_ERROR
    assert "add --resume" in one_sentence(capsys)
    other = tmp_path / "other.toml"
    other.write_text(TINY + "[physiology]\nticks = 3")
    assert main(["grow", str(other), "--out", str(out), "--resume"]) == EXIT_ERROR
    assert "holds a run of another recipe" in one_sentence(capsys)
    assert main(["sources", str(out)]) == 0
    assert "@misc{alpaydin1998digits" in capsys.readouterr().out
    assert main(["report", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    (out / "results" / "connectome-000.json").unlink()
    assert main(["report", str(out)]) == EXIT_ERROR
    assert "1 of 1 trials are missing" in one_sentence(capsys)
    checkpoint = out / "grown.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert main([*grow, "--resume"]) == EXIT_ERROR
    assert "grown.safetensors is damaged" in one_sentence(capsys)
    checkpoint.unlink()
    assert main([*grow, "--resume"]) == 0


def test_a_run_that_collapses_has_an_exit_code_of_its_own(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule = "steps = 100\nlearning_rate = 0.03\n"
    collapsing = "[objective]\nkind = 'sigreg'\nweight = 0.0\n"
    recipe.write_text(TINY.replace("steps = 20\n", schedule) + collapsing)
    assert main(["grow", str(recipe), "--out", str(tmp_path / "run")]) == EXIT_DIVERGED == 3
    assert "collapsed" in one_sentence(capsys)


def test_a_dry_run_says_what_could_be_found_and_runs_nothing(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(recipe), "--out", str(tmp_path / "run"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert re.search(
        r"With 20 graphs and 3 controls, a difference of \d\.\d control standard deviations is found", said
    )
    assert f"nothing was run; 80 trials would be, into {tmp_path / 'run'}" in said
    assert not (tmp_path / "run").exists()


def test_a_rung_that_breaks_stops_the_whole_comparison_with_one_sentence_and_leaves_nothing_half_written(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def here(missing: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, Record]]:
        return ((trial, trial.run()) for trial in missing)

    def merged(_control: DegreePreserving, topology: Topology, rng: object) -> Topology:
        """An edge is lost, as where duplicates are merged."""
        return topology.rewired(Step("degree-preserving"), topology.pre[1:], topology.post[1:], topology.weight[1:])

    monkeypatch.setattr("anlage.study.compare.in_processes", here)
    recipe.write_text(TINY.replace("steps = 20", "steps = 2"))
    ask, folder = ["compare", str(recipe), "--graphs", "2", "--out", str(tmp_path / "run")], tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(DegreePreserving, "__call__", merged)
        assert main(ask) == EXIT_ERROR
    assert "The control 'degree-preserving' is mislabelled: it declares that it keeps the in-degree" in one_sentence(
        capsys
    )
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == ["grown.safetensors", "question.toml", "results/connectome-000.json"]
    # Mended, the same study goes on where it stopped.
    assert main([*ask, "--resume"]) == 0
    assert (folder / "result.json").exists() and (folder / "report.html").exists()


def test_a_comparison_with_a_lost_trial_is_reported_and_has_the_exit_code_of_divergence(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def here(missing: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, Record]]:
        for trial in missing:
            record = trial.run()
            lost = {"diverged": "The loss became nan.", "curve": []} if trial.index == 2 else {}
            yield trial, {**record, **lost}

    monkeypatch.setattr("anlage.study.compare.in_processes", here)
    recipe.write_text(TINY.replace("steps = 20", "steps = 2") + COMPARISON)
    assert main(["grow", str(recipe), "--out", str(tmp_path / "run")]) == EXIT_DIVERGED
    said = capsys.readouterr()
    assert "Learning diverged in 2 of 6 trials; the report leaves them out" in said.err
    assert "trial 2 of the arm 'connectome': The loss became nan." in said.err
    assert (
        "Learning diverged in 2 of 6 trials (1 of connectome and 1 of" in (tmp_path / "run" / "report.html").read_text()
    )


def test_a_folder_that_cannot_be_written_is_answered_in_one_sentence(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The recipe is a file, so no folder can be made below it, whoever runs this.
    assert main(["grow", str(recipe), "--out", str(recipe / "run")]) == EXIT_ERROR
    assert "question.toml could not be written (Not a directory)" in one_sentence(capsys)


def test_a_folder_that_may_not_be_looked_into_is_answered_in_one_sentence(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbid(path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "exists", forbid)
    assert main(["grow", str(recipe), "--out", "/forbidden"]) == EXIT_ERROR
    assert "/forbidden/question.toml cannot be used (Permission denied)" in one_sentence(capsys)


def test_a_full_disk_is_answered_in_one_sentence_and_the_run_goes_on_later(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    synced = os.fsync

    def fill(file: int) -> None:
        if "safetensors" in str(Path(f"/proc/self/fd/{file}").resolve()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        synced(file)

    grow = ["grow", str(recipe), "--out", str(tmp_path / "run")]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fill)
        assert main(grow) == EXIT_ERROR
    assert "grown.safetensors could not be written (No space left on device); make room" in one_sentence(capsys)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["question.toml"]
    assert main([*grow, "--resume"]) == 0


def test_a_download_without_a_network_is_answered_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    closed = RemoteFile("http://127.0.0.1:9/larva.zip", "0" * 64, 5, "larva.zip")
    offline = {"larva": replace(RELEASES["larva"], files=(closed,))}
    monkeypatch.setattr("anlage.connectome.fetch.RELEASES", offline)
    monkeypatch.setattr("anlage.connectome.release.RELEASES", offline)
    assert main(["fetch", "larva", "--yes"]) == EXIT_ERROR
    assert "could not be downloaded (ConnectionError)" in one_sentence(capsys)


@pytest.mark.parametrize("answer", ["n", "", EOFError()])
def test_nothing_is_downloaded_unless_somebody_agrees(
    answer: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(_: str) -> str:
        if isinstance(answer, EOFError):
            raise answer
        return str(answer)

    monkeypatch.setattr("builtins.input", reply)
    monkeypatch.setattr("requests.get", lambda *_, **__: pytest.fail("nobody agreed"))
    assert main(["fetch", "larva"]) == EXIT_ERROR
    out, err = capsys.readouterr()
    assert "licence" in out
    assert err == "anlage: Nothing was downloaded; answer y, or add --yes in a script.\n"


def test_a_reader_that_leaves_early_is_no_error_to_write_about(tmp_path: Path) -> None:
    command = f"{sys.executable} -m anlage show worm | true"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def test_the_meter_says_how_far_and_how_long_in_at_most_eleven_lines(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter()
    for done in range(1001):
        meter("steps", done, 1000)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0] == "  0 of 1,000 steps"
    assert re.fullmatch(r"  500 of 1,000 steps, \d+ s left", lines[5])
    assert lines[-1] == "  1,000 of 1,000 steps"


def test_what_is_under_way_together_has_a_line_each_and_one_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, drawn by a terminal that knows two commands: back to the line's start, and lines up."""
    clock = [0.0]
    monkeypatch.setattr("anlage.cli.meter.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    meter = Meter()
    for what, done in (
        ("steps of a", 0),
        ("steps of b", 0),
        ("steps of a", 10),
        ("steps of a", 20),
        ("steps of b", 20),
    ):
        clock[0] += 30.0  # of which the first are lost to the start of processes
        meter(what, done, 50)
    screen = drawn(capsys.readouterr().err)
    # 30 steps in 60 s since the first ten, 60 to go.
    assert screen == ["  20 of 50 steps of a, 2 min 0 s left", "  20 of 50 steps of b, 2 min 0 s left"]
    meter("steps of a", 50, 50)
    meter("steps of b", 50, 50)
    meter("bytes", 1, 2)
    assert drawn(capsys.readouterr().err, screen) == [
        "  50 of 50 steps of a",
        "  50 of 50 steps of b",
        "  1 of 2 bytes",
    ]


def drawn(written: str, before: Sequence[str] = ("",)) -> list[str]:
    """What a terminal shows after this was written, from the end of what it showed before."""
    lines, at = list(before), len(before) - 1
    for part in re.findall(r"\r|\n|\x1b\[\d+A|[^\r\n\x1b]+", written):
        if part == "\r":
            continue
        if part == "\n":
            at += 1
            lines += [""] * (at == len(lines))
        elif part.startswith("\x1b"):
            at -= int(part[2:-1])
        else:
            lines[at] = part.rstrip()
    return [line for line in lines if line]


def living(group: int) -> list[str]:
    """Command lines of the processes of a group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
            if int(pgrp) == group and state != "Z":
                found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def interrupted(command: list[str], trials: Path, n_finished: int, *, kill: bool = False) -> str:
    """Press Ctrl-C once ``n_finished`` trials are on disk; what stderr said, nothing of the run being left alive."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the tests themselves run in the background, Ctrl-C is ignored and children would inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        limit = time.monotonic() + 100
        while len(list(trials.glob("[!.]*.json"))) < n_finished:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < limit
            time.sleep(0.02)
        if n_finished == 1:
            time.sleep(0.5)  # the worker process is then starting
        if kill:
            os.kill(process.pid, signal.SIGTERM)  # a scheduler sends it to the one process that it knows
        else:
            os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to every process in the foreground
        _, err = process.communicate(timeout=60)
        assert process.returncode == EXIT_INTERRUPTED == 130
        limit = time.monotonic() + 10
        while living(process.pid) and time.monotonic() < limit:
            time.sleep(0.05)
        assert not living(process.pid)
        return str(err)
    finally:
        if living(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes in /proc")
GOODBYE = "\nanlage: interrupted; what was finished is kept, add --resume to go on.\n"


@PROC
def test_ctrl_c_while_worker_processes_start_is_answered_by_one_sentence(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(TINY + COMPARISON)
    out = tmp_path / "run"
    command = [sys.executable, "-m", "anlage", "grow", str(recipe), "--out", str(out), "--workers", "1"]
    err = interrupted(command, out / "results", 1)
    assert err.endswith(GOODBYE)
    assert all(line.startswith("  ") for line in err.removesuffix(GOODBYE).splitlines()), err


@PROC
def test_a_verb_that_has_nothing_to_resume_does_not_name_the_flag(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("anlage.connectome.library.load", stopped)
    assert main(["show", "worm"]) == EXIT_INTERRUPTED
    said = capsys.readouterr().err
    assert "run the same command again" in said and "--resume" not in said


def test_a_kill_leaves_no_process_and_the_resumed_run_equals_an_uninterrupted_one(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.write_text(TINY + COMPARISON)
    out = tmp_path / "run"
    command = [sys.executable, "-m", "anlage", "grow", str(recipe), "--out", str(out), "--workers", "1"]
    assert interrupted(command, out / "results", 2, kill=True).endswith(GOODBYE)
    kept = {path.name: path.read_bytes() for path in (out / "results").iterdir()}
    assert 2 <= len(kept) < 6
    assert not (out / "result.json").exists()

    def here(missing: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, Record]]:
        assert kept.keys().isdisjoint(trial.file_name for trial in missing)
        yield from ((trial, trial.run()) for trial in missing)

    monkeypatch.setattr("anlage.study.compare.in_processes", here)
    assert main([*command[3:], "--resume"]) == 0
    assert all((out / "results" / name).read_bytes() == content for name, content in kept.items())
    kept.clear()
    carry_out(read_question(recipe.read_text()), tmp_path / "whole")
    assert json.loads((out / "result.json").read_text()) == json.loads((tmp_path / "whole" / "result.json").read_text())
