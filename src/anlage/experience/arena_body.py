"""Animals that crawl in a plane: a larva that runs and casts its head, a worm that undulates and steers.

Kinematics, not mechanics: what muscles and friction do is summed up in a speed and in rates of turning. All angles are radians,
counted from the x axis towards y, so that a positive turn is to the animal's left.
"""

from dataclasses import dataclass, replace
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from anlage.errors import BodyError


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where animals are: the middle of the body in mm, its heading, how far the head is bent from it, the phase of undulation."""

    place: Float[Tensor, "world agent 2"]
    heading: Float[Tensor, "world agent"]
    bend: Float[Tensor, "world agent"]
    phase: Float[Tensor, "world agent"]


@dataclass(frozen=True, slots=True)
class Habit:
    """How an animal explores where nothing can be smelt: how often a run ends, how often a turn ends, per second."""

    run_ends_hz: float
    turn_ends_hz: float
    speed_in_turn: float
    """Share of the speed that it keeps in a turn."""


@runtime_checkable
class Crawler(Protocol):
    """A body in an arena. An action is (forward, turn), each -1 to 1."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def step_s(self) -> float:
        """How long an action lasts, s."""
        ...

    @property
    def length_mm(self) -> float:
        """From nose to tail."""
        ...

    @property
    def width_mm(self) -> float:
        """Across."""
        ...

    @property
    def speed_mm_s(self) -> float:
        """Of a forward action of 1."""
        ...

    @property
    def habit(self) -> Habit:
        """How it explores."""
        ...

    def move(self, pose: Pose, action: Float[Tensor, "world agent 2"]) -> Pose:
        """Where everybody is one step later, were there no walls."""
        ...

    def noses(self, pose: Pose) -> Float[Tensor, "world agent 2 2"]:
        """Where the left and the right organ of smell are, mm."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Larva:
    """*Drosophila* in its third instar: runs forward, and bends its head before it goes elsewhere.

    Speed, speed and limit of head casts, and the rates at which runs and casts end are those of the model of Davies, Louis & Webb
    2015 (PLoS Comput Biol 11:e1004606), which was fitted to the tracks of Gomez-Marin et al. 2011 (Nat Commun 2:441). The body
    moves where the head points and trails behind it, so that a head held at ``bend`` leads around a circle of radius
    ``length_mm / 2 / sin(bend)``. Length and the distance of the two dorsal organs are assumed (4 mm and 0.1 mm). The larva whose
    connectome is known was in its first instar and smaller: about 1 mm.

    Action: forward 0 to 1 (nothing below 0; it does not back up), turn -1 to 1 of the speed of a cast.
    """

    name: str = "larva"
    step_s: float = 0.1
    length_mm: float = 4.0
    width_mm: float = 0.8
    speed_mm_s: float = 1.0
    cast_deg_s: float = 240.0
    limit_deg: float = 120.0
    organs_mm: float = 0.1
    habit: Habit = Habit(run_ends_hz=0.148, turn_ends_hz=2.0, speed_in_turn=0.0)

    def __post_init__(self) -> None:
        _check(self, ("step_s", "length_mm", "width_mm", "speed_mm_s", "cast_deg_s", "limit_deg"))

    def move(self, pose: Pose, action: Float[Tensor, "world agent 2"]) -> Pose:
        """The head turns, the middle follows the head, the tail follows the middle."""
        forward = action[..., 0].clamp(0, 1) * self.speed_mm_s * self.step_s
        cast = action[..., 1].clamp(-1, 1) * float(np.deg2rad(self.cast_deg_s)) * self.step_s
        limit = float(np.deg2rad(self.limit_deg))
        head = pose.heading + (pose.bend + cast).clamp(-limit, limit)
        trailed = forward / (self.length_mm / 2) * torch.sin(head - pose.heading)
        heading = pose.heading + trailed
        return replace(pose, place=pose.place + forward[..., None] * along(head), heading=heading, bend=head - heading)

    def noses(self, pose: Pose) -> Float[Tensor, "world agent 2 2"]:
        """The dorsal organs, half a body length ahead of the middle and 0.1 mm apart."""
        ahead = along(pose.heading + pose.bend)
        aside = torch.stack([-ahead[..., 1], ahead[..., 0]], -1) * (self.organs_mm / 2)
        nose = pose.place + self.length_mm / 2 * ahead
        return torch.stack([nose + aside, nose - aside], -2)


@final
@dataclass(frozen=True, slots=True)
class Worm:
    """*C. elegans* on agar: undulates forward or backward and steers; its nose sweeps from side to side.

    Speed 0.22 mm/s, undulation 4.2 s and steering by curvature follow Izquierdo & Lockery 2010 (J Neurosci 30:12908), the
    period after Ferree, Marcotte & Lockery 1997; reversals come about twice a minute (Pierce-Shimomura, Morse & Lockery 1999, J
    Neurosci 19:9557). Assumed: the sweep of the nose (35 degrees to either side), the fastest turn (50 degrees/s, an omega turn
    in 3.6 s) and how long turns last. Its two amphids open beside each other, so that left and right smell the same.

    Action: forward -1 to 1, turn -1 to 1.
    """

    name: str = "worm"
    step_s: float = 0.1
    length_mm: float = 1.0
    width_mm: float = 0.08
    speed_mm_s: float = 0.22
    turn_deg_s: float = 50.0
    sweep_deg: float = 35.0
    period_s: float = 4.2
    habit: Habit = Habit(run_ends_hz=2 / 60, turn_ends_hz=0.4, speed_in_turn=0.3)

    def __post_init__(self) -> None:
        _check(self, ("step_s", "length_mm", "width_mm", "speed_mm_s", "turn_deg_s", "period_s"))

    def move(self, pose: Pose, action: Float[Tensor, "world agent 2"]) -> Pose:
        """Along its heading, which steering turns; the nose sweeps on."""
        forward = action[..., 0].clamp(-1, 1) * self.speed_mm_s * self.step_s
        heading = pose.heading + action[..., 1].clamp(-1, 1) * float(np.deg2rad(self.turn_deg_s)) * self.step_s
        phase = pose.phase + 2 * np.pi * self.step_s / self.period_s
        sweep = float(np.deg2rad(self.sweep_deg)) * torch.sin(phase)
        return Pose(pose.place + forward[..., None] * along(heading), heading, sweep, phase)

    def noses(self, pose: Pose) -> Float[Tensor, "world agent 2 2"]:
        """The tip of the nose, twice."""
        nose = pose.place + self.length_mm / 2 * along(pose.heading + pose.bend)
        return torch.stack([nose, nose], -2)


def along(angle: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape 2"]:
    """The direction of an angle."""
    return torch.stack([torch.cos(angle), torch.sin(angle)], -1)


def _check(body: Larva | Worm, names: tuple[str, ...]) -> None:
    for name in names:
        if not 0 < getattr(body, name) < np.inf:
            raise BodyError(f"A {body.name} has {name} {getattr(body, name)}; give a finite number above 0.")
