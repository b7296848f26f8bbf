"""A chain of links that swims in a plane: the body of the worm, in MuJoCo physics.

The parameters are those of the swimmer of the DeepMind control suite (Tassa et al. 2018, arXiv 1801.00690; Tunyasuvunakool et al.
2020, Software Impacts 6:100022) with the task of Bhattasali, Zador & Engel 2022 (NeurIPS 35): swim forward. The model file is
written here from these numbers. Its fluid has a density and no viscosity, so that drag is that of inertia: this is the water of a
fish, not that of a worm 1 mm long, whose Reynolds number is about 1 or below.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import BodyError, DependencyMissing

if TYPE_CHECKING:
    from anlage.experience.body import Posture

PHYSICS_S = 0.002
"""Time step of the physics, s."""
SUBSTEPS = 15
"""Steps of the physics per step of control, which therefore lasts 30 ms."""
LINK_LENGTH = 0.1
"""Length of a link, m."""
LINK_MASS = 0.01
"""Mass of a link, kg; its inertia is that of a box of 2 x 100 x 20 mm."""
GEAR = 5e-4
"""Torque of a joint at full action, N m."""
FLUID_DENSITY = 3000.0
"""Density of the fluid, kg/m^3, three times that of water, as in the control suite."""
FULL_SPEED = 0.1
"""Forward speed of the head that earns the whole reward, m/s."""


@final
@dataclass(frozen=True, slots=True)
class Fluid:
    """What a body swims in: ``density`` in kg/m^3, ``viscosity`` in Pa s."""

    density: float = FLUID_DENSITY
    viscosity: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("density", self.density), ("viscosity", self.viscosity)):
            if not 0 <= value < np.inf:
                raise BodyError(f"A fluid has {name} {value}; give a finite number of at least 0.")


WATER = Fluid()
"""The fluid of the control suite's swimmer."""


def joint_limit(n_links: int) -> float:
    """Largest bend of each joint to either side, rad: ``2 pi / n_links``, so that the ends of the chain can touch."""
    return float(2 * np.pi / n_links)


def model_file(n_links: int, fluid: Fluid = WATER) -> str:
    """The body as a MuJoCo model file: a head, then ``n_links - 1`` links behind it, joined by hinges with motors."""
    half, limit = LINK_LENGTH / 2, joint_limit(n_links)
    box = f'<geom type="box" size="0.001 {half} 0.01" mass="{LINK_MASS}"/>'
    links = ""
    for i in reversed(range(n_links - 1)):
        hinge = f'<joint name="bend_{i}" class="bend" range="{-limit} {limit}"/>'
        links = f'<body name="link_{i + 1}" pos="0 {LINK_LENGTH} 0">{hinge}{box}{links}</body>'
    roots = "".join(
        f'<joint name="{name}" type="{kind}" axis="{axis}" pos="0 {-half} 0"/>'
        for name, kind, axis in (("x", "slide", "1 0 0"), ("y", "slide", "0 1 0"), ("heading", "hinge", "0 0 1"))
    )
    motors = "".join(
        f'<motor joint="bend_{i}" gear="{GEAR}" ctrllimited="true" ctrlrange="-1 1"/>' for i in range(n_links - 1)
    )
    return f"""<mujoco model="swimmer">
<compiler angle="radian"/>
<option timestep="{PHYSICS_S}" density="{fluid.density}" viscosity="{fluid.viscosity}">
<flag contact="disable" gravity="disable"/></option>
<default><default class="bend"><joint type="hinge" axis="0 0 1" pos="0 {-half} 0" limited="true" armature="1e-6"
 solreflimit="0.05 1" solimplimit="0 0.8 0.1"/></default></default>
<worldbody><body name="head">{roots}{box}<site name="head"/>{links}</body></worldbody>
<actuator>{motors}</actuator>
<sensor><velocimeter site="head"/></sensor>
</mujoco>"""


def loaded_mujoco() -> Any:
    """The package. Raises ``DependencyMissing`` without it, ``BodyError`` when it cannot be loaded."""
    try:
        import mujoco
    except ImportError as missing:
        raise DependencyMissing(
            "A body needs the package mujoco, which is not installed; type: pip install 'anlage[body]'."
        ) from missing
    except (AttributeError, OSError, RuntimeError) as broken:  # what a GL library that is not there raises, by its name
        raise BodyError(
            f"MuJoCo cannot load its GL library ({broken}); nothing is rendered here, so set MUJOCO_GL=disable and run again."
        ) from broken
    return mujoco


@contextmanager
def unlogged(mujoco: Any) -> Iterator[None]:
    """Some of Gymnasium's models use a word that MuJoCo deprecates, and MuJoCo says so in a file where it was started."""
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda _: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)


@final
class Swimmer:
    """``n_bodies`` swimmers side by side in worlds of their own; none feels another.

    An action is the torque of every joint as a share of the strongest, -1 to 1. What is sensed is how far every joint is bent, as
    a share of its limit: positive towards the side that positive action shortens, called dorsal. The reward of a step is the
    forward speed of the head as a share of 0.1 m/s, between 0 and 1, so that 1,000 steps earn at most 1,000.

    Raises ``DependencyMissing`` without MuJoCo, ``BodyError`` for fewer than 3 links or when the model cannot be built.
    """

    name = "swimmer"
    step_s = PHYSICS_S * SUBSTEPS

    def __init__(self, n_links: int = 6, n_bodies: int = 1, fluid: Fluid = WATER, *, model: str | None = None) -> None:
        if n_links < 3:
            raise BodyError(f"A swimmer of {n_links} links cannot undulate; give it at least 3.")
        if n_bodies < 1:
            raise BodyError(f"There cannot be {n_bodies} swimmers; ask for at least 1.")
        self._mujoco = loaded_mujoco()
        try:
            self._model = self._mujoco.MjModel.from_xml_string(model_file(n_links, fluid) if model is None else model)
        except ValueError as broken:
            raise BodyError(
                f"MuJoCo cannot read the model of this body ({_first_line(broken)}); repair it."
            ) from broken
        if (self._model.nq, self._model.nu) != (n_links + 2, n_links - 1) or self._model.nsensordata != 3:
            raise BodyError(
                f"The model has {self._model.nq} coordinates, {self._model.nu} motors and {self._model.nsensordata} sensor "
                f"values, but a swimmer of {n_links} links needs {n_links + 2}, {n_links - 1} and 3; see model_file."
            )
        self.n_joints, self.n_bodies = n_links - 1, n_bodies
        self._limit = joint_limit(n_links)
        self._worlds = [self._mujoco.MjData(self._model) for _ in range(n_bodies)]
        self._place = [world.qpos for world in self._worlds]
        self._action = [world.ctrl for world in self._worlds]
        self._speed = [world.sensordata for world in self._worlds]
        self._rate = [world.qvel for world in self._worlds]

    def start(self, rngs: Sequence[np.random.Generator]) -> Float[ndarray, "body joint"]:
        """Every body at rest in a random posture of its own, joints and heading uniform within their limits. What is sensed."""
        if len(rngs) != self.n_bodies:
            raise BodyError(
                f"{len(rngs)} streams of random numbers were given to {self.n_bodies} bodies; give one each."
            )
        for world, rng in zip(self._worlds, rngs, strict=True):
            self._mujoco.mj_resetData(self._model, world)
            world.qpos[3:] = rng.uniform(-self._limit, self._limit, self.n_joints)
            world.qpos[2] = rng.uniform(-np.pi, np.pi)
            self._mujoco.mj_forward(self._model, world)
        return self._sensed()

    def step(
        self, action: Float[ndarray, "body joint"]
    ) -> tuple[Float[ndarray, "body joint"], Float[ndarray, " body"]]:
        """One step of 30 ms under an action, and what it was worth. Raises ``BodyError`` when an action is not a number."""
        if action.shape != (self.n_bodies, self.n_joints):
            raise BodyError(
                f"An action of shape {action.shape} was given to {self.n_bodies} bodies of {self.n_joints} joints; give "
                f"{(self.n_bodies, self.n_joints)}."
            )
        if not np.isfinite(action).all():
            raise BodyError(
                f"{int((~np.isfinite(action)).sum())} of {action.size} actions are not finite numbers; no joint can follow them, "
                "so repair what computes them."
            )
        for motor, given, world in zip(self._action, action, self._worlds, strict=True):
            motor[:] = given
            self._mujoco.mj_step(self._model, world, SUBSTEPS)
        forward = -np.array([speed[1] for speed in self._speed])
        return self._sensed(), np.clip(forward / FULL_SPEED, 0, 1)

    def posture(self) -> "Posture":
        """Where every body is: position of its head's front end (m), heading of the head (rad) and bend of every joint (rad)."""
        from anlage.experience.body import Posture

        place = np.stack(self._place)
        return Posture(place[:, :2].copy(), place[:, 2].copy(), place[:, 3:].copy(), LINK_LENGTH)

    def motion(self) -> Float[ndarray, "body rate"]:
        """How every body moves: each joint's rate of bending, the head's speed sideways and forwards (m/s), its rate of turning.

        Rates are in rad/s. The head's speeds are those before the last step of the physics, 2 ms ago.
        """
        moving = np.empty((self.n_bodies, self.n_joints + 3))
        for found, rate, speed in zip(moving, self._rate, self._speed, strict=True):
            found[:-3], found[-3], found[-2], found[-1] = rate[3:], speed[0], -speed[1], rate[2]
        return moving

    def _sensed(self) -> Float[ndarray, "body joint"]:
        return np.clip(np.array([place[3:] for place in self._place]) / self._limit, -1, 1)


def _first_line(error: ValueError) -> str:
    return (str(error).splitlines() or [""])[0].strip().rstrip(".")
