"""What is known of a title's subtitles, and for which files beside it they were asked for."""

from typing import LiteralString

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SUBTITLES: LiteralString = """
-- The file itself is published; with it goes what is known of it.
CREATE TABLE subtitles (
    video_id             uuid NOT NULL,
    name                 text NOT NULL,
    -- As they are offered, from 0: the file's own first.
    position             smallint NOT NULL,
    -- ISO 639, or und.
    language             text NOT NULL,
    title                text,
    is_default           boolean NOT NULL DEFAULT false,
    is_forced            boolean NOT NULL DEFAULT false,
    is_hearing_impaired  boolean NOT NULL DEFAULT false,
    origin               text NOT NULL,
    PRIMARY KEY (video_id, name),
    CONSTRAINT subtitles_published
        FOREIGN KEY (video_id, name) REFERENCES published_files ON DELETE CASCADE,
    CONSTRAINT subtitles_language_known CHECK (language ~ '^[a-z]{2,3}$'),
    CONSTRAINT subtitles_title_length CHECK (char_length(title) <= 200),
    CONSTRAINT subtitles_origin_known CHECK (origin IN ('embedded', 'sidecar'))
);

ALTER TABLE videos
    -- Digest of the subtitle files beside the video (empty: there are none) that its text was last asked for with.
    -- Null: neither its text nor its pictures were ever asked for, so the next scan does.
    ADD COLUMN sidecars bytea;
"""

GRANTS: LiteralString = """
GRANT SELECT ON subtitles TO "kinetoscope-api";
GRANT SELECT, INSERT, UPDATE, DELETE ON subtitles TO "kinetoscope-worker";
"""


def upgrade() -> None:
    for statements in (SUBTITLES, GRANTS):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
