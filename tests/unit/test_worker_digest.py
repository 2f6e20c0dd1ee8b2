"""The digest that can be laid aside: the same as hashlib's, wherever it was interrupted."""

import hashlib
import os
import random
from pathlib import Path

import pytest

from worker.digest import Digest


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 1000, (1 << 20) + 17])
def test_it_is_sha_256_however_it_is_cut(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for cut in {0, size // 3, size // 2, size}:
            first = Digest()
            first.follow(descriptor, cut, lambda: None)
            kept = first.state
            assert len(kept) == 112
            second = Digest(kept, cut)
            second.follow(descriptor, size, lambda: None)
            assert second.value() == hashlib.sha256(content).digest()
            # Telling it ends nothing.
            assert second.value() == hashlib.sha256(content).digest()
    finally:
        os.close(descriptor)
