"""Conflicts: options of training that do not go together."""

from pipeline.errors import BadInput
from pipeline.option import Options


def check_conflicts(options: Options) -> None:
    """Raise BadInput for options of which one has to be left out."""
    asked = options.as_dict()
    if epsilon := asked.get("adversarial"):
        if asked["embedding"] != "dense":
            raise BadInput(f"--adversarial {epsilon:g}: --embedding {asked['embedding']} has no vectors to move")
        if asked["lazy_embeddings"]:
            raise BadInput(
                f"--adversarial {epsilon:g}: --lazy-embeddings has a training step of its own; leave one of them out"
            )
    if asked["lazy_embeddings"] and asked.get("scheduled_sampling"):
        raise BadInput(
            "--lazy-embeddings: with --scheduled-sampling any symbol may be read, not only those of the batch; leave "
            "one of them out"
        )
