"""Programs that an exported run comes with: what they read is what the run reads."""

from typing import Any

import numpy as np
import pytest
import soundfile

from harness.export.program import find_reader
from pipeline.fields import Sound, save


@pytest.mark.parametrize("mean", ["recording", "shrunk", "running"])
def test_a_program_hears_a_recording_as_the_run_does_whatever_mean_is_taken(mean, tmp_path):
    generator = np.random.default_rng(0)
    paths = []
    for number, samples in enumerate((100, 2400, 8000)):
        paths.append(str(tmp_path / f"{number}.wav"))
        # Louder from sample to sample, so that what counts as silence changes.
        soundfile.write(paths[-1], generator.normal(size=samples) * np.linspace(1e-4, 0.2, samples), 8000)
    field = Sound(1000, feature_mean=mean)
    field.fit(paths)
    given = save(field)
    source, *_ = find_reader("Sound", given)
    names: dict[str, Any] = {"np": np, "soundfile": soundfile, "given": given}
    assert source
    exec(source, names)
    for path in paths:
        found = names["read"](path)
        np.testing.assert_allclose(found["frames"][0], field.encode(path)["frames"], atol=1e-4)
        assert found["frames"].dtype == np.float32 and found["mask"].shape == found["frames"].shape[:2]
