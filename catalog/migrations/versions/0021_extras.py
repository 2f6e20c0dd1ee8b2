"""Renditions that only newer devices play are made by jobs of their own."""

from typing import LiteralString

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KIND: LiteralString = """
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_known;
ALTER TABLE jobs
  ADD CONSTRAINT jobs_kind_known CHECK (kind IN ('pictures', 'text', 'rendition', 'upload', 'instant', 'extra'));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(KIND)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
