"""Have the subtitles of titles made anew whose file holds some that are pictures: those are taken out now."""

from typing import LiteralString

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# Null: the next scan asks for what is made of a title.
ASKED_ANEW: LiteralString = """
UPDATE videos SET sidecars = NULL WHERE id IN
    (SELECT video_id FROM tracks WHERE kind = 'subtitle' AND codec IN ('hdmv_pgs_subtitle', 'dvd_subtitle'));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(ASKED_ANEW)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
