"""The worm's network shared out over processes, trained beside the same network in one process.

    torchrun --nproc-per-node 2 examples/distributed.py

Every process sees the same waves and owns a share of the neurons. Rank 0 trains the whole network as well, from the same start,
and prints both losses. They differ by rounding: sums are taken in another order.
"""

from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist

from anlage import Episode, RecurrentNetwork, Seed, SigregPrediction, build, live, load
from anlage.errors import AnlageError
from anlage.network import DistributedNetwork, Encoder, Physiology, cut, partition, scale

STEPS, BATCH, TIME, SENSORS, LATENT, RATE = 20, 32, 16, 12, 24, 0.1
TOLERANCE = 1e-4
"""Largest relative difference of two losses that counts as rounding, in single precision after 20 updates."""


def waves(rng: np.random.Generator) -> Episode:
    """Sines of a random wavelength, phase and speed that travel along a row of sensors."""
    number, phase, speed = (rng.uniform(*bounds, (BATCH, 1, 1)) for bounds in ((0.2, 1.0), (0, 2 * np.pi), (-1.0, 1.0)))
    time, place = np.arange(TIME)[:, None], np.arange(SENSORS)
    return Episode({"wave": torch.from_numpy(np.sin(number * place + speed * time + phase)).float()})


def learn(encoder: Encoder, network, episode: Episode) -> float:
    """One step of gradient descent, on one process or on many; returns the loss before it. Any ``torch.optim`` would do."""
    parameters = [*encoder.parameters(), *network.parameters()]
    loss = SigregPrediction()(live(network, encoder, episode, "wave")).total
    with torch.no_grad():
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter -= RATE * gradient
    return loss.item()


def main() -> None:
    """Train both and compare."""
    dist.init_process_group("gloo", timeout=timedelta(seconds=60))
    torch.set_num_threads(1)
    rank, ranks, seed = dist.get_rank(), dist.get_world_size(), Seed(0)
    topology, _ = scale(build(load("worm")), 0.9)
    shares = partition(topology, ranks)

    def born(make, *rest):
        """An encoder and a network, the same start for every kind of network."""
        generator = torch.Generator().manual_seed(seed.child("interface").integer)
        encoder = Encoder(SENSORS, LATENT, generator)
        return encoder, make(topology, *rest, ("input",), ("output",), LATENT, Physiology(), generator)

    shared, single = born(DistributedNetwork, shares), born(RecurrentNetwork)
    worst = 0.0
    for step in range(STEPS):
        episode = waves(seed.child("stream").child(step).rng())
        loss = learn(*shared, episode)
        if rank == 0:
            alone = learn(*single, episode)
            worst = max(worst, abs(loss - alone) / abs(alone))
            if step % 5 == 0 or step == STEPS - 1:
                print(f"step {step:2}  loss on {ranks} ranks {loss:.6f}, on one {alone:.6f}")
    grown = shared[1].gathered(shared[1].state_dict())
    if rank == 0:
        single[1].load_state_dict(grown)  # what grew on many ranks is a network for one
        print(cut(topology, shares))
        if worst > TOLERANCE:
            raise AnlageError(f"The losses differ by {worst:.1e} of their size, which is more than rounding.")
        print(f"{STEPS} steps: the losses are equal to {worst:.0e} of their size")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
