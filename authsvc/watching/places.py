"""Where a file plays as it is: in every browser, and in the players that can't be asked."""

from authsvc.library import health
from authsvc.library.checkup import Looked
from authsvc.watching import delivery
from authsvc.watching.abilities import PLAYERS
from catalog.contract.words import HEALTH_PLACES, HealthPlace


def of(title: Looked) -> dict[HealthPlace, list[str]]:
    """What of the file is in the way at each place; nothing: it plays there."""
    facts = title.facts
    if facts.status != "ready":
        why = facts.status_reason or "file: it is not ready"
        return {place: [why] for place in HEALTH_PLACES}
    told = delivery.Facts(
        names=(),
        container=facts.container,
        height=title.height,
        bitrate=facts.bitrate,
        video_codec=facts.video_codec,
        audio_codec=facts.audio_codec,
        video_codec_string=title.video_codec_string,
        audio_codec_string=title.audio_codec_string,
        hdr=facts.hdr,
        direct_play=facts.direct_play,
    )
    found: dict[HealthPlace, list[str]] = {"browsers": health.obstacles(facts)}
    return found | {player: delivery.obstacles(told, abilities) for player, abilities in PLAYERS.items()}
