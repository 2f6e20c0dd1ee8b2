"""ffprobe is started so that its loader finds symbols sooner, and is still the same ffprobe."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from media import loader


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    loader.ffprobe.cache_clear()
    yield
    loader.ffprobe.cache_clear()


def test_ffprobe_says_the_same_and_complains_of_nothing() -> None:
    quick, plain = (
        subprocess.run([*words, "-version"], env={}, capture_output=True, check=True)
        for words in (loader.ffprobe(), ("/usr/bin/ffprobe",))
    )
    assert (quick.stdout, quick.stderr) == (plain.stdout, plain.stderr)


def test_only_libraries_that_ffprobe_loads_anyway_are_asked_first() -> None:
    words = loader.ffprobe()
    if len(words) == 1:
        pytest.skip("this system's loader has none of the libraries")
    loaded = subprocess.run([words[0], "--list", words[-1]], capture_output=True, text=True, check=True).stdout
    for library in words[2].split():
        assert f"\t{library} => " in loaded


def test_what_the_loader_does_not_know_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "ld.so.cache"
    monkeypatch.setattr(loader, "_CACHE", cache)
    assert loader.ffprobe() == ("ffprobe",)
    loader.ffprobe.cache_clear()
    cache.write_bytes(b"\0/usr/lib/libcrypto.so.1.1\0/usr/lib/libstdc++.so.6\0")
    assert loader.ffprobe() == ("/usr/bin/ld.so", "--preload", "libstdc++.so.6", "/usr/bin/ffprobe")


def test_without_the_loader_ffprobe_is_started_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_LOADER", "/usr/bin/no-such-loader")
    assert loader.ffprobe() == ("ffprobe",)
