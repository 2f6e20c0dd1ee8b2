"""Which track of a video is shown, and by which way of looking it was judged."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TRACKS = """
ALTER TABLE videos
    -- Index within the container of the stream that the row tells of and pictures are made of; null: not known.
    ADD COLUMN video_track integer,
    -- media.probe.JUDGEMENT when the file was judged last. Rows of an older one are due: their files are probed again.
    ADD COLUMN judgement smallint NOT NULL DEFAULT 0,
    ADD CONSTRAINT videos_video_track_not_negative CHECK (video_track >= 0);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TRACKS)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
