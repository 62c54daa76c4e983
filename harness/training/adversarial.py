"""Adversarial training: with which options it goes together."""

from pipeline.errors import BadInput
from pipeline.option import Options


def check_adversarial(options: Options) -> None:
    """Raise BadInput for options with which no word vectors can be moved."""
    asked = options.as_dict()
    epsilon = asked.get("adversarial")
    if not epsilon:
        return
    if asked["embedding"] != "dense":
        raise BadInput(f"--adversarial {epsilon:g}: --embedding {asked['embedding']} has no vectors to move")
    if asked["lazy_embeddings"]:
        raise BadInput(
            f"--adversarial {epsilon:g}: --lazy-embeddings has a training step of its own; leave one of them out"
        )
