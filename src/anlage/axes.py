"""The axis names used in shapes, and nothing else.

Shapes are written with jaxtyping, for example ``Float[Tensor, "batch time neuron"]``, and are checked in tests only.
One-dimensional shapes carry a leading space (``" edge"``) so that linters do not take them for forward references.
"""

AXES = {
    "batch": "independent sequences handled together",
    "time": "observations in the order in which they were lived",
    "neuron": "neurons of a topology, in its own order",
    "edge": "directed connections, in the order of the topology's edge list",
    "input": "numbers in one raw observation",
    "context": "numbers said to a network beside the embedding that it predicts",
    "latent": "numbers in one embedding, or in one prediction of an embedding",
    "output": "numbers read from a network",
    "horizon": "observations that a prediction looks ahead",
    "action": "numbers in one motor command",
    "region": "anatomical regions",
    "member": "members of a group of neurons",
    "lesson": "what is learned one after another, in that order",
    "moment": "moments of a sequence that are answered, in their order",
    "sample": "independent items of a statistic",
    "direction": "random directions of a sliced statistic",
    "knot": "points of a quadrature",
    "class": "categories of a label",
}
"""Axis name -> what one step along it means."""
