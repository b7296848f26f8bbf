"""What inferactively-pymdp says of every plan in the T-maze; kept, because clean machines do not have it (nor JAX).

    python benchmarks/tmaze_oracle.py      # needs: pip install inferactively-pymdp==1.0.4

For each belief about where one is and where the reward is: the negative expected free energy of all plans of two moves.
"""

from importlib.metadata import version
from itertools import product

import jax.numpy as jnp
import numpy as np
from pymdp.control import compute_neg_efe_policy
from pymdp.envs import SimplifiedTMaze

from machine import keep

PROBABILITY = {"reward_probability": 0.98, "punishment_probability": 0.98, "cue_validity": 0.98}
PREFERENCE = (0.0, 2.0, -3.0)
"""For nothing, reward and punishment, in nats; none for places."""
BELIEFS = {
    "at the centre, side unknown": (0, 0.5),
    "at the cue, side nearly known": (3, 0.98),
    "at the centre, side suspected": (0, 0.7),
    "in the left arm, side nearly known to be the right": (1, 0.02),
}
"""Place, and the probability that the reward is on the left."""


def main() -> None:
    """All plans from all beliefs, with the gain of information and without it."""
    maze = SimplifiedTMaze(**PROBABILITY)
    preference = [jnp.zeros(maze.A[0].shape[0]), jnp.array(PREFERENCE)]
    told = {}
    for words, (place, left) in BELIEFS.items():
        belief = [jnp.eye(4)[place], jnp.array([left, 1 - left])]
        rows = []
        for moves in product(range(4), repeat=2):
            plan = jnp.array([[move, 0] for move in moves])
            values = [
                compute_neg_efe_policy(
                    belief,
                    maze.A,
                    maze.B,
                    preference,
                    None,
                    None,
                    maze.A_dependencies,
                    maze.B_dependencies,
                    plan,
                    use_utility=utility,
                    use_states_info_gain=gain,
                )
                for utility, gain in ((True, True), (True, False), (False, True))
            ]
            rows.append(
                {"moves": moves, **dict(zip(("both", "pragmatic", "epistemic"), map(float, values), strict=True))}
            )
        told[words] = {"place": place, "left": left, "plans": rows}
    maze_told = {
        "likelihood": [np.asarray(a).tolist() for a in maze.A],
        "preference": PREFERENCE,
        **PROBABILITY,
    }
    keep("tmaze_oracle", {"pymdp": version("inferactively-pymdp"), "maze": maze_told, "beliefs": told})


if __name__ == "__main__":
    main()
