"""Conflicts: options of training that do not go together."""

from pipeline.errors import BadInput
from pipeline.option import Options, make_flag


def check_conflicts(options: Options) -> None:
    """Raise BadInput for options of which one has to be left out."""
    asked = options.as_dict()
    if asked.get("adversarial_kind") == "virtual" and not asked["adversarial"]:
        raise BadInput(
            "--adversarial-kind virtual: by how much are word vectors moved? Give --adversarial too, such as 0.1"
        )
    if epsilon := asked.get("adversarial"):
        if asked["embedding"] != "dense":
            raise BadInput(
                f"--adversarial {epsilon:g}: --embedding {asked['embedding']} has no vectors to move; leave it out, or "
                "give --adversarial 0"
            )
        if asked["lazy_embeddings"]:
            raise BadInput(
                f"--adversarial {epsilon:g}: --lazy-embeddings has a training step of its own; leave it out, or give "
                "--adversarial 0"
            )
    if asked["lazy_embeddings"] and asked.get("scheduled_sampling"):
        raise BadInput(
            "--lazy-embeddings: with --scheduled-sampling any symbol may be read, not only those of the batch; leave "
            "one of them out"
        )
    if asked.get("input_feeding"):
        if asked["attention"] == "none":
            raise BadInput("--input-feeding: what is fed is the attention; give --attention luong, or leave it out")
        for name in ("block", "recurrent_dropout", "zoneout"):
            if asked.get(name):
                raise BadInput(
                    f"--input-feeding: it goes one step at a time, which {make_flag(name)} does not; leave one of them "
                    "out"
                )
