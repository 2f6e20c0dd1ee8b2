"""Which refresh token another one was given for, so that an answer that got lost can be given again."""

from typing import LiteralString

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

LOST_ANSWERS: LiteralString = """
-- The SHA-256 of the token that was exchanged for this one; null for the first of a family.
ALTER TABLE refresh_tokens ADD COLUMN follows bytea,
    ADD CONSTRAINT refresh_tokens_follows_sha256_length CHECK (octet_length(follows) = 32);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(LOST_ANSWERS)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
