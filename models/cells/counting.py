"""Why a cell cannot count modulo a number, as parity asks it to modulo 2. It needs no Keras."""

from typing import Protocol

SOURCE = "(Grazzi et al. 2024, arXiv 2411.12537)"


class Gates(Protocol):
    """What has to be known of a cell's options. signed: whether its factors are from -1 to 1, or from 0 to 1."""

    @property
    def signed(self) -> bool: ...


class Layers(Gates, Protocol):
    """What has to be known of a network whose state is a matrix."""

    @property
    def layers(self) -> int: ...


def is_power_of_two(modulus: int) -> bool:
    return not modulus & (modulus - 1)


def explain_unsigned(what: str, modulus: int, cure: str) -> str:
    return (
        f"{what} from 0 to 1 cannot count modulo {modulus} over long inputs: none of them turns a state round "
        f"{SOURCE}; {cure}"
    )


def explain_gates(options: Gates, modulus: int) -> str | None:
    """Return why a linear recurrence with a gate for each unit cannot count, in one sentence; None where it can.

    Grazzi et al. 2024, arXiv 2411.12537, for any number of layers at finite precision: theorem 1, factors that are not
    negative cannot count modulo 2; theorem 2, nor diagonal ones modulo a number that is not a power of 2.
    """
    two = is_power_of_two(modulus)
    if not options.signed:
        cure = "--signed lets gates be negative" if two else "lstm and gru can"
        return explain_unsigned("gates", modulus, cure)
    if two:
        return None
    return (
        f"with a gate of its own for each unit it cannot count modulo {modulus} over long inputs: factors from -1 to 1 "
        f"count modulo 2, for other numbers states have to be mixed {SOURCE}; lstm and gru can"
    )


def explain_delta(options: Layers, modulus: int) -> str | None:
    """Return why a state that is multiplied by I - b k k^T, k of length 1, cannot count; None where it can.

    Grazzi et al. 2024 again: theorem 1 for b from 0 to 1, whose eigenvalues are not negative. With b up to 2 a step
    reflects the state. One layer reflects it in the same way at equal steps, and so counts modulo 2; in two layers,
    reflections take turns and make a rotation, which counts modulo any number (theorem 6).
    """
    two = is_power_of_two(modulus)
    if not options.signed:
        cure = "--signed" if two else "--signed --layers 2"
        return explain_unsigned("factors", modulus, f"{cure} can")
    if two or options.layers > 1:
        return None
    return (
        f"one layer of reflections cannot count modulo {modulus} over long inputs: equal steps undo each other "
        f"{SOURCE}; --layers 2 can"
    )
