"""The one condition: may this user see this title? Lists, search, one title, grants and the doors all use it."""

from typing import Final, LiteralString


def condition(role: LiteralString, user: LiteralString) -> LiteralString:
    """May the user of this role see `v`, a row of videos? `role` and `user` are expressions of SQL.

    Public titles are for everybody, others for members or, of them, for whom the title names. Admins see every title:
    they could name themselves.
    """
    return f"""(v.removed_at IS NULL AND (
        v.visibility = 'public' OR {role} = 'admin' OR ({role} = 'user' AND (
            v.visibility = 'members' OR (v.visibility = 'named' AND EXISTS (
                SELECT FROM named_viewers n WHERE n.video_id = v.id AND n.user_id = {user}))))))"""


# Parameters: `role`, and `user` as an id.
VISIBLE = condition("%(role)s", "%(user)s::uuid")

# What every user of a role sees, whomever it names: the part of the condition that needs no look at the user.
SEEN_BY_ALL: Final[dict[str, tuple[str, ...]]] = {
    "admin": ("public", "members", "named"),
    "user": ("public", "members"),
    "guest": ("public",),
}
