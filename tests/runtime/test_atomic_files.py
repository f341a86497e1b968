from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from cdfi_runtime.errors import InputError, OutputError
from cdfi_runtime.files import atomic_path, ensure_folder, require_file, sha256_file, write_text


def test_an_interruption_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_success_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "absent" / "a.txt", "x")
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "below"):
        with pytest.raises(OutputError, match="output folder"):
            ensure_folder(folder)


def test_permissions_are_respected(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(OutputError):
        ensure_folder(locked)
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o000)
    with pytest.raises(InputError, match="may not be read"):
        require_file(secret, "the file")


def test_refused_permissions_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for root, to whom the system refuses nothing: what it would answer is put in."""

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"(?s)Permission denied.*fix: choose another"):
        ensure_folder(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    (tmp_path / "secret").write_text("x")
    with pytest.raises(InputError, match="may not be read"):
        require_file(tmp_path / "secret", "the file")


def test_known_hash(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(tmp_path / "a") == expected
