"""The interface may have the next scan look at a file again, whatever was found out about it."""

from typing import LiteralString

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# A judgement of 0 is older than any: the file is due (indexer.reconcile).
GRANTS: LiteralString = """
GRANT UPDATE (judgement) ON videos TO "kinetoscope-api";
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(GRANTS)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
