"""Who may call what: the one table. An endpoint that is not in it is refused to everybody, and a test walks the map."""

from typing import Final

from catalog.contract.words import ROLES

ANYONE: Final = frozenset({"anyone"})
ADMIN: Final = frozenset({"admin"})
MEMBERS: Final = frozenset({"admin", "user"})
EVERY_ROLE: Final = frozenset(ROLES)

WHO_MAY: Final = {
    # These read credentials of their own, or need none.
    "health.health": ANYONE,
    "health.ready": ANYONE,
    "openapi.spec": ANYONE,
    "auth.ways": ANYONE,
    "auth.login": ANYONE,
    "auth.refresh": ANYONE,
    "auth.logout": ANYONE,
    "registration.register": ANYONE,
    "registration.reset": ANYONE,
    "auth.guest": ANYONE,
    "second_step.complete": ANYONE,
    "second_step.passkey_options": ANYONE,
    "second_step.by_passkey": ANYONE,
    "devices.admit_device": ANYONE,
    "disclosed.close": ANYONE,
    # The address names a device session.
    "players.play": ANYONE,
    "players.title": ANYONE,
    "players.of_playlist": ANYONE,
    "players.whole_library": ANYONE,
    # A guest sees and plays what is public.
    "health.status": EVERY_ROLE,
    "health.status_of_api": EVERY_ROLE,
    "users.me": EVERY_ROLE,
    "users.change_me": MEMBERS,
    "users.delete_me": MEMBERS,
    "videos.list_videos": EVERY_ROLE,
    "videos.info": EVERY_ROLE,
    "videos.by_name": EVERY_ROLE,
    "videos.featured_titles": EVERY_ROLE,
    "grants.start_playback": EVERY_ROLE,
    "playbacks.questions": EVERY_ROLE,
    "playbacks.heartbeat": EVERY_ROLE,
    "playbacks.end": EVERY_ROLE,
    "password.change_password": MEMBERS,
    "factors.list_factors": MEMBERS,
    "factors.prove": MEMBERS,
    "factors.begin_totp": MEMBERS,
    "factors.confirm_totp": MEMBERS,
    "factors.remove_totp": MEMBERS,
    "factors.begin_passkey": MEMBERS,
    "factors.add_passkey": MEMBERS,
    "factors.remove_passkey": MEMBERS,
    "factors.make_recovery_codes": MEMBERS,
    "factors.remove_factors_of": ADMIN,
    "devices.add_device": MEMBERS,
    "devices.my_sessions": MEMBERS,
    "devices.end_mine": MEMBERS,
    "devices.end_my_others": MEMBERS,
    "devices.sessions_of": ADMIN,
    "devices.end_sessions_of": ADMIN,
    "devices.end_anyones": ADMIN,
    "admin.list_streams": ADMIN,
    "admin.stop_stream": ADMIN,
    "audit.list_events": ADMIN,
    "people.list_users": ADMIN,
    "people.create_user": ADMIN,
    "people.one_user": ADMIN,
    "people.change_user": ADMIN,
    "people.delete_user": ADMIN,
    "people.reset_password": ADMIN,
    "invitations.list_invitations": ADMIN,
    "invitations.invite": ADMIN,
    "invitations.revoke": ADMIN,
    "personal.show_preferences": MEMBERS,
    "personal.save_preferences": MEMBERS,
    "personal.show_history": MEMBERS,
    "personal.forget_history": MEMBERS,
    "personal.forget_title": MEMBERS,
    "personal.continue_watching": MEMBERS,
    "personal.export_all": MEMBERS,
    "playlists.list_playlists": MEMBERS,
    "playlists.create_playlist": MEMBERS,
    "playlists.one_playlist": MEMBERS,
    "playlists.edit_playlist": MEMBERS,
    "playlists.delete_playlist": MEMBERS,
    "playlists.add_item": MEMBERS,
    "playlists.move_item": MEMBERS,
    "playlists.remove_item": MEMBERS,
    # Their own; an admin has everybody's.
    "events.listen": MEMBERS,
    "jobs.list_jobs": MEMBERS,
    "jobs.one_job": MEMBERS,
    "jobs.cancel_job": MEMBERS,
    "jobs.retry_job": MEMBERS,
    "jobs.move_job": ADMIN,
    "ratings.rate": MEMBERS,
    "ratings.withdraw": MEMBERS,
    "editing.edit": ADMIN,
    "renditions.transcode": ADMIN,
    "renditions.remove": ADMIN,
    "library_health.list_titles": ADMIN,
    "library_health.list_findings": ADMIN,
    "library_health.start_remedies": ADMIN,
    "editing.list_viewers": ADMIN,
    "editing.name_viewers": ADMIN,
    "uploads.list_uploads": MEMBERS,
    "uploads.begin": MEMBERS,
    "uploads.one_upload": MEMBERS,
    "uploads.change": MEMBERS,
    "uploads.sign_parts": MEMBERS,
    "uploads.complete": MEMBERS,
    "uploads.cancel": MEMBERS,
    "groups.list_groups": ADMIN,
    "groups.create_group": ADMIN,
    "groups.one_group": ADMIN,
    "groups.rename_group": ADMIN,
    "groups.delete_group": ADMIN,
    "groups.add_member": ADMIN,
    "groups.remove_member": ADMIN,
    "groups.list_folders": ADMIN,
    "groups.create_folder": ADMIN,
    "groups.delete_folder": ADMIN,
}

# What the token of a television or a player opens: the library, playlists and where its user goes on, to be read, and
# nothing of the account. Its token lies in playlists
# and in settings of others' programs, so whoever finds it must not become its owner.
DEVICES_MAY: Final = frozenset(
    {
        "health.status",
        "health.status_of_api",
        "users.me",
        "videos.list_videos",
        "videos.info",
        "videos.by_name",
        "videos.featured_titles",
        "personal.continue_watching",
        "playlists.list_playlists",
        "playlists.one_playlist",
        "grants.start_playback",
        "playbacks.questions",
        "playbacks.heartbeat",
        "playbacks.end",
    }
)


def for_admins_alone(endpoint: str) -> bool:
    """Is it closed to every other role?"""
    return WHO_MAY.get(endpoint) == ADMIN


def may(role: str, endpoint: str, kind: str = "program") -> bool:
    """May a signed-in user of this role call the endpoint, by a session of this kind?"""
    return role in WHO_MAY.get(endpoint, frozenset()) and (kind != "device" or endpoint in DEVICES_MAY)
