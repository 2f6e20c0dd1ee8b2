"""Files that users put into the library, part by part."""

from typing import LiteralString

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UPLOADS: LiteralString = """
CREATE TABLE uploads (
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- The file's name where it came from; what it is called here is made from it.
    name             text NOT NULL,
    size_bytes       bigint NOT NULL,
    part_size_bytes  integer NOT NULL,
    -- As its sender says it is; null: not said.
    sha256           bytea,
    modified_at      timestamptz,
    -- Of the title that it becomes. Empty: the title is made from the name. No visibility: the folder's default.
    title            text NOT NULL DEFAULT '',
    description      text NOT NULL DEFAULT '',
    visibility       text,
    library_root     text NOT NULL,
    -- Path below the root, empty for the root itself.
    folder           text NOT NULL DEFAULT '',
    -- The first so many parts are in the growing file.
    appended         integer NOT NULL DEFAULT 0,
    -- Where SHA-256 of those parts has got to (worker/digest.py).
    digest_state     bytea,
    state            text NOT NULL DEFAULT 'open',
    -- Of a refusal, for people.
    reason           text,
    video_id         uuid REFERENCES videos ON DELETE SET NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    -- When it and what it left are removed. Of one that became a title: when it is listed no more.
    expires_at       timestamptz NOT NULL,
    CONSTRAINT uploads_size_positive CHECK (size_bytes > 0),
    CONSTRAINT uploads_part_size_positive CHECK (part_size_bytes > 0),
    CONSTRAINT uploads_sha256_whole CHECK (length(sha256) = 32),
    CONSTRAINT uploads_visibility_known CHECK (visibility IN ('public', 'members', 'named')),
    CONSTRAINT uploads_state_known CHECK (state IN ('open', 'checking', 'done', 'refused')),
    CONSTRAINT uploads_refused_has_reason CHECK ((state = 'refused') = (reason IS NOT NULL)),
    CONSTRAINT uploads_appended_counts CHECK (appended >= 0)
);
CREATE INDEX uploads_by_user ON uploads (user_id, created_at);
CREATE INDEX uploads_by_video ON uploads (video_id);
CREATE INDEX uploads_by_expiry ON uploads (expires_at);
"""

GRANTS: LiteralString = """
GRANT SELECT, INSERT, UPDATE, DELETE ON uploads TO "kinetoscope-api";
-- May this part come?
GRANT SELECT (id, user_id, appended, state, expires_at) ON uploads TO "kinetoscope-authz";
-- Workers append parts, and do for one file what a scan does for all.
GRANT SELECT, DELETE, UPDATE (appended, digest_state, state, reason, video_id, expires_at)
   ON uploads TO "kinetoscope-worker";
GRANT INSERT, UPDATE ON videos TO "kinetoscope-worker";
GRANT INSERT, DELETE ON tracks TO "kinetoscope-worker";
GRANT SELECT ON folder_rules, folder_rule_users, folder_rule_groups TO "kinetoscope-worker";
GRANT SELECT, INSERT, DELETE ON video_users, video_groups TO "kinetoscope-worker";
"""

STEPS: tuple[LiteralString, ...] = (UPLOADS, GRANTS)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward; restore a backup to go back (docs/decisions).")
