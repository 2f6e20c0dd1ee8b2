"""Three questions with three meanings: does the process live, can it work, how is it."""

import time
from importlib.metadata import PackageNotFoundError, version

from apiflask import APIBlueprint

from authsvc.api.protocol import guard
from authsvc.api.protocol.problems import busy
from authsvc.api.protocol.services import here
from authsvc.library import titles
from authsvc.stores import live

bp = APIBlueprint("health", __name__, tag="Health")
_STARTED = time.monotonic()


def release() -> str:
    """The version of the installed package."""
    try:
        return version("kinetoscope")
    except PackageNotFoundError:
        return "unreleased"


@bp.get("/health")
@bp.doc(summary="Does the process live?")
def health() -> dict[str, str]:
    """Asks nobody else: a restart would not help against a database that is away."""
    return {"status": "ok"}


@bp.get("/ready")
@bp.doc(summary="Can it work?", responses=[503])
def ready() -> dict[str, object]:
    """503 when PostgreSQL or the live Redis does not answer. The cache may be away: it only counts and caches."""
    services = here()
    needs = {"postgresql": services.database.answers(), "redis_live": live.answers(services.live)}
    if not all(needs.values()):
        away = ", ".join(name for name, there in needs.items() if not there)
        raise busy(f"Does not answer: {away}.")
    return {"status": "ok", "redis_cache": "ok" if live.answers(services.cache) else "away"}


@bp.get("/status")
@bp.get("/api/v1/status", endpoint="status_of_api")
@bp.doc(summary="How is it?", responses=[401, 503])
def status() -> dict[str, object]:
    """Version, age and counts, for whoever is signed in."""
    services = here()
    with services.database.connection() as connection:
        videos = titles.counts(connection, guard.identity())
    return {
        "version": release(),
        "uptime_seconds": round(time.monotonic() - _STARTED),
        "videos": videos,
        "streams": len(services.leases.of_box()),
    }
