"""A body that is paid for turning over backwards: the half cheetah of Gymnasium (Towers et al. 2024, arXiv 2407.17032).

The pay is that of the flipping cheetah of research on planning (Tschantz et al. 2020, arXiv 2002.12636): how fast it turns, less
what its motors cost.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import BodyError, DependencyMissing
from anlage.experience.swimmer import loaded_mujoco, unlogged

FLIP = "half-cheetah-flip"
SUBSTEPS = 5
"""Steps of the physics, each of 10 ms, per step of control (Gymnasium, HalfCheetah-v5)."""
STEP_S = 0.01 * SUBSTEPS
LIMIT = 200
"""Steps of a life, which lasts 10 s."""
EFFORT = 0.1
"""What a motor at full strength costs per step, in rad/s of turning."""
JITTER = 0.1
"""How far from rest a life begins: joints uniform up to so many rad, speeds normal with so many per s (Gymnasium)."""
FAST = 10.0
"""Speed, in m/s or rad/s, that is observed as 1."""
HEIGHT, PITCH, JOINTS = 1, 2, 3
"""Where the coordinates are; before them, where along the track it is."""


@final
class Flip:
    """One half cheetah, paid for turning over backwards.

    Observed are 18 numbers: the height of the body in m above its rest, sine and cosine of its pitch, 6 joint angles in rad,
    and 9 speeds as shares of 10 m/s or 10 rad/s. The reward of a step is how fast it turns backwards at its end, in rad/s, less a
    tenth of the sum of its squared actions.

    Raises ``DependencyMissing`` without MuJoCo and Gymnasium, whose model of the body it is.
    """

    name, n_observed, n_action, limit = FLIP, 18, 6, LIMIT

    def __init__(self) -> None:
        self._mujoco = loaded_mujoco()
        gymnasium = find_spec("gymnasium")
        if gymnasium is None or gymnasium.origin is None:
            raise DependencyMissing(
                "This body is a model of the package gymnasium, which is not installed; type: pip install 'anlage[body]'."
            )
        file = Path(gymnasium.origin).parent / "envs" / "mujoco" / "assets" / "half_cheetah.xml"
        try:
            with unlogged(self._mujoco):
                self._model = self._mujoco.MjModel.from_xml_path(str(file))
        except ValueError as broken:
            raise BodyError(f"MuJoCo cannot read {file} ({broken}); install gymnasium again.") from broken
        self._data, self._imagined = self._mujoco.MjData(self._model), self._mujoco.MjData(self._model)
        self._began = 0.0

    def begin(self, seed: int) -> Float[ndarray, " input"]:
        """Nearly standing, nearly at rest."""
        rng, data = np.random.default_rng(seed), self._data
        self._mujoco.mj_resetData(self._model, data)
        data.qpos += rng.uniform(-JITTER, JITTER, data.qpos.shape)
        data.qvel += JITTER * rng.standard_normal(data.qvel.shape)
        self._began = float(data.qpos[PITCH])
        return self._observed()

    def step(self, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        """50 ms; nothing that it does can end its life."""
        given = np.clip(action, -1, 1)
        self._data.ctrl[:] = given
        self._mujoco.mj_step(self._model, self._data, SUBSTEPS)
        return self._observed(), float(earned(self._data.qvel[PITCH], given)), False

    @property
    def turns(self) -> float:
        """How often it turned over backwards in this life; forwards counts against it."""
        return (self._began - float(self._data.qpos[PITCH])) / (2 * np.pi)

    def promise(self, courses: Float[ndarray, "candidate moment action"]) -> Float[ndarray, " candidate"]:
        """What each course of actions would earn from here, in the true physics; nothing is done."""
        from mujoco.rollout import rollout

        full = self._mujoco.mjtState.mjSTATE_FULLPHYSICS
        here = np.empty(self._mujoco.mj_stateSize(self._model, full))
        self._mujoco.mj_getState(self._model, self._data, here, full)
        given = np.clip(courses, -1, 1)
        held = np.repeat(given, SUBSTEPS, axis=1)
        start = {"initial_state": here[None], "initial_warmstart": self._data.qacc_warmstart[None]}
        states = rollout(self._model, self._imagined, control=held, **start)[0]
        # A state is the time, the coordinates, then their speeds.
        turning = states[:, SUBSTEPS - 1 :: SUBSTEPS, 1 + self._model.nq + PITCH]
        return np.asarray(earned(turning, given).sum(1))

    def posture(self) -> Float[ndarray, " coordinate"]:
        """Where it is along the track and above it, in m, its pitch and its 6 joint angles, in rad."""
        return self._data.qpos.copy()  # type: ignore[no-any-return]

    def limbs(self, posture: Float[ndarray, " coordinate"]) -> Float[ndarray, "limb 2 2"]:
        """Both ends of its trunk, head, and of thigh, shin and foot behind and in front: along the track and above it, in m."""
        drawn = self._imagined
        drawn.qpos[:] = posture
        self._mujoco.mj_kinematics(self._model, drawn)
        half = self._model.geom_size[1:, 1:2] * drawn.geom_xmat[1:].reshape(-1, 3, 3)[:, :, 2]
        ends = np.stack([drawn.geom_xpos[1:] - half, drawn.geom_xpos[1:] + half], axis=1)
        return np.asarray(ends[:, :, [0, 2]])

    def _observed(self) -> Float[ndarray, " input"]:
        place, speed = self._data.qpos, self._data.qvel
        turned = [place[HEIGHT], np.sin(place[PITCH]), np.cos(place[PITCH])]
        return np.concatenate([turned, place[JOINTS:], speed / FAST])


def earned(
    turning: Float[ndarray, "*moment"] | float, action: Float[ndarray, "*moment action"]
) -> Float[ndarray, "*moment"]:
    """Reward of a step at whose end the pitch changes by ``turning`` rad/s; positive pitch is nose down."""
    return np.asarray(-turning - EFFORT * np.square(action).sum(-1))
