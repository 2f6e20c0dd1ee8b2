"""Of which titles renditions are made, and files of theirs that are still there for who is watching them."""

from typing import LiteralString

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

RENDITIONS: LiteralString = """
ALTER TABLE videos
    -- The policy of its root, as the indexer saw it last; null: it did not look yet.
    ADD COLUMN renditions text,
    ADD CONSTRAINT videos_renditions_known CHECK (renditions IN ('as_needed', 'ladder', 'none'));

-- No manifest leads to them any more. A row of published_files is never about the same file.
CREATE TABLE withdrawn_files (
    video_id      uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    name          text NOT NULL,
    withdrawn_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, name)
);
CREATE INDEX withdrawn_files_by_time ON withdrawn_files (withdrawn_at);
"""

GRANTS: LiteralString = """
GRANT SELECT, INSERT, DELETE ON withdrawn_files TO "kinetoscope-worker";
"""


def upgrade() -> None:
    for step in (RENDITIONS, GRANTS):
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
