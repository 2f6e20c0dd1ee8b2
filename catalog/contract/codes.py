"""Every code that a problem of this interface or of Nginx can have: the one list.

A program goes by `code` (and never by a sentence); this is what each one means and what to do then. docs/problems.md is
made from it (`python docs/render_problems.py`), the OpenAPI document holds it, and a test finds each code that is
raised, here or in Nginx's templates, in it.
"""

from http import HTTPStatus
from typing import Final, NamedTuple

# Where `type` of a problem leads: the interface's own documentation, on the same origin.
TYPE_PREFIX: Final = "/api/docs#problem-"

# RFC 9110's names, which Python has since 3.13; the titles must not depend on what runs them.
_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


def phrase(status: int) -> str:
    """The name of an HTTP status, the same on every version of Python."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


class Code(NamedTuple):
    """With which statuses a code comes, what it means, and what the caller does about it."""

    statuses: tuple[int, ...]
    meaning: str
    remedy: str


CODES: Final[dict[str, Code]] = {
    # The request itself.
    "malformed": Code((400,), "The request can't be read.", "Send valid HTTP, and a body of valid JSON."),
    "part_length": Code(
        (400,), "The body is not, whole, the part of the upload that the link is for.",
        "Send exactly the bytes that the link's `offset` and `length` name, with Content-Length.",
    ),
    "idempotency_key": Code(
        (400,), "The Idempotency-Key has another form.", "Use 16 to 128 letters, digits or ._:- such as a UUID."
    ),
    "not_found": Code(
        (404,), "There is nothing here, or nothing that you may see.", "Check the address; ask the owner for access."
    ),
    "method": Code((405,), "This address does not take that method.", "Use one of those that Allow names."),
    "length_required": Code((411,), "The length of the body is missing.", "Send Content-Length."),
    "precondition_failed": Code(
        (412,), "It is not, or no longer, what If-Match or If-Range means.", "Read it again and use its new ETag."
    ),
    "too_large": Code((413,), "The body is larger than this call takes.", "Send less."),
    "media_type": Code((415,), "The body is not JSON.", "Send it with Content-Type: application/json."),
    "range_not_satisfiable": Code((416,), "The file has no such range.", "Ask for bytes below its length."),
    "misdirected": Code((421,), "This host name is not served here.", "Use the configured name."),
    "invalid": Code(
        (422,), "Fields are missing, unknown or of the wrong kind.",
        "Change the fields that `errors` names, then send it again.",
    ),
    "weak_password": Code(
        (422,), "The password is too short, too long, or among the first that a guesser tries.",
        "Choose another; several unrelated words make a good one.",
    ),
    "key_reused": Code((422,), "The Idempotency-Key was used for another request.", "Make a new key."),
    # Who asks.
    "credentials": Code(
        (401,), "Nobody is signed in, or what was sent proves nobody.", "Sign in, or refresh the access token."
    ),
    "session": Code((401, 410), "The session has ended.", "Sign in again."),
    "refresh": Code((401,), "The refresh token is not valid, or no longer.", "Sign in again."),
    "refresh_reused": Code(
        (401,), "The refresh token was used before, so its session was ended: one of two users had stolen it.",
        "Sign in again; change the password if the other one was not you.",
    ),
    "device": Code((401,), "The device token is not valid, or no longer.", "Make a new one in the list of devices."),
    "second_factor": Code(
        (401,), "The password is right, and a second factor is asked for.",
        "Send one of `methods` with `challenge` to /auth/second-factor.",
    ),
    "wrong_factor": Code((401, 403), "The code or passkey is not good.", "Use the next code, or another method."),
    "second_factor_required": Code(
        (403,), "Administrators need a second factor here.", "Add one, or sign in with the one that you have."
    ),
    "proof": Code((403,), "This asks for a proof of who you are, of just now.", "Call /users/me/proof first."),
    "guests": Code((403,), "Guests are not admitted here.", "Sign in."),
    "forbidden": Code((403,), "You are known, but may not do this.", "Ask an admin."),
    "cross_site": Code(
        (403,), "With cookies, only this site's own pages may change anything.", "Call from our pages, or with a token."
    ),
    "disclosed": Code(
        (403, 410), "It came without encryption, so whoever listened has it too: what it opened was ended.",
        "Use https, and sign in or start anew.",
    ),
    "registration": Code((403,), "Nobody may register here.", "Ask an admin for an account."),
    "invitation": Code((403,), "It needs an invitation that is still good.", "Ask an admin for one."),
    "wrong_password": Code((403,), "The current password is wrong.", "Type it again."),
    # The state of what was asked for.
    "conflict": Code((409,), "It contradicts what is there.", "Read it again, then decide."),
    "taken": Code((409,), "Something or somebody has that name already, or one that looks like it.", "Choose another."),
    "last_admin": Code((409,), "Nobody could administer the service any more.", "Make another admin first."),
    "full": Code((409,), "It holds as much as it may.", "Remove something first."),
    "ambiguous": Code((409,), "Several titles have this file name; `items` lists them.", "Ask for one by its id."),
    "waiting": Code((409,), "The title is not ready yet.", "Try again later."),
    "broken": Code((409,), "The title can't be played; `detail` says why.", "Replace the file."),
    "not_made": Code(
        (409,), "The title can't be made while it is watched; `detail` says why.",
        "Play the source in another program, or ask an admin to have the job tried again.",
    ),
    "job_ended": Code((409,), "The job has ended already.", "Look at how; one that failed can be tried again."),
    "job_open": Code((409,), "The job is still queued or running, or it is done.", "Cancel it first, or leave it."),
    "job_not_queued": Code((409,), "The job is not queued: it has begun, or ended.", "Look at it again."),
    "job_repeated": Code((409,), "The same work is queued or running already.", "Watch that job instead."),
    "factor_exists": Code((409,), "You have an authenticator app.", "Remove it first."),
    "passkeys_need_a_name": Code(
        (409,), "The service is reached by an IP address, and browsers make passkeys for names alone.",
        "Give the box a name and use that; authenticator apps work without.",
    ),
    "no_factor_key": Code(
        (409,), "The service has no key to encrypt an authenticator app's secret.", "Ask the operator to deploy again."
    ),
    "devices": Code((409,), "You have as many devices as you may.", "End one of `sessions`, then try again."),
    "sessions": Code(
        (409,), "You are signed in in as many places as you may.", "Sign in again with one of `sessions` in `replace`."
    ),
    "part_here": Code((409,), "The part of the upload is here already.", "Go on with the next."),
    "parts_missing": Code((409,), "Parts of the upload have not arrived; `missing` lists them.", "Send those first."),
    "upload_over": Code((409,), "The upload is over.", "Edit its title instead, or start a new upload."),
    "uploads": Code((409,), "You have as many uploads under way as you may.", "Complete or cancel one of them."),
    "upload_quota": Code(
        (409,), "What is uploaded takes as much room as you, or all together, may use.",
        "Have titles removed, or ask the operator for more.",
    ),
    "repeat_running": Code(
        (409,), "The first call with this Idempotency-Key is still running.", "Send it again after Retry-After."
    ),
    "gone": Code((410,), "It has ended.", "Start a new playback."),
    "kept": Code(
        (410,), "What was made while it was watched is kept by now, under other names.", "Start a new playback."
    ),
    "reset": Code((410,), "The token was used, or its time is over.", "Ask an admin for another."),
    "ended": Code((410,), "The playback was ended by its viewer.", "Start a new one."),
    "stopped": Code((410,), "An admin has stopped the playback.", "Ask the admin, or wait."),
    "replaced": Code((410,), "Another playback of yours has taken its place.", "Start a new one when you need it."),
    "withdrawn": Code((410,), "The title is not for this viewer any more.", "Ask an admin for access."),
    "removed": Code((410,), "The title has left the library.", "Ask the operator whether its file was moved."),
    "lapsed": Code((410,), "Nothing was heard of the playback for so long that it was closed.", "Start a new one."),
    "expired": Code((410,), "The link's time is over.", "Start a new playback."),
    "upload_closed": Code(
        (410,), "The upload takes no more parts.", "Ask for its state; start a new one if it is gone."
    ),
    "shared": Code((403,), "The playback is watched from too many places.", "Start one of your own."),
    # How much.
    "streams": Code(
        (429,), "As many streams as there may be are running, or end just now; `running` lists yours.",
        "Name one in `replace`, or end it by DELETE /api/v1/playbacks/<id>; or try again after Retry-After.",
    ),
    "event_streams": Code(
        (429,), "As many streams of events as there may be are open.",
        "Close one of yours, or ask every few seconds by the other calls; try again after Retry-After.",
    ),
    "guests_full": Code((429,), "There are as many guests as may be.", "Try again after Retry-After, or sign in."),
    "throttled": Code((429,), "Too many failed attempts.", "Wait for as long as Retry-After says."),
    "rate_limited": Code((429,), "Too many calls.", "Wait for as long as Retry-After says, and go by RateLimit."),
    # Ours.
    "internal": Code((500,), "A fault of the service; it has been written down.", "Report it with its request_id."),
    "no_space": Code((507,), "The disk has no room for that much.", "Ask the operator to make room, then try again."),
    "being_made": Code(
        (503,), "What is made while it is watched is not there yet, after a wait.",
        "Ask again after Retry-After.",
    ),
    "busy": Code((503,), "Something that this needs is away or full.", "Try again after Retry-After."),
}  # fmt: skip

# The code of a status that nothing more precise is known about.
OF_STATUS: Final = {
    400: "malformed", 401: "credentials", 403: "forbidden", 404: "not_found", 405: "method", 409: "conflict",
    410: "gone", 411: "length_required", 412: "precondition_failed", 413: "too_large", 415: "media_type",
    416: "range_not_satisfiable", 421: "misdirected", 422: "invalid", 429: "throttled", 500: "internal", 503: "busy",
    507: "no_space",
}  # fmt: skip


def known(code: str, status: int) -> str:
    """`code` when it is one of the list; else that of the status. For reasons that the database keeps as text."""
    return code if code in CODES else OF_STATUS[status]
