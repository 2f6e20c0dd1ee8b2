"""SHA-256 of a file that grows, whose state can be kept: an upload of any length is hashed as it arrives, by whatever
worker has its turn, and in the end nothing is left to be read.

hashlib can't give its state away. libcrypto's own functions (FIPS 180-4 in OpenSSL's sha.h) work on a structure of the
caller, which is bytes and can be stored. They are as fast as hashlib's, being the same.
"""

import ctypes
import errno
import os
from collections.abc import Callable

_CHUNK = 1 << 20
_DIGEST_BYTES = 32

# Of Debian's libssl3, on which python3 depends.
_crypto = ctypes.CDLL("libcrypto.so.3")


class _Sha256(ctypes.Structure):
    """SHA256_CTX."""

    _fields_ = (
        ("h", ctypes.c_uint32 * 8),
        ("length", ctypes.c_uint32 * 2),
        ("data", ctypes.c_uint32 * 16),
        ("num", ctypes.c_uint),
        ("md_len", ctypes.c_uint),
    )


class Digest:
    """Of the first `at` bytes of a file; anew, or from where a state was kept."""

    def __init__(self, state: bytes | None = None, at: int = 0) -> None:
        self._context = _Sha256()
        if state is None:
            self.at = 0
            _crypto.SHA256_Init(ctypes.byref(self._context))
        else:
            self.at = at
            self._context = _Sha256.from_buffer_copy(state)

    @property
    def state(self) -> bytes:
        """To go on with."""
        return bytes(self._context)

    def follow(self, descriptor: int, to: int, check: Callable[[], None]) -> None:
        """Read the file on, up to the offset `to`. Raises OSError, and what `check` raises."""
        while self.at < to:
            check()
            chunk = os.pread(descriptor, min(_CHUNK, to - self.at), self.at)
            if not chunk:
                raise OSError(errno.EIO, "the growing file is shorter than what was written to it")
            _crypto.SHA256_Update(ctypes.byref(self._context), chunk, ctypes.c_size_t(len(chunk)))
            self.at += len(chunk)

    def value(self) -> bytes:
        """The digest of what was read.

        >>> Digest().value().hex()[:16]
        'e3b0c44298fc1c14'
        """
        result, last = ctypes.create_string_buffer(_DIGEST_BYTES), _Sha256.from_buffer_copy(self.state)
        _crypto.SHA256_Final(result, ctypes.byref(last))
        return result.raw
