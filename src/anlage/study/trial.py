"""One arm, one seed, one record."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version

from anlage.errors import Diverged, RecipeError
from anlage.learning.grow import Grown, grow
from anlage.seed import Seed
from anlage.study.question import Question
from anlage.topology import Audit, Certificate, Control, Topology, control_graph

FORMAT = "anlage-trial-2"
CONNECTOME = "connectome"

Record = Mapping[str, object]
"""The result of a trial as JSON: identity, arm, index, seed, topology, certificate, audit, budget, curve, versions.

A trial that diverged has the reason under ``diverged``, an empty curve, and nothing that only a grown network has."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One arm of a question with one seed.

    ``arm`` is ``connectome`` or the name of a control; ``index`` numbers the control's graph and the seed.
    """

    question: Question
    arm: str
    index: int

    @property
    def file_name(self) -> str:
        """Name of the file that holds this trial's record."""
        return f"{self.arm}-{self.index:03d}.json"

    @property
    def seed(self) -> int:
        """The recipe's seed for the first trial, a stream of its own for every other: neighbouring recipes share no trial."""
        root = self.question.recipe.seed
        return Seed(root).child("trial").child(self.index).integer if self.index else root

    def run(self) -> Record:
        """Make the graph, certify it, grow a network on it, and report. Writes nothing.

        Where learning diverges, that is the result. Raises ``ControlError`` when the control breaks a promise on this graph: no
        result is better than a wrong one.
        """
        recipe = self.question.recipe
        topology, certificate = recipe.topology.topology(), None
        if self.arm != CONNECTOME:
            rng = Seed(recipe.seed).child("control").child(self.arm).child(self.index).rng()
            topology, certificate = control_graph(self._control(), topology, rng)
        try:
            grown = grow(replace(recipe, seed=self.seed), topology)
        except Diverged as error:
            return self.lost(topology, certificate, error)
        return self.record(grown, certificate)

    def lost(self, topology: Topology, certificate: Certificate | None, error: Diverged) -> Record:
        """The record of a trial on which learning diverged."""
        return {**self._head(topology, certificate), "diverged": str(error), "curve": [], "versions": _versions()}

    def record(self, grown: Grown, certificate: Certificate | None) -> Record:
        """The record of a grown network as this trial."""
        return {
            **self._head(grown.topology, certificate),
            "operating_point": asdict(grown.operating_point),
            "audit": _plain(grown.audit),
            "audit_at_once": _plain(grown.audit_at_once),
            "budget": asdict(grown.budget),
            "chance_accuracy": grown.chance,
            "curve": grown.curve,
            "versions": _versions(),
        }

    def _head(self, topology: Topology, certificate: Certificate | None) -> dict[str, object]:
        """Which trial this is, and what was wired for it."""
        return {
            "format": FORMAT,
            "question": self.question.identity,
            "arm": self.arm,
            "index": self.index,
            "seed": self.seed,
            "graph": topology.fingerprint,
            "history": [{"function": s.function, "arguments": dict(s.arguments)} for s in topology.history],
            "certificate": [{**asdict(f), "true": f.true} for f in certificate.findings] if certificate else [],
        }

    def accepts(self, record: Mapping[str, object]) -> bool:
        """Whether ``record`` is the result of this very trial."""
        wanted = {"format": FORMAT, "question": self.question.identity, "arm": self.arm, "index": self.index}
        told = record.get("curve") or record.get("diverged")
        return all(record.get(key) == value for key, value in wanted.items()) and bool(told)

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
    arms = [CONNECTOME, *(control.name for control in comparison.controls)]
    return [Trial(question, arm, index) for index in range(comparison.graphs) for arm in arms]
