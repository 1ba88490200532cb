"""A stream that only the holder of a private key can read: libsodium's secretstream under a key in a sealed box.

A file begins with `MAGIC`, the key of the stream in a sealed box for the recipient's X25519 key (80 bytes) and the
header of the stream (24 bytes); chunks follow, each with its length in four bytes before it. The last chunk is marked
as the last one, so a file that was cut off is noticed, as is every other change. Who made it is not proved: anybody can
seal for a public key.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_ABYTES,
    crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    crypto_secretstream_xchacha20poly1305_init_pull,
    crypto_secretstream_xchacha20poly1305_init_push,
    crypto_secretstream_xchacha20poly1305_keygen,
    crypto_secretstream_xchacha20poly1305_pull,
    crypto_secretstream_xchacha20poly1305_push,
    crypto_secretstream_xchacha20poly1305_state,
    crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
)
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from reconciler.errors import Refused

MAGIC = b"SENTINEL-SEALED-BACKUP-1\n"
CHUNK = 64 * 1024
SEALED_KEY = 80
LONGEST = CHUNK + crypto_secretstream_xchacha20poly1305_ABYTES


class SealedWriter(io.RawIOBase):
    """Writes into `sink`, which stays open. Only `close` makes the file whole."""

    def __init__(self, sink: BinaryIO, recipient: bytes) -> None:
        key = crypto_secretstream_xchacha20poly1305_keygen()
        self._sink = sink
        self._state = crypto_secretstream_xchacha20poly1305_state()
        header = crypto_secretstream_xchacha20poly1305_init_push(self._state, key)
        sink.write(MAGIC + SealedBox(PublicKey(recipient)).encrypt(key) + header)
        self._waiting = bytearray()

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take these bytes; what does not fill a chunk waits."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._push(bytes(self._waiting[:CHUNK]), crypto_secretstream_xchacha20poly1305_TAG_MESSAGE)
            del self._waiting[:CHUNK]
        return len(data)

    def close(self) -> None:
        """Write the last chunk, once."""
        if not self.closed:
            self._push(bytes(self._waiting), crypto_secretstream_xchacha20poly1305_TAG_FINAL)
        super().close()

    def _push(self, data: bytes, tag: int) -> None:
        sealed = crypto_secretstream_xchacha20poly1305_push(self._state, data, MAGIC, tag)
        self._sink.write(len(sealed).to_bytes(4, "big") + sealed)


class SealedReader(io.RawIOBase):
    """Reads from `source`, which is past `MAGIC`. Every read raises `Refused` (E-BAK-104) where the file is not as it
    was written."""

    def __init__(self, source: BinaryIO, key: PrivateKey) -> None:
        self._source = source
        try:
            opened = SealedBox(key).decrypt(self._exactly(SEALED_KEY))
            header = self._exactly(crypto_secretstream_xchacha20poly1305_HEADERBYTES)
            self._state = crypto_secretstream_xchacha20poly1305_state()
            crypto_secretstream_xchacha20poly1305_init_pull(self._state, header, opened)
        except (CryptoError, ValueError):
            raise Refused(
                "E-BAK-104",
                "the backup is sealed for another key",
                cure="Give the private key of the recipient that `sentinelctl backup --to` named",
            ) from None
        self._waiting = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Whether it can be read from."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the chunk at hand goes; 0 at the end, which has to be the one that was written."""
        while not self._waiting and not self._ended:
            self._next()
        count = min(len(buffer), len(self._waiting))
        buffer[:count] = self._waiting[:count]
        self._waiting = self._waiting[count:]
        return count

    def _next(self) -> None:
        length = int.from_bytes(self._exactly(4), "big")
        if length > LONGEST:
            raise _damaged()
        try:
            data, tag = crypto_secretstream_xchacha20poly1305_pull(self._state, self._exactly(length), MAGIC)
        except (CryptoError, ValueError):
            raise _damaged() from None
        self._waiting = memoryview(data)
        if tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL:
            self._ended = True
            if self._source.read(1):
                raise _damaged()

    def _exactly(self, count: int) -> bytes:
        data = self._source.read(count)
        if len(data) != count:
            raise _damaged()
        return data


def _damaged() -> Refused:
    return Refused(
        "E-BAK-104", "the sealed backup is cut off or was changed", cure="Fetch it again, or take another one"
    )
