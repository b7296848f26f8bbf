"""One arm, one seed, one record."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version

from anlage.errors import Diverged, RecipeError
from anlage.learning.assay import Assay, Assayed, assay, assay_design
from anlage.learning.grow import Grown, grow
from anlage.learning.recipe import Recipe
from anlage.network.design import Design
from anlage.seed import Seed
from anlage.study.factor import Cell, grid
from anlage.study.outcome import OUTCOMES
from anlage.study.question import QUESTION_KINDS, Question
from anlage.topology import Audit, Certificate, Control, Topology, control_graph

FORMAT = "anlage-trial-2"
CONNECTOME = "connectome"

Record = Mapping[str, object]
"""The result of a trial as JSON: identity, arm, index, seed, topology, certificate, audit, budget, curve, versions.

A trial that diverged has the reason under ``diverged``, an empty curve, and nothing that only a grown network has."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One arm of a question with one seed, at one level of every factor.

    ``arm`` is ``connectome``, or the name of a control or of a network; ``index`` numbers the control's graph and the seed.
    """

    question: Question
    arm: str
    index: int
    cell: Cell = field(default_factory=Cell)

    @property
    def file_name(self) -> str:
        """Name of the file that holds this trial's record."""
        level = f".{self.cell.number:02d}" if self.cell.chosen else ""
        return f"{self.arm}-{self.index:03d}{level}.json"

    @property
    def seed(self) -> int:
        """The recipe's seed for the first trial, a stream of its own for every other: neighbouring recipes share no trial."""
        root = self.question.recipe.seed
        return Seed(root).child("trial").child(self.index).integer if self.index else root

    @property
    def recipe(self) -> Recipe | Assay:
        """The question's recipe at the levels and with the seed of this trial."""
        return replace(self.question.at(self.cell), seed=self.seed)

    def run(self) -> Record:
        """Make the graph, certify it, grow or assay a network on it, and report. Writes nothing.

        Where learning diverges, that is the result. Raises ``ControlError`` when the control breaks a promise on this graph: no
        result is better than a wrong one.
        """
        design = self._design()
        topology, certificate = (None, None) if design else self.wired()
        try:
            recipe, tuning = self._tuned(topology, design)
            if isinstance(recipe, Recipe):
                return self.record(grow(recipe, topology, design=design), certificate)
            found = assay_design(recipe, design) if design else assay(recipe, topology)
        except Diverged as error:
            return self.lost(topology, certificate, error)
        return {**self.record(found, certificate), **tuning}

    def wired(self) -> tuple[Topology, Certificate | None]:
        """The topology of this trial's arm, as measured or as its control made it, and the certificate of the control.

        One index of a control draws the same random numbers at every level.
        """
        topology = self.recipe.topology.topology()
        if self.arm == CONNECTOME:
            return topology, None
        rng = Seed(self.question.recipe.seed).child("control").child(self.arm).child(self.index).rng()
        return control_graph(self._control(), topology, rng)

    def _tuned(self, topology: Topology | None, design: Design | None) -> tuple[Recipe | Assay, dict[str, object]]:
        """The recipe at this trial's own best levels, and what was tried, where the question asks for it."""
        comparison, recipe = self.question.comparison, self.recipe
        if comparison is None or not comparison.tuned or isinstance(recipe, Recipe):
            return recipe, {}
        primary = OUTCOMES[comparison.outcomes[0]]
        tried = []
        for cell in grid(comparison.factors):
            at = cell.of(recipe, QUESTION_KINDS)
            if isinstance(at, Assay):
                found = assay_design(at, design, validate=True) if design else assay(at, topology, validate=True)
                tried.append((found.scores[primary.name], cell, at))
        best = (max if primary.higher_is_better else min)(tried, key=lambda one: one[0])
        sweep = [{"level": cell.plain, "validation": score} for score, cell, _ in tried]
        return best[2], {"tuned": {"level": best[1].plain, "sweep": sweep}}

    def lost(self, topology: Topology | None, certificate: Certificate | None, error: Diverged) -> Record:
        """The record of a trial on which learning diverged."""
        return {**self._head(topology, certificate), "diverged": str(error), "curve": [], "versions": _versions()}

    def record(self, grown: Grown | Assayed, certificate: Certificate | None) -> Record:
        """The record of a grown network, or of an assay, as this trial.

        Raises ``RecipeError`` when the task does not give a score that the comparison is judged by.
        """
        if isinstance(grown, Assayed):
            return self._record_assayed(grown, certificate)
        wired = grown.operating_point is not None
        reach = {"audit": _plain(grown.audit), "audit_at_once": _plain(grown.audit_at_once)} if wired else {}
        return {
            **self._head(grown.topology if wired else None, certificate),
            **({"operating_point": asdict(grown.operating_point)} if grown.operating_point else {}),
            **reach,
            "budget": asdict(grown.budget),
            "chance_accuracy": grown.chance,
            "curve": grown.curve,
            "versions": _versions(),
        }

    def _record_assayed(self, found: Assayed, certificate: Certificate | None) -> Record:
        for outcome in self.question.comparison.outcomes if self.question.comparison else ():
            if outcome not in found.scores:
                raise RecipeError(
                    f"comparison.outcomes names {outcome!r}, but the task of {self.question.recipe.name} gives "
                    f"{' and '.join(found.scores)}; name these."
                )
        wired = {"operating_point": asdict(found.operating_point)} if found.operating_point else {}
        reach = {"audit": _plain(found.audit)} if found.audit else {}
        penalty = {} if found.penalty is None else {"penalty": found.penalty, "penalties": list(map(list, found.sweep))}
        return {
            **self._head(found.topology, certificate),
            **wired,
            **reach,
            **penalty,
            "budget": asdict(found.budget),
            "oracle": found.oracle,
            "chance": found.chance,
            "curve": found.curve,
            "versions": _versions(),
        }

    def _head(self, topology: Topology | None, certificate: Certificate | None) -> dict[str, object]:
        """Which trial this is, and what was wired for it."""
        history = topology.history if topology else ()
        return {
            "format": FORMAT,
            "question": self.question.identity,
            "arm": self.arm,
            "index": self.index,
            **self._level(),
            "seed": self.seed,
            "graph": topology.fingerprint if topology else "",
            "history": [{"function": s.function, "arguments": dict(s.arguments)} for s in history],
            "certificate": [{**asdict(f), "true": f.true} for f in certificate.findings] if certificate else [],
        }

    def accepts(self, record: Mapping[str, object]) -> bool:
        """Whether ``record`` is the result of this very trial."""
        wanted = {"format": FORMAT, "question": self.question.identity, "arm": self.arm, "index": self.index}
        told = record.get("curve") or record.get("diverged")
        return all(record.get(key) == value for key, value in (wanted | self._level()).items()) and bool(told)

    def _level(self) -> dict[str, object]:
        """The levels of the factors as they stand in a record, where there are any."""
        return {"level": self.cell.plain} if self.cell.chosen else {}

    def _design(self) -> Design | None:
        """The design of this trial's arm, if it is a network without a wiring."""
        designs = self.question.comparison.networks if self.question.comparison else ()
        return next((design for design in designs if design.name == self.arm), None)

    def _control(self) -> Control:
        comparison = self.question.comparison
        for control in comparison.controls if comparison else ():
            if control.name == self.arm:
                return control
        raise RecipeError(f"The question has no control called {self.arm!r}.")


def finished(records: Iterable[Record]) -> list[Record]:
    """The records of trials that came to their end, those that diverged left out."""
    return [record for record in records if record["curve"]]


def diverged(records: Iterable[Record]) -> list[Record]:
    """The records of trials on which learning diverged."""
    return [record for record in records if not record["curve"]]


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("anlage", "torch", "numpy", "scipy", "scikit-learn")}


def _plain(audit: Audit) -> dict[str, object]:
    return {
        "steps": audit.steps,
        "drive": audit.drive,
        "hops": audit.hops,
        "edges": audit.n_edges,
        "edges_in_all": len(audit.edge),
        "neurons": audit.n_neurons,
        "neurons_in_all": len(audit.neuron),
        "input": audit.n_input,
        "output": audit.n_output,
        "sentence": str(audit),
    }


def trials(question: Question) -> list[Trial]:
    """Every trial of a question, arms interleaved so that an interrupted study has some of each."""
    comparison = question.comparison
    if comparison is None:
        return [Trial(question, CONNECTOME, 0)]
    arms = [CONNECTOME, *comparison.arms]
    indices = range(comparison.graphs)
    return [Trial(question, arm, index, cell) for index in indices for arm in arms for cell in question.cells]
