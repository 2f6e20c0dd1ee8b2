"""May the account log be rotated? `python -m authsvc.ledger.rotation /var/log/nginx/account.log`, for logrotate.

Rotation compresses yesterday's file, which the ledger reads no more. So this fails until that file is booked to its
end; the log then just grows until tomorrow.
"""

import os
import sys
from pathlib import Path

import psycopg

from authsvc.ledger import book
from authsvc.ledger.account_log import AccountLog, file_key
from authsvc.settings import DatabaseSettings


def unbooked(path: Path, database_url: str) -> list[str]:
    """Predecessors of the log that are not in the book to their last byte. Raises psycopg.OperationalError."""
    with psycopg.connect(database_url, connect_timeout=5, application_name="kinetoscope-rotation") as connection:
        positions = book.positions(connection)
    found: list[str] = []
    for rotated in AccountLog(path, chunk_bytes=4096).files():
        if rotated == path:
            continue
        with rotated.open("rb") as file:
            status = os.fstat(file.fileno())
            key = file_key(status.st_ino, file)
            if status.st_size and (key is None or positions.get(key, 0) < status.st_size):
                found.append(str(rotated))
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m authsvc.ledger.rotation ACCOUNT_LOG\n")
        return 2
    try:
        left = unbooked(Path(arguments[0]), DatabaseSettings.load().database_url)
    except psycopg.OperationalError as error:
        sys.stderr.write(f"The book can't be read, so the account log is not rotated: {error}\n")
        return 1
    if left:
        sys.stderr.write(f"The ledger has not booked {', '.join(left)}: is kinetoscope-ledger running?\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
