"""Speech synthesis by eSpeak NG, out of the package espeakng-loader: a library in C, called through ctypes."""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

from pipeline.errors import BadInput

SYNCHRONOUS = 2  # it hands the samples over, and returns when all are made
DO_NOT_EXIT = 0x8000  # at an error it would end the process
UTF8, CHARACTERS = 1, 1
SPEED, PITCH, RANGE = 1, 3, 4
HEARD = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Synthesiser:
    """The library, set up. It has one state per process: get it from `load`.

    rate: samples per second. Sounds made in the same order from the start of a process are the same.
    """

    def __init__(self, library: ctypes.CDLL, data: Path):
        self.library, self.data, self.parts = library, data, list[np.ndarray]()
        self.rate = library.espeak_Initialize(SYNCHRONOUS, 0, str(data).encode(), DO_NOT_EXIT)
        if self.rate <= 0:
            raise BadInput(
                f"eSpeak NG does not start with the data in {data}; install it anew: "
                "pip install --force-reinstall espeakng-loader==0.2.4"
            )
        # Else the flutter of the voices depends on the clock.
        library.espeak_ng_SetRandSeed(ctypes.c_long(0))
        # Python must keep the function as long as the library may call it.
        self.heard = HEARD(self._hear)
        library.espeak_SetSynthCallback(self.heard)

    def _hear(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: object) -> int:
        if samples and count:
            self.parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    @property
    def variants(self) -> list[str]:
        """Return the names of the voices that every language can be spoken in, sorted."""
        return sorted(path.name for path in (self.data / "voices" / "!v").iterdir())

    def say(self, text: str, voice: str, *, speed: int = 175, pitch: int = 50, liveliness: int = 50) -> np.ndarray:
        """Return the samples of a spoken text, (time,) of int16.

        voice: a language, or a language and a variant such as "en-us+Annie". speed: words per minute.
        pitch, liveliness: how high the voice is and how far it rises and falls, 0 to 100.
        Raises BadInput if there is no such voice, or nothing was said.
        """
        if self.library.espeak_SetVoiceByName(voice.encode()):
            raise BadInput(f"eSpeak NG has no voice {voice!r}")
        for parameter, value in ((SPEED, speed), (PITCH, pitch), (RANGE, liveliness)):
            self.library.espeak_SetParameter(parameter, value, 0)
        content = text.encode()
        self.parts.clear()
        self.library.espeak_Synth(content, len(content) + 1, 0, CHARACTERS, 0, UTF8, None, None)
        if not self.parts:
            raise BadInput(f"eSpeak NG said nothing for {text!r:.60} with the voice {voice!r}")
        return np.concatenate(self.parts)


@cache
def load() -> Synthesiser:
    """Return the synthesiser; BadInput with the pip line where the package, or a library for this machine, lacks."""
    try:
        import espeakng_loader

        return Synthesiser(ctypes.CDLL(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path()))
    except (ImportError, OSError, RuntimeError) as error:
        raise BadInput(
            f"the speech synthesiser eSpeak NG is not installed ({error}); run: pip install espeakng-loader==0.2.4, or "
            "give recordings of your own with --data"
        ) from None
