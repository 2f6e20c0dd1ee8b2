"""Titles in the order that people expect of numbers, and found however their words are joined."""

from typing import LiteralString

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ORDER: LiteralString = """
-- Unicode's own order (CLDR's root), with numbers by their value: "Show 2" comes before "Show 10". Two texts are equal
-- only when they are the same, so an order by it has one place for each title. When another ICU comes with the host's
-- next release, `kinetoscope-migrate` builds the index anew (catalog/collations.py).
CREATE COLLATION natural_order (provider = icu, locale = 'und-u-kn-true');
DROP INDEX videos_by_title;
CREATE INDEX videos_by_title ON videos (title_folded COLLATE natural_order, id) WHERE removed_at IS NULL;
"""

SEARCH: LiteralString = r"""
-- The words of a title that have signs within them, without those: "spiderman" for "Spider-Man", "dont" for "Don't",
-- "shield" for "S.H.I.E.L.D.", and a Persian word without its joiners. Numbers stay as they are: 2.0 is no 20. Words of
-- more than three parts are names of files, and whoever looks for them types the parts.
CREATE FUNCTION joined_words(title text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT string_agg(
               regexp_replace(word, '([[:alnum:]])[-''.\u00AD\u00B7\u200C\u200D]+(?=[[:alnum:]])', '\1', 'g'), ' ')
      FROM regexp_split_to_table(public.folded(title), '\s+') AS word
     WHERE word ~ '[[:alnum:]][-''.\u00AD\u00B7\u200C\u200D]+[[:alnum:]]' AND word ~ '[[:alpha:]]'
       AND translate(word, E'-''.\u00AD\u00B7\u200C\u200D', '       ') ~ '^ *([^ ]+( +[^ ]+){1,2}|[^ ]( +[^ ])+) *$'
$$;

CREATE OR REPLACE FUNCTION search_words(title text, filename text, description text, tags text[])
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', public.spaced(
        title || ' ' || filename || ' ' || description || ' ' || array_to_string(tags, ' ')
        || ' ' || coalesce(public.joined_words(title), '')))
$$;

-- A column that is computed is computed anew by nothing but its making.
DROP TRIGGER videos_teach_terms ON videos;
ALTER TABLE videos DROP COLUMN search;
ALTER TABLE videos
    ADD COLUMN search tsvector GENERATED ALWAYS AS (search_words(title, filename, description, tags)) STORED;
CREATE INDEX videos_search ON videos USING gin (search) WITH (fastupdate = off);
CREATE TRIGGER videos_teach_terms AFTER UPDATE ON videos
    FOR EACH ROW WHEN (OLD.search IS DISTINCT FROM NEW.search) EXECUTE FUNCTION learn_search_terms();
INSERT INTO search_terms SELECT DISTINCT word FROM videos, unnest(tsvector_to_array(search)) word
    ON CONFLICT DO NOTHING;
"""

STEPS: tuple[LiteralString, ...] = (ORDER, SEARCH)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
