"""The report of a run: one HTML file that needs nothing else, neither a server nor the network."""

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from anlage.connectome.library import load
from anlage.learning.assay import Assay, pose
from anlage.learning.checkpoint import write_text
from anlage.learning.recipe import Recipe
from anlage.study import account, assay_account
from anlage.study.answer import answer, probe_words, secondary
from anlage.study.arm import Arm, arms, arms_at
from anlage.study.canvas import ARM, DARK, ROLE, arm_colour, palette, variable
from anlage.study.factor_figure import factor_figures
from anlage.study.figure import Reference, curve_figure, forest_figure, null_figure, plain, probe_figure
from anlage.study.power import power_sentence
from anlage.study.run import Run
from anlage.study.sources import bibliography
from anlage.study.statistics import MIN_GRAPHS
from anlage.study.wiring_figure import NEGATIVE, POSITIVE, ROLES, Drawing, left_out, wiring_figures


def write_report(run: Run) -> Path:
    """Write the report of a finished run into its folder, and return its path; the same run gives the same bytes.

    Raises ``DataMissing`` when the connectome or the recording is not on this machine, ``AnlageError`` when the folder cannot be
    written.
    """
    template = files("anlage.study").joinpath("report.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    path = run.folder / "report.html"
    write_text(path, page.from_string(template).render(_content(run)))
    return path


def _content(run: Run) -> dict[str, object]:
    """Everything that the template shows, by name."""
    recipe, every = run.question.recipe, arms(run)
    connectome = load(recipe.topology.connectome)
    wiring = Drawing(connectome, recipe.topology.topology(), recipe.ports.input)
    return {
        "recipe": recipe,
        "run": run,
        "arms": every,
        "answer": answer(run, connectome.source.title),
        "secondary": secondary(run),
        "factors": _factors(run),
        "outcomes": _outcomes(run),
        "contrasts": account.contrast_table(run) if run.contrasts else None,
        "tests": account.tests_table(run) if run.contrasts else None,
        "power": _power(run),
        "wiring": wiring_figures(wiring),
        "left_out": left_out(wiring),
        "placed": wiring.placed,
        "roles": [(name, int((wiring.role == number).sum())) for number, name in enumerate(ROLES)],
        "controls": account.control_accounts(every),
        "levels": [_level(cell.name, found) for cell in run.question.cells if (found := arms_at(run, cell))],
        "bibliography": bibliography(run.question),
        "toml": run.question.to_toml(),
        "versions": account.versions(every),
        "mixed": account.mixed(every),
        "style": _style(),
        **(_assayed(run, recipe, every) if isinstance(recipe, Assay) else _grown(run, recipe, every)),
    }


def _grown(run: Run, recipe: Recipe, every: list[Arm]) -> dict[str, object]:
    """What is shown of networks that were grown."""
    connectome, recording = load(recipe.topology.connectome), recipe.open_experience()
    return {
        "ten": account.ten_questions(run, recipe, connectome, recording, every[0]),
        "curves": _curves(run, recipe, every),
        "probe": probe_figure(every, run.raw_probe_accuracy),
        "probe_words": probe_words(every[0], run.raw_probe_accuracy, len(recording.test_label)),
        "probe_table": account.probe_table(every, run.raw_probe_accuracy, recording.chance),
        "sources": account.source_table(connectome, recipe.experience.source),
    }


def _assayed(run: Run, recipe: Assay, every: list[Arm]) -> dict[str, object]:
    """What is shown of networks that were assayed."""
    connectome = load(recipe.topology.connectome)
    learned = len(every[0].step) > 1
    return {
        "ten": assay_account.ten_questions(run, recipe, connectome, pose(recipe), every[0]),
        "curves": [curve_figure(every, name, None) for name in every[0].final] if learned else [],
        "probe": None,
        "against": assay_account.against_table(run, every),
        "against_words": assay_account.against_words(run, every[0]),
        "tuning": assay_account.tuning_table(every),
        "sources": account.source_table(connectome, recipe.task.source, "task"),
    }


def _level(name: str, every: list[Arm]) -> dict[str, object]:
    """Reach, operating point and budget of every arm at the levels of one cell."""
    return {
        "name": name,
        "audit": account.audit_table(every),
        "operating": account.operating_table(every),
        "budget": account.budget_table(every),
    }


def _factors(run: Run) -> list[Markup]:
    """Every outcome against the factors, with what is read from the input alone."""
    comparison = run.question.comparison
    figures: list[Markup] = []
    for outcome in comparison.outcomes if comparison else ():
        alone = run.input_only.get(outcome)
        reference = None if alone is None else Reference(alone, f"input alone {alone:.3f}")
        figures += factor_figures(run, outcome, reference)
    return figures


def _power(run: Run) -> str:
    """What the study could be expected to see, known before it was run."""
    comparison = run.question.comparison
    if comparison is None:
        return ""
    return power_sentence(comparison.graphs, len(comparison.arms), MIN_GRAPHS, len(run.question.cells))


def _outcomes(run: Run) -> list[dict[str, object]]:
    """The figures and sentences of each outcome, at each combination of levels."""
    shown: list[dict[str, object]] = []
    for outcome in dict.fromkeys(contrast.outcome for contrast in run.contrasts):
        for cell in run.question.cells:
            found = [c for c in run.contrasts if (c.outcome, c.level) == (outcome, cell.name)]
            counted, every = [contrast for contrast in found if contrast.counted], arms_at(run, cell)
            drawn = [*every[:1], *(arm for arm in every if arm.name in {contrast.control for contrast in counted})]
            pair = [null_figure(drawn, outcome, counted), forest_figure(drawn, outcome, counted)] if counted else []
            name = f"{plain(outcome)} at {cell.name}" if cell.name else plain(outcome)
            shown.append({"name": name, "figures": pair, "sentences": [c.sentence for c in found]})
    return shown


def _curves(run: Run, recipe: Recipe, every: list[Arm]) -> list[Markup]:
    """Learning curves, each with the level to hold it against."""
    persistence = float(every[0].final["persistence_error"].mean())
    raw, latent = run.raw_probe_accuracy, recipe.latent
    references = {
        "prediction_error": Reference(persistence, f"predicting no change: {persistence:.3f}"),
        "effective_rank": Reference(float(latent), f"most possible: {latent}"),
        "probe_accuracy": Reference(raw, f"raw input: {raw:.3f}"),
    }
    return [curve_figure(every, measure, reference) for measure, reference in references.items()]


def _style() -> Markup:
    """CSS of the colours: variables for figures, classes ``arm0``, ``arm1`` ... and ``role-input`` ... for words."""
    rules = [f":root{{{palette(False)}}}", f"@media(prefers-color-scheme:dark){{:root{{{palette(True)}}}}}"]
    rules.append(f"@media print{{:root{{{palette(False)}}}}}")
    rules += [f".arm{i}{{color:var({variable(arm_colour(i))})}}" for i in range(len(ARM))]
    rules += [f".role-{name}{{color:var({variable(colour)})}}" for name, colour in ROLE.items()]
    rules += [f".{name}{{color:{colour}}}" for name, colour in (("positive", POSITIVE), ("negative", NEGATIVE))]
    names = dict(zip(("ink", "muted", "line", "paper", "band"), DARK, strict=False))
    rules.append(":root{" + "".join(f"--{name}:var({variable(colour)});" for name, colour in names.items()) + "}")
    return Markup("".join(rules))
