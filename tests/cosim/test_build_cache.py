"""cache: complete entries or none, even with concurrent builds."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from myvta.cosim.build_cache import CacheError, cache_folder, cached, content_key
from myvta.driver.errors import TargetTimeout


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MYVTA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(text):
    def build(folder):
        (folder / "file").write_text(text)
    return build


def refuse(folder):
    raise AssertionError("built twice")


def test_design_is_built_once(folder):
    entry = cached("kind", ["a", b"b"], write("one"))
    assert entry.parent == folder
    assert entry.name == f"kind-{content_key(['a', 'b'])}"
    assert (entry / "file").read_text() == "one"
    assert cached("kind", ["a", "b"], refuse) == entry


def test_key_separates_its_parts():
    assert content_key(["ab", "c"]) != content_key(["a", "bc"]) != content_key(["a", "b", "c"])


def test_a_failed_build_leaves_nothing(folder):
    def fail(temporary):
        (temporary / "half").write_text("written")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cached("kind", ["a"], fail)
    assert [item.suffix for item in folder.iterdir()] == [".lock"]
    assert (cached("kind", ["a"], write("two")) / "file").read_text() == "two"


def test_two_processes_build_once(folder, tmp_path):
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom myvta.cosim.build_cache import cached\n"
        "def build(folder):\n"
        "    with open(sys.argv[1], 'a') as log: log.write('built\\n')\n"
        "    time.sleep(1)\n"
        "    (folder / 'file').write_text('whole')\n"
        "print((cached('kind', ['a'], build) / 'file').read_text())\n"
    )
    log = tmp_path / "log"
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(log)], stdout=subprocess.PIPE,
                         text=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60)[0] for process in running] == ["whole\n"] * 2
    assert log.read_text() == "built\n"


def test_waiting_for_another_builder_ends(folder):
    started, finish = threading.Event(), threading.Event()

    def slow(temporary):
        started.set()
        finish.wait(30)

    builder = threading.Thread(target=cached, args=("kind", ["a"], slow))
    builder.start()
    assert started.wait(10)
    before = time.monotonic()
    with pytest.raises(TargetTimeout, match=r"waited 0\.2 s for another process that builds kind-"):
        cached("kind", ["a"], refuse, lock_seconds=0.2)
    assert time.monotonic() - before < 10
    finish.set()
    builder.join()


def test_an_unusable_folder_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MYVTA_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheError, match=r"cannot write the build cache .*/file: .*MYVTA_CACHE"):
        cached("kind", ["a"], refuse)


def test_cache_folder_follows_the_environment(monkeypatch):
    monkeypatch.delenv("MYVTA_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/myvta")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/myvta")
