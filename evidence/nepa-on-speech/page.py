"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``arms.png``; ``--check`` only says whether they are fresh."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
import next_embedding  # noqa: E402
from finding import Finding  # noqa: E402

WRITTEN_FOR = {
    "prediction_error": {
        "degree-preserving": "no difference found",
        "weight-permuted": "no difference found",
        "interface-only": "better",
        "transformer": "better",
        "gru": "worse",
        "mlp": "worse",
    },
    "probe_accuracy": {
        "degree-preserving": "no difference found",
        "weight-permuted": "no difference found",
        "interface-only": "no difference found",
        "transformer": "undecided",
        "gru": "worse",
        "mlp": "worse",
    },
}
"""What the prose says: outcome -> arm -> verdict on the connectome."""


def finding() -> Finding:
    """The page."""
    return next_embedding.finding(HERE, "Who predicts the next frame of a spoken digit?", WRITTEN_FOR)


if __name__ == "__main__":
    finding().main()
