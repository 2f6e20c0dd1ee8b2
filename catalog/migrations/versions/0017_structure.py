"""How a title's file is built, as far as that decides where it plays and how it can be copied."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Null is: not told, not to be told of such a file, or not looked at again yet.
VIDEOS = """
ALTER TABLE videos
    -- Bits of a sample; width and height of a pixel as the file tells them.
    ADD COLUMN bit_depth smallint,
    ADD COLUMN pixel_width integer,
    ADD COLUMN pixel_height integer,
    -- tff and bff are interlaced, by the field that is shown first.
    ADD COLUMN scan text,
    -- Pictures in front of a key frame need what is behind it, as far as was seen.
    ADD COLUMN open_gop boolean,
    -- MP4: none, or none that matters; delays: a track begins later; trims: something is cut away.
    ADD COLUMN edit_list text,
    -- Seconds between two key frames, at most; bits a second of the file where it is densest.
    ADD COLUMN key_frame_seconds double precision,
    ADD COLUMN peak_bitrate bigint,
    -- MP4: is its index before its samples?
    ADD COLUMN moov_position text,
    ADD CONSTRAINT videos_bit_depth_counts CHECK (bit_depth BETWEEN 1 AND 16),
    ADD CONSTRAINT videos_pixel_counts CHECK (pixel_width > 0 AND pixel_height > 0),
    ADD CONSTRAINT videos_scan_known CHECK (scan IN ('progressive', 'tff', 'bff')),
    ADD CONSTRAINT videos_edit_list_known CHECK (edit_list IN ('none', 'delays', 'trims')),
    ADD CONSTRAINT videos_key_frame_seconds_count CHECK (key_frame_seconds > 0 AND key_frame_seconds < 'Infinity'),
    ADD CONSTRAINT videos_peak_bitrate_counts CHECK (peak_bitrate > 0),
    ADD CONSTRAINT videos_moov_position_known CHECK (moov_position IN ('front', 'back'));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(VIDEOS)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
