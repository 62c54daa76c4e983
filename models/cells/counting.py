"""Why a cell cannot count modulo a number, as parity asks it to modulo 2. It needs no Keras."""

from typing import Protocol


class Gates(Protocol):
    """What has to be known of a cell's options. signed: whether its gates are from -1 to 1, or from 0 to 1."""

    @property
    def signed(self) -> bool: ...


def explain_gates(options: Gates, modulus: int) -> str | None:
    """Return why a linear recurrence with a gate for each unit cannot count, in one sentence; None where it can.

    Grazzi et al. 2024, arXiv 2411.12537, for any number of layers at finite precision: theorem 1, factors that are not
    negative cannot count modulo 2; theorem 2, nor diagonal ones modulo a number that is not a power of 2.
    """
    source = "(Grazzi et al. 2024, arXiv 2411.12537)"
    two = not modulus & (modulus - 1)
    if not options.signed:
        cure = "--signed lets gates be negative" if two else "lstm and gru can"
        return (
            f"gates from 0 to 1 cannot count modulo {modulus} over long inputs: none of them turns a state round "
            f"{source}; {cure}"
        )
    if two:
        return None
    return (
        f"with a gate of its own for each unit it cannot count modulo {modulus} over long inputs: factors from -1 to 1 "
        f"count modulo 2, for other numbers states have to be mixed {source}; lstm and gru can"
    )
