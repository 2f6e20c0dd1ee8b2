"""What a browser is asked about a track."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TRACKS = """
ALTER TABLE tracks
    -- By RFC 6381, such as avc1.64001F; null: the codec has no such name, or the file was not looked at again yet.
    ADD COLUMN codec_string text,
    ADD CONSTRAINT tracks_codec_string_short CHECK (length(codec_string) <= 64);
ALTER TABLE videos
    -- Of the tracks that video_codec and audio_codec are of: a list asks the browser about each of its titles.
    ADD COLUMN video_codec_string text,
    ADD COLUMN audio_codec_string text,
    ADD CONSTRAINT videos_codec_strings_short
        CHECK (length(video_codec_string) <= 64 AND length(audio_codec_string) <= 64);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TRACKS)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
