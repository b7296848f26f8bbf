"""Worlds by name: the worm's swimmer, the larva's dish, and the bodies of Gymnasium (Towers et al. 2024, arXiv 2407.17032)."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import BodyError, DependencyMissing, UnknownName
from anlage.experience.dish import DISH, DishWorld
from anlage.experience.flip import FLIP, Flip
from anlage.experience.life import STEPS
from anlage.experience.swimmer import Swimmer, loaded_mujoco, unlogged

if TYPE_CHECKING:
    from anlage.experience.world import World

SWIMMER = "swimmer"
GYMNASIUM = {
    "ant": "Ant-v5",
    "half-cheetah": "HalfCheetah-v5",
    "hopper": "Hopper-v5",
    "humanoid": "Humanoid-v5",
    "inverted-pendulum": "InvertedPendulum-v5",
    "pendulum": "Pendulum-v1",
    "three-link-swimmer": "Swimmer-v5",
    "walker": "Walker2d-v5",
}
"""Our name -> Gymnasium's."""
WITHOUT_MUJOCO = ("pendulum",)
WORLDS = (SWIMMER, DISH, FLIP, *GYMNASIUM)


def open_world(name: str, n_links: int = 6) -> "World":
    """The world of that name; ``n_links`` is the length of the worm's swimmer.

    Raises ``UnknownName``, ``DependencyMissing`` without the extra ``body``, ``BodyError`` when a body cannot be built,
    ``DataMissing`` where a world needs measurements that are not there.
    """
    if name == SWIMMER:
        return SwimmerWorld(n_links)
    if name == DISH:
        return DishWorld()
    if name == FLIP:
        return Flip()
    if name not in GYMNASIUM:
        raise UnknownName("body", name, WORLDS)
    return GymWorld(name)


@final
class SwimmerWorld:
    """One ``Swimmer``, observed more fully than a reflex feels it: bends, how fast they change, how the head moves.

    Observed are ``J`` bends as shares of their limit, ``J`` rates of bending in rad/s, and the head's speed sideways and forwards
    in m/s with its rate of turning in rad/s. Neither place nor heading is: the water is alike everywhere. A life lasts 30 s.
    """

    name, limit = SWIMMER, STEPS

    def __init__(self, n_links: int = 6) -> None:
        self.body = Swimmer(n_links)
        self.n_action = self.body.n_joints
        self.n_observed = 2 * self.n_action + 3

    def begin(self, seed: int) -> Float[ndarray, " input"]:
        """At rest in a random posture."""
        return self._observed(self.body.start([np.random.default_rng(seed)]))

    def step(self, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        """30 ms; nothing that it does can end its life."""
        bend, reward = self.body.step(action[None])
        return self._observed(bend), float(reward[0]), False

    def _observed(self, bend: Float[ndarray, "body joint"]) -> Float[ndarray, " input"]:
        return np.concatenate([bend[0], self.body.motion()[0]])


@final
class GymWorld:
    """A body of Gymnasium. Its motors take -1 to 1 as their weakest to their strongest.

    Raises ``UnknownName`` for a name not in ``GYMNASIUM``, ``DependencyMissing`` where Gymnasium or MuJoCo is not installed,
    ``BodyError`` where MuJoCo cannot start or the body does not take bounded numbers.
    """

    def __init__(self, name: str) -> None:
        if name not in GYMNASIUM:
            raise UnknownName("body of Gymnasium", name, GYMNASIUM)
        made = _made(GYMNASIUM[name], physics=name not in WITHOUT_MUJOCO)
        self.name, self._made = name, made.unwrapped  # what is around it checks again what is checked here
        motors, senses = made.action_space, made.observation_space
        if len(getattr(motors, "shape", None) or ()) != 1 or not np.isfinite([motors.low, motors.high]).all():
            raise BodyError(f"The actions of {name} are {motors}; a body here is moved by bounded numbers.")
        self.n_observed, self.n_action = int(np.prod(senses.shape)), int(motors.shape[0])
        self.limit = int(made.spec.max_episode_steps or STEPS)
        self._middle, self._half = (motors.high + motors.low) / 2, (motors.high - motors.low) / 2

    def begin(self, seed: int) -> Float[ndarray, " input"]:
        """A new episode of the environment, from this seed."""
        return self._plain(self._made.reset(seed=seed)[0])

    def step(self, action: Float[ndarray, " action"]) -> tuple[Float[ndarray, " input"], float, bool]:
        """One step of the environment. Its own time limit is ``limit``, and is kept by whoever counts."""
        given = self._middle + self._half * np.clip(action, -1, 1)
        observation, reward, terminated, _, _ = self._made.step(given.astype(self._made.action_space.dtype))
        return self._plain(observation), float(reward), bool(terminated)

    def _plain(self, observation: Any) -> Float[ndarray, " input"]:
        return np.asarray(observation, np.float64).ravel()


def _made(identity: str, *, physics: bool) -> Any:
    """The environment; ``physics``: it is one of MuJoCo's."""
    try:
        import gymnasium
    except ImportError as missing:
        raise DependencyMissing(
            "This body needs the package gymnasium, which is not installed; type: pip install 'anlage[body]'."
        ) from missing
    try:
        with unlogged(loaded_mujoco()) if physics else nullcontext():
            return gymnasium.make(identity, disable_env_checker=True)
    except ImportError as missing:
        raise DependencyMissing(
            f"The body {identity} needs a package that is not installed ({missing}); type: pip install 'anlage[body]'."
        ) from missing
    except gymnasium.error.Error as unknown:
        raise BodyError(f"Gymnasium cannot make the body {identity} ({unknown}); install 'anlage[body]'.") from unknown
