import os
import subprocess

import pytest
import torch

from catdog.runtime import provenance

AUTHOR = ["-c", "user.name=a", "-c", "user.email=a@b.c"]


def git(folder, *words):
    subprocess.run(["git", *AUTHOR, *words], cwd=folder, check=True, capture_output=True)


def test_versions():
    found = provenance.versions()
    assert found["torch"] == torch.__version__
    assert type(found["torch"]) is str
    assert found["python"].startswith("3.")


def test_the_commit_and_whether_files_differ(tmp_path):
    assert provenance.commit(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert provenance.commit(tmp_path) is None
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "first")
    found = provenance.commit(tmp_path)
    assert found is not None
    assert len(found["commit"]) == 40
    assert found["dirty"] is False
    (tmp_path / "a").write_text("2")
    assert provenance.commit(tmp_path) == {**found, "dirty": True}


def test_no_program_of_the_repository_is_run(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "first")
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/was_run\n")
    hook.chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(hook))
    assert provenance.commit(tmp_path) is not None
    assert not (tmp_path / "was_run").exists()


def test_git_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit(tmp_path) is None


def test_the_command_is_quoted(monkeypatch):
    monkeypatch.setattr("sys.argv", ["tools/train.py", "--set", "net.a*.b=1"])
    assert provenance.command().endswith(" tools/train.py --set 'net.a*.b=1'")


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_device_that_has_no_other_name(device):
    assert provenance.device_name(device) == device


def test_passwords_of_addresses_are_not_shown():
    shown = provenance.without_passwords("--storage=postgresql://me:p@s/s@host:1/d journal:x")
    assert shown == "--storage=postgresql://me:***@host:1/d journal:x"
    for text in ("http://host:80/a", "postgresql://me@host:5432/d", "journal:x@y"):
        assert provenance.without_passwords(text) == text


def test_a_tree_that_is_looked_at_stays_as_it_is(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("x")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "first")
    # newer than the index says, with the same content: git would note that in it
    os.utime(tmp_path / "a", (2e9, 2e9))
    index = tmp_path / ".git" / "index"
    before = index.read_bytes()
    assert provenance.commit(tmp_path)["dirty"] is False
    assert index.read_bytes() == before
