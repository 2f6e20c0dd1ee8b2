"""Workers forget changes, too: nobody else does while the events unit is stopped."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql('GRANT EXECUTE ON FUNCTION forget_changes(double precision) TO "kinetoscope-worker"')


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
