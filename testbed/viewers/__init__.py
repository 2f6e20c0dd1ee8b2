"""Those who ask: bytes of HTTP/1.1, frames of HTTP/2, programs, players."""
