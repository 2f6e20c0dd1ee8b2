"""The first schema: people, their sessions, the library, what is watched."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PEOPLE = """
CREATE TABLE users (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username             text NOT NULL,
    -- The name as it is compared: NFKC, case folded. The service computes it.
    username_key         text NOT NULL,
    email                text,
    email_key            text,
    password_hash        text NOT NULL,
    role                 text NOT NULL DEFAULT 'user',
    is_active            boolean NOT NULL DEFAULT true,
    created_at           timestamptz NOT NULL DEFAULT now(),
    password_changed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_username_key_unique UNIQUE (username_key),
    CONSTRAINT users_email_key_unique UNIQUE (email_key),
    CONSTRAINT users_username_length CHECK (char_length(username) BETWEEN 1 AND 64),
    CONSTRAINT users_email_length CHECK (char_length(email) <= 254),
    CONSTRAINT users_email_and_key CHECK ((email IS NULL) = (email_key IS NULL)),
    CONSTRAINT users_role_known CHECK (role IN ('admin', 'user', 'guest'))
);

CREATE TABLE sessions (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind          text NOT NULL,
    device        text NOT NULL DEFAULT '',
    client        inet,
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at  timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    end_reason    text,
    CONSTRAINT sessions_kind_known CHECK (kind IN ('browser', 'program', 'device', 'guest')),
    CONSTRAINT sessions_device_length CHECK (char_length(device) <= 200),
    CONSTRAINT sessions_expire_after_start CHECK (expires_at > created_at),
    CONSTRAINT sessions_end_has_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_live_by_user ON sessions (user_id, created_at) WHERE ended_at IS NULL;

-- A session's refresh tokens are one family; only the SHA-256 of a token is kept.
CREATE TABLE refresh_tokens (
    token_sha256  bytea PRIMARY KEY,
    session_id    uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at     timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz,
    CONSTRAINT refresh_tokens_sha256_length CHECK (octet_length(token_sha256) = 32)
);
CREATE UNIQUE INDEX refresh_tokens_one_live_per_session ON refresh_tokens (session_id) WHERE used_at IS NULL;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
"""

LIBRARY = """
CREATE TABLE videos (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Where the file is: a root of the library and the path below it, as the bytes the file system has.
    library_root      text NOT NULL,
    path              bytea NOT NULL,
    -- What the file is, to know it again after a move: a digest of its size and samples of its content.
    fingerprint       bytea,
    size_bytes        bigint NOT NULL,
    mtime_ns          bigint NOT NULL,
    -- For people: the file's name with undecodable bytes replaced.
    filename          text NOT NULL,
    title             text NOT NULL,
    description       text NOT NULL DEFAULT '',
    tags              text[] NOT NULL DEFAULT '{}',
    status            text NOT NULL,
    status_reason     text,
    visibility        text NOT NULL DEFAULT 'members',
    container         text,
    duration_seconds  double precision,
    width             integer,
    height            integer,
    fps               double precision,
    bitrate           bigint,
    video_codec       text,
    audio_codec       text,
    hdr               text,
    rotation          smallint NOT NULL DEFAULT 0,
    chapters          jsonb NOT NULL DEFAULT '[]',
    container_tags    jsonb NOT NULL DEFAULT '{}',
    -- May a browser play the source as it is (container, codecs and pixel format)?
    direct_play       boolean NOT NULL DEFAULT false,
    -- When pictures of this content were last tried; null while they are due. A failure is not tried again.
    pictured_at       timestamptz,
    added_at          timestamptz NOT NULL DEFAULT now(),
    changed_at        timestamptz NOT NULL DEFAULT now(),
    -- Set while the file is missing; such a title is invisible and is purged later.
    removed_at        timestamptz,
    search            tsvector GENERATED ALWAYS AS (
                          to_tsvector('simple', title || ' ' || translate(filename, '._-', '   ') || ' ' || description)
                      ) STORED,
    CONSTRAINT videos_status_known CHECK (status IN ('ready', 'waiting', 'broken')),
    CONSTRAINT videos_broken_has_reason CHECK (status <> 'broken' OR status_reason IS NOT NULL),
    CONSTRAINT videos_ready_is_probed CHECK (
        status <> 'ready' OR (container IS NOT NULL AND duration_seconds IS NOT NULL AND fingerprint IS NOT NULL)),
    CONSTRAINT videos_visibility_known CHECK (visibility IN ('public', 'members')),
    CONSTRAINT videos_size_not_negative CHECK (size_bytes >= 0),
    CONSTRAINT videos_duration_not_negative CHECK (duration_seconds >= 0),
    CONSTRAINT videos_rotation_known CHECK (rotation IN (0, 90, 180, 270)),
    CONSTRAINT videos_title_not_empty CHECK (title <> '')
);
-- A hidden title leaves its path to whatever lies there now. A digest: an index entry holds 2700 bytes, a path 4095.
CREATE UNIQUE INDEX videos_path_unique ON videos (library_root, sha256(path)) WHERE removed_at IS NULL;
CREATE INDEX videos_by_fingerprint ON videos (fingerprint);
CREATE INDEX videos_pictures_due ON videos (id) WHERE pictured_at IS NULL AND status = 'ready';
CREATE INDEX videos_by_added ON videos (added_at DESC, id DESC) WHERE removed_at IS NULL;
CREATE INDEX videos_by_title ON videos (lower(title), id) WHERE removed_at IS NULL;
CREATE INDEX videos_by_duration ON videos (duration_seconds, id) WHERE removed_at IS NULL;
CREATE INDEX videos_search ON videos USING gin (search);
CREATE INDEX videos_title_trigrams ON videos USING gin (title gin_trgm_ops);

CREATE TABLE tracks (
    video_id     uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    -- The stream's index within the container, from 0.
    position     integer NOT NULL,
    kind         text NOT NULL,
    codec        text NOT NULL,
    profile      text,
    language     text,
    title        text,
    channels     integer,
    sample_rate  integer,
    bitrate      bigint,
    is_default   boolean NOT NULL DEFAULT false,
    is_forced    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (video_id, position),
    CONSTRAINT tracks_kind_known CHECK (kind IN ('video', 'audio', 'subtitle'))
);

-- What `titles/<video id>/` holds: the names a player may ask for.
CREATE TABLE published_files (
    video_id    uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    name        text NOT NULL,
    media_type  text NOT NULL,
    size_bytes  bigint NOT NULL,
    PRIMARY KEY (video_id, name),
    CONSTRAINT published_files_size_not_negative CHECK (size_bytes >= 0)
);

CREATE TABLE scans (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    -- {seen, added, changed, moved, removed, ..., unreachable_roots: [path]}: indexer.scan.Summary
    summary      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX scans_by_start ON scans (started_at DESC);
"""

WATCHING = """
CREATE TABLE playbacks (
    -- 128 random bits; part of every signed link.
    id                uuid PRIMARY KEY,
    session_id        uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    video_id          uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    door              text NOT NULL,
    device            text NOT NULL DEFAULT '',
    client            inet,
    started_at        timestamptz NOT NULL DEFAULT now(),
    last_seen_at      timestamptz NOT NULL DEFAULT now(),
    position_seconds  double precision NOT NULL DEFAULT 0,
    ended_at          timestamptz,
    end_reason        text,
    CONSTRAINT playbacks_door_known CHECK (door IN ('signed', 'header')),
    CONSTRAINT playbacks_end_has_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT playbacks_position_not_negative CHECK (position_seconds >= 0)
);
CREATE UNIQUE INDEX playbacks_one_open_header_playback ON playbacks (session_id, video_id)
    WHERE door = 'header' AND ended_at IS NULL;
CREATE INDEX playbacks_open_by_user ON playbacks (user_id, started_at) WHERE ended_at IS NULL;
CREATE INDEX playbacks_by_session ON playbacks (session_id);
CREATE INDEX playbacks_by_video ON playbacks (video_id);

CREATE TABLE progress (
    user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    video_id          uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    position_seconds  double precision NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, video_id),
    CONSTRAINT progress_position_not_negative CHECK (position_seconds >= 0)
);
CREATE INDEX progress_by_video ON progress (video_id);
CREATE INDEX progress_recent ON progress (user_id, updated_at DESC);

-- The one thing authz may write: the playback of a session that asks for a title at the header door.
-- Answers the open playback of that pair, or opens one with the id proposed; null when the session has ended,
-- its user is disabled, or the title is not there to be watched.
CREATE FUNCTION open_header_playback(proposed uuid, of_session uuid, of_video uuid, from_client inet)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    watcher uuid;
    opened uuid;
BEGIN
    SELECT s.user_id INTO watcher
      FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.id = of_session AND s.ended_at IS NULL AND s.expires_at > now() AND u.is_active
       FOR SHARE OF s;
    IF watcher IS NULL OR NOT EXISTS (
        SELECT FROM videos v WHERE v.id = of_video AND v.status = 'ready' AND v.removed_at IS NULL) THEN
        RETURN NULL;
    END IF;
    INSERT INTO playbacks (id, session_id, user_id, video_id, door, client)
    VALUES (proposed, of_session, watcher, of_video, 'header', from_client)
    ON CONFLICT (session_id, video_id) WHERE door = 'header' AND ended_at IS NULL
    DO UPDATE SET last_seen_at = now()
    RETURNING id INTO opened;
    RETURN opened;
END
$$;
REVOKE ALL ON FUNCTION open_header_playback FROM PUBLIC;
"""

GRANTS = """
GRANT USAGE ON SCHEMA public TO "kinetoscope-authz", "kinetoscope-api", "kinetoscope-indexer";

GRANT SELECT ON sessions, videos, playbacks, published_files TO "kinetoscope-authz";
GRANT SELECT (id, username, role, is_active) ON users TO "kinetoscope-authz";
GRANT EXECUTE ON FUNCTION open_header_playback TO "kinetoscope-authz";

GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, refresh_tokens, playbacks, progress TO "kinetoscope-api";
GRANT SELECT ON videos, tracks, published_files, scans TO "kinetoscope-api";
GRANT UPDATE (title, description, tags, visibility, changed_at) ON videos TO "kinetoscope-api";

GRANT SELECT, INSERT, UPDATE, DELETE ON videos, tracks, published_files, scans TO "kinetoscope-indexer";
"""

STEPS = ("CREATE EXTENSION IF NOT EXISTS pg_trgm;", PEOPLE, LIBRARY, WATCHING, GRANTS)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
