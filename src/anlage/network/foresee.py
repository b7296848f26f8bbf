"""Looking further ahead than the next observation: the network lives on what it predicts itself."""

from dataclasses import replace

import torch

from anlage.errors import RecipeError
from anlage.network.network import Network, State
from anlage.trace import Trace


def foresee(network: Network, trace: Trace, steps: int) -> Trace:
    """The trace with predictions up to ``steps`` observations ahead, made at every moment of it.

    From each state the network goes on, taking each of its predictions for the embedding that came. It has no parameter that a
    single step does not have, so arms that look differently far cost the same, and what is trained is what a planner will run.
    The price is ``steps - 1`` more passes. For networks whose activity is their whole state. Gradients reach all of it.

    Raises ``RecipeError`` for fewer steps than 1.
    """
    if steps < 1:
        raise RecipeError(f"The steps to foresee are {steps}, but must be at least 1.")
    if steps == 1:
        return trace
    batch, time = trace.prediction.shape[:2]
    state, predictions = State(trace.state.flatten(0, 1)), [trace.prediction.flatten(0, 1)]
    for _ in range(steps - 1):
        state, prediction = network.step(state, predictions[-1])
        predictions.append(prediction)
    return replace(trace, ahead=torch.stack(predictions, dim=1).reshape(batch, time, steps, -1))
