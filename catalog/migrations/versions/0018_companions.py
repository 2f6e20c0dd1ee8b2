"""What lies beside a film: pictures for its poster, and notes that tell what it is."""

from typing import LiteralString

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

COLUMNS: LiteralString = """
ALTER TABLE videos
    -- By what the pictures and notes beside the file were known when they were looked at last; empty: there were none.
    ADD COLUMN picture_digest bytea NOT NULL DEFAULT '',
    ADD COLUMN note_digest bytea NOT NULL DEFAULT '',
    -- Why a picture or a note that lies there is not used.
    ADD COLUMN picture_remark text,
    ADD COLUMN note_remark text,
    -- Index of the stream that is the cover which the file holds; null: it holds none that could be its poster.
    ADD COLUMN cover_track integer,
    -- What the note said of title, description and tags: what is still so, nobody edited.
    ADD COLUMN told jsonb NOT NULL DEFAULT '{}',
    -- Which of these a person changed. No note changes them any more.
    ADD COLUMN edited text[] NOT NULL DEFAULT '{}',
    ADD COLUMN told_year smallint,
    ADD COLUMN original_title text,
    ADD COLUMN show_title text,
    ADD COLUMN season smallint,
    ADD COLUMN episode smallint,
    ADD COLUMN people text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT videos_cover_track_not_negative CHECK (cover_track >= 0),
    ADD CONSTRAINT videos_edited_known CHECK (edited <@ ARRAY['title', 'description', 'tags']),
    ADD CONSTRAINT videos_told_year_sane CHECK (told_year BETWEEN 1800 AND 2099),
    ADD CONSTRAINT videos_numbers_not_negative CHECK (season >= 0 AND episode >= 0),
    ADD CONSTRAINT videos_people_bounded CHECK (cardinality(people) <= 50),
    ADD CONSTRAINT videos_told_titles_bounded CHECK (
        char_length(original_title) <= 300 AND char_length(show_title) <= 300);
"""

# A column that is computed is computed anew by nothing but its making; its indexes go with it.
COMPUTED: LiteralString = """
DROP TRIGGER videos_teach_terms ON videos;
ALTER TABLE videos DROP COLUMN search, DROP COLUMN year, DROP COLUMN title_folded;
ALTER TABLE videos
    ADD COLUMN search tsvector GENERATED ALWAYS AS (search_words(
        title, filename || coalesce(' ' || original_title, '') || coalesce(' ' || show_title, ''),
        description, tags || people)) STORED,
    ADD COLUMN year smallint GENERATED ALWAYS AS (coalesce(told_year, title_year(container_tags, filename))) STORED,
    -- Episodes stand in their order below their show, whatever their own titles are.
    ADD COLUMN title_folded text GENERATED ALWAYS AS (left(folded(
        coalesce(show_title || ' ' || coalesce(season::text || ' ', '') || coalesce(episode::text || ' ', ''), '')
        || title), 300)) STORED;
CREATE INDEX videos_search ON videos USING gin (search) WITH (fastupdate = off);
CREATE INDEX videos_title_trigrams ON videos USING gin (title_folded gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX videos_by_title ON videos (title_folded COLLATE natural_order, id) WHERE removed_at IS NULL;
CREATE INDEX videos_by_year ON videos (year) WHERE removed_at IS NULL;
CREATE TRIGGER videos_teach_terms AFTER UPDATE ON videos
    FOR EACH ROW WHEN (OLD.search IS DISTINCT FROM NEW.search) EXECUTE FUNCTION learn_search_terms();
"""

GRANTS: LiteralString = """
GRANT UPDATE (edited) ON videos TO "kinetoscope-api";
"""


def upgrade() -> None:
    for statements in (COLUMNS, COMPUTED, GRANTS):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
