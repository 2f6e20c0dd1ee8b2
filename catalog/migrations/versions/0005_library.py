"""Who may see which title; ratings, preferences, playlists; search in any script."""

from typing import LiteralString

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ACCESS: LiteralString = """
ALTER TABLE videos DROP CONSTRAINT videos_visibility_known,
    ADD CONSTRAINT videos_visibility_known CHECK (visibility IN ('public', 'members', 'named'));

CREATE TABLE groups (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name        text NOT NULL,
    -- The name as it is compared, like users.username_key.
    name_key    text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT groups_name_key_unique UNIQUE (name_key),
    CONSTRAINT groups_name_length CHECK (char_length(name) BETWEEN 1 AND 100)
);

CREATE TABLE group_members (
    group_id  uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
    user_id   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_by_user ON group_members (user_id);

-- Whom a title of the visibility `named` is for. Kept while it has another one.
CREATE TABLE video_users (
    video_id  uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    user_id   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (video_id, user_id)
);
CREATE INDEX video_users_by_user ON video_users (user_id);

CREATE TABLE video_groups (
    video_id  uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    group_id  uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
    PRIMARY KEY (video_id, group_id)
);
CREATE INDEX video_groups_by_group ON video_groups (group_id);

CREATE VIEW named_viewers AS
    SELECT video_id, user_id FROM video_users
     UNION ALL
    SELECT vg.video_id, gm.user_id FROM video_groups vg JOIN group_members gm USING (group_id);

-- What the indexer gives to new titles below a folder; the longest folder that holds a file wins.
CREATE TABLE folder_rules (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    library_root  text NOT NULL,
    -- Path below the root as the bytes that the file system has, without slashes at the ends; empty: the whole root.
    folder        bytea NOT NULL,
    visibility    text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT folder_rules_folder_unique UNIQUE (library_root, folder),
    CONSTRAINT folder_rules_folder_length CHECK (octet_length(folder) <= 1024 AND char_length(library_root) <= 1024),
    CONSTRAINT folder_rules_visibility_known CHECK (visibility IN ('public', 'members', 'named'))
);

CREATE TABLE folder_rule_users (
    rule_id  uuid NOT NULL REFERENCES folder_rules ON DELETE CASCADE,
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (rule_id, user_id)
);
CREATE INDEX folder_rule_users_by_user ON folder_rule_users (user_id);

CREATE TABLE folder_rule_groups (
    rule_id   uuid NOT NULL REFERENCES folder_rules ON DELETE CASCADE,
    group_id  uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
    PRIMARY KEY (rule_id, group_id)
);
CREATE INDEX folder_rule_groups_by_group ON folder_rule_groups (group_id);
"""

PERSONAL: LiteralString = """
ALTER TABLE users ADD COLUMN display_name text,
    ADD CONSTRAINT users_display_name_length CHECK (char_length(display_name) BETWEEN 1 AND 100);

CREATE TABLE preferences (
    user_id        uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    quality        text NOT NULL DEFAULT 'auto',
    -- Bits a second that a playback may take; null: as fast as it goes.
    bandwidth_bps  bigint,
    device_kind    text,
    -- BCP 47, such as `fi` or `pt-BR`.
    language       text,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT preferences_quality_known CHECK (quality IN ('auto', '480p', '720p', '1080p')),
    CONSTRAINT preferences_bandwidth_range CHECK (bandwidth_bps BETWEEN 100000 AND 1000000000),
    CONSTRAINT preferences_device_kind_known CHECK (device_kind IN ('browser', 'phone', 'television', 'player')),
    CONSTRAINT preferences_language_length CHECK (char_length(language) BETWEEN 2 AND 35)
);

ALTER TABLE playbacks
    -- The number of the newest heartbeat, where the player counts them: an older one changes nothing.
    ADD COLUMN sequence bigint,
    -- Bytes a second of each connection; null: what the role may take.
    ADD COLUMN rate_bytes bigint;
CREATE INDEX playbacks_by_user ON playbacks (user_id, started_at);

-- Which playback wrote the position: a late word of an older one does not undo a newer one's.
ALTER TABLE progress ADD COLUMN playback_id uuid;

CREATE TABLE ratings (
    video_id    uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    rating      smallint NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, user_id),
    CONSTRAINT ratings_one_to_five CHECK (rating BETWEEN 1 AND 5)
);
CREATE INDEX ratings_by_user ON ratings (user_id);

CREATE TABLE playlists (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL,
    description  text NOT NULL DEFAULT '',
    is_public    boolean NOT NULL DEFAULT false,
    -- Counts changes, for If-Match.
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT playlists_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT playlists_description_length CHECK (char_length(description) <= 2000)
);
CREATE INDEX playlists_by_user ON playlists (user_id);
CREATE INDEX playlists_public ON playlists (updated_at DESC) WHERE is_public;

CREATE TABLE playlist_items (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    playlist_id  uuid NOT NULL REFERENCES playlists ON DELETE CASCADE,
    video_id     uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    -- 0, 1, 2, ... without gaps but for titles that were purged.
    position     integer NOT NULL,
    CONSTRAINT playlist_items_position_unique UNIQUE (playlist_id, position) DEFERRABLE,
    CONSTRAINT playlist_items_position_not_negative CHECK (position >= 0)
);
CREATE INDEX playlist_items_by_video ON playlist_items (video_id);
"""

SEARCH: LiteralString = r"""
CREATE EXTENSION IF NOT EXISTS unaccent;

-- A text as it is compared: without accents and Arabic vowel signs, case and width. `unaccent` is only STABLE because
-- its rules could be edited; nobody does. Names are qualified: a restore runs with an empty search_path.
CREATE FUNCTION folded(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(public.unaccent('public.unaccent'::regdictionary, normalize(regexp_replace(
        normalize(value, NFKD), '[\u0300-\u036F\u0610-\u061A\u0640\u064B-\u065F\u0670]', '', 'g'), NFKC)))
$$;

-- The same with a space around each letter of a script that writes no spaces between words (Thai, Lao, Burmese, Khmer,
-- kana, ideographs): each is a word then, and a search for several of them is one for a phrase. What the text search
-- parser would take for parts of an address, a tag or an entity is a space too.
CREATE FUNCTION spaced(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_replace(translate(public.folded(value), '._-/:@''<>&', '          '),
        '([\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF])',
        ' \1 ', 'g')
$$;

CREATE FUNCTION search_words(title text, filename text, description text, tags text[])
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', public.spaced(
        title || ' ' || filename || ' ' || description || ' ' || array_to_string(tags, ' ')))
$$;

-- The year of a title: what its container says, else the last one in its file's name.
CREATE FUNCTION title_year(container_tags jsonb, filename text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(substring(container_tags ->> 'date' FROM '^(?:18|19|20)[0-9]{2}'),
                    substring(filename FROM '.*(?:^|[^0-9])((?:18|19|20)[0-9]{2})(?:[^0-9]|$)'))::smallint
$$;

ALTER TABLE videos DROP COLUMN search;
ALTER TABLE videos
    ADD COLUMN search tsvector GENERATED ALWAYS AS (search_words(title, filename, description, tags)) STORED,
    -- Cut, because some signs fold to many letters and an index entry holds 2700 bytes.
    ADD COLUMN title_folded text GENERATED ALWAYS AS (left(folded(title), 300)) STORED,
    ADD COLUMN year smallint GENERATED ALWAYS AS (title_year(container_tags, filename)) STORED,
    -- Logarithm of the decayed number of plays (authsvc/library/popularity.py); 0: never played.
    ADD COLUMN popularity double precision NOT NULL DEFAULT 0,
    ADD CONSTRAINT videos_tags_bounded CHECK (cardinality(tags) <= 64),
    ADD CONSTRAINT videos_texts_bounded CHECK (char_length(title) <= 1000 AND char_length(description) <= 20000);
DROP INDEX videos_title_trigrams, videos_by_title, videos_by_duration;
-- Without a list of what is yet to be sorted in (fastupdate): every search would read that list, up to 4 MB of it.
CREATE INDEX videos_search ON videos USING gin (search) WITH (fastupdate = off);
CREATE INDEX videos_title_trigrams ON videos USING gin (title_folded gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX videos_by_title ON videos (title_folded, id) WHERE removed_at IS NULL;
CREATE INDEX videos_by_duration ON videos (coalesce(duration_seconds, 'Infinity'), id) WHERE removed_at IS NULL;
CREATE INDEX videos_by_popularity ON videos (popularity DESC, id DESC) WHERE removed_at IS NULL;
CREATE INDEX videos_by_filename ON videos (filename) WHERE removed_at IS NULL;
CREATE INDEX videos_by_tag ON videos USING gin (tags) WITH (fastupdate = off);
CREATE INDEX videos_by_container ON videos (container) WHERE removed_at IS NULL;
CREATE INDEX videos_by_video_codec ON videos (video_codec) WHERE removed_at IS NULL;
CREATE INDEX videos_by_audio_codec ON videos (audio_codec) WHERE removed_at IS NULL;
CREATE INDEX videos_by_height ON videos (height) WHERE removed_at IS NULL;
CREATE INDEX videos_by_year ON videos (year) WHERE removed_at IS NULL;
-- Also for counting: an entry holds all that the counts ask for, so that no title is read.
CREATE INDEX videos_by_status ON videos (status, visibility) WHERE removed_at IS NULL;
-- A digest would not do for a range; 512 bytes are enough to find a folder.
CREATE INDEX videos_by_folder ON videos (substring(path FROM 1 FOR 512)) WHERE removed_at IS NULL;

-- Every word that a title ever had; they are there as soon as the title is. Searches look here first, for the words
-- that begin with what was typed, hold it or resemble it: among 100,000 words that takes less than a millisecond, and
-- the titles' index is asked for whole words seven times faster than for beginnings of them. Words that nothing has any
-- more do no harm. Sorted by code point: what begins alike stands together. Whoever changes what a title's words are
-- fills this anew.
CREATE TABLE search_terms (
    word      text COLLATE "C" PRIMARY KEY,
    -- May somebody have meant it who typed something else? Numbers and very short words have too many neighbours.
    is_guess  boolean GENERATED ALWAYS AS (char_length(word) BETWEEN 4 AND 40 AND word !~ '[0-9]') STORED
);
CREATE INDEX search_terms_trigrams ON search_terms USING gin (word gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX search_terms_guesses ON search_terms USING gin (word gin_trgm_ops) WITH (fastupdate = off) WHERE is_guess;

CREATE FUNCTION learn_search_terms() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- In one order, so that two writers never wait for each other in a circle.
    INSERT INTO search_terms
    SELECT word FROM unnest(tsvector_to_array(NEW.search)) word ORDER BY word
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION learn_search_terms FROM PUBLIC;
CREATE TRIGGER videos_teach_terms_new AFTER INSERT ON videos FOR EACH ROW EXECUTE FUNCTION learn_search_terms();
CREATE TRIGGER videos_teach_terms AFTER UPDATE ON videos
    FOR EACH ROW WHEN (OLD.search IS DISTINCT FROM NEW.search) EXECUTE FUNCTION learn_search_terms();
INSERT INTO search_terms SELECT DISTINCT word FROM videos, unnest(tsvector_to_array(search)) word;

-- One row: when popularity was last brought up to date.
CREATE TABLE popularity_computed (
    is_row  boolean PRIMARY KEY DEFAULT true CHECK (is_row),
    at      timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO popularity_computed DEFAULT VALUES;
"""

GRANTS: LiteralString = """
GRANT SELECT ON named_viewers TO "kinetoscope-authz", "kinetoscope-api", "kinetoscope-ledger";
GRANT SELECT, INSERT, UPDATE, DELETE ON groups, group_members, video_users, video_groups, folder_rules,
    folder_rule_users, folder_rule_groups, preferences, ratings, playlists, playlist_items TO "kinetoscope-api";
GRANT SELECT, UPDATE ON popularity_computed TO "kinetoscope-api";
GRANT SELECT ON search_terms TO "kinetoscope-api";
GRANT UPDATE (popularity) ON videos TO "kinetoscope-api";
GRANT SELECT ON folder_rules, folder_rule_users, folder_rule_groups TO "kinetoscope-indexer";
GRANT INSERT ON video_users, video_groups TO "kinetoscope-indexer";
"""

STEPS = (ACCESS, PERSONAL, SEARCH, GRANTS)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
