"""Seals: a record or an archive that is not as it was written is told; one of an earlier version is read as it is."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness import runs
from harness.runs import seal
from harness.runs.schema import History
from harness.runs.seal import open_archive, seal_record, sealed, unseal_record
from pipeline import record
from pipeline.errors import BadInput

RECORD = {"epoch": 1, "loss": 0.1, "name": "ü\udc80\x1b", "none": float("nan"), "list": [1, 2.5, True, {"a": ()}]}


def test_a_record_comes_back_as_it_was_written_however_it_is_laid_out() -> None:
    written = seal_record(RECORD)
    for text in (record.dump(written), record.dump(written, indent=1), json.dumps(record.finite(written))):
        assert unseal_record(record.load(text)) == record.load(record.dump(RECORD))
    # The order of keys says nothing.
    assert unseal_record(dict(reversed(record.load(record.dump(written)).items())))["epoch"] == 1


@pytest.mark.parametrize(
    ("name", "value"), [("loss", 0.2), ("epoch", 2), ("epoch", "1"), ("name", "u"), ("list", []), ("new", 1)]
)
def test_a_record_with_another_value_is_told(name: str, value: object) -> None:
    changed = {**record.load(record.dump(seal_record(RECORD))), name: value}
    with pytest.raises(BadInput, match="it is not as it was written; who changed it on purpose"):
        unseal_record(changed)
    # As its message says.
    del changed[seal.KEY]
    assert unseal_record(changed) == changed


def test_a_record_of_an_earlier_version_is_read_as_it_is() -> None:
    assert unseal_record({"a": 1}) == {"a": 1} and unseal_record([1]) == [1]


def test_a_file_of_a_run_is_refused_with_one_digit_changed(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    runs.write_record(path, {"python": "3.11.7"})
    assert runs.read_json(path, History) == {"python": "3.11.7"}
    path.write_text(path.read_text().replace("3.11.7", "3.11.9"))
    with pytest.raises(BadInput, match=r"environment\.json: the file is damaged \(it is not as it was written"):
        runs.read_json(path, History)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    arrays = {str(number): np.full(40, number, "float32") for number in range(3)}
    sealed(lambda path: np.savez(path, allow_pickle=False, **arrays))(tmp_path / "state.npz")
    return tmp_path / "state.npz"


def test_an_archive_is_read_by_others_as_before(archive: Path) -> None:
    with open_archive(archive) as opened, np.load(archive) as saved:
        assert opened.comment.startswith(seal.MARK)
        assert [saved[str(number)].tolist() for number in range(3)] == [[float(number)] * 40 for number in range(3)]


def test_no_byte_of_an_archive_changes_what_is_read(archive: Path) -> None:
    whole = archive.read_bytes()
    with np.load(archive) as saved:
        expected = {name: saved[name].tolist() for name in saved.files}
    refused = 0
    for place in range(0, len(whole), 3):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            with open_archive(archive), np.load(archive) as saved:
                found = {name: saved[name].tolist() for name in saved.files}
        except BadInput:
            refused += 1
        else:
            assert found == expected, place
    assert refused > len(whole) / 3 * 0.7


def test_an_archive_with_two_parts_exchanged_is_told(archive: Path) -> None:
    # Whole by its own sums.
    with zipfile.ZipFile(archive) as opened:
        comment, members = opened.comment, {name: opened.read(name) for name in opened.namelist()}
    members["0.npy"], members["1.npy"] = members["1.npy"], members["0.npy"]
    with zipfile.ZipFile(archive, "w") as opened:
        opened.comment = comment
        for name, content in members.items():
            opened.writestr(name, content)
    with pytest.raises(BadInput, match="its parts are not those that were written"), open_archive(archive):
        pytest.fail("opened")


def test_an_archive_of_an_earlier_version_is_checked_by_its_own_sums(archive: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", a=np.zeros(1000))
    with open_archive(tmp_path / "old.npz") as opened:
        assert not opened.comment
    content = bytearray((tmp_path / "old.npz").read_bytes())
    content[500] ^= 1
    (tmp_path / "old.npz").write_bytes(content)
    with pytest.raises(BadInput, match="is not what was written"), open_archive(tmp_path / "old.npz"):
        pytest.fail("opened")


def test_a_sealed_archive_may_be_copied(archive: Path, tmp_path: Path) -> None:
    shutil.copy(archive, tmp_path / "copy.npz")
    with open_archive(tmp_path / "copy.npz") as opened:
        assert len(opened.namelist()) == 3
