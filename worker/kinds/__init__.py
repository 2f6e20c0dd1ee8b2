"""What workers can do, by the kind of the job: a function that does all of it, or raises."""

from collections.abc import Callable, Mapping

from catalog.contract.words import JobKind
from worker.attempt import Attempt
from worker.kinds import extra, instant, pictures, rendition, text, upload

KINDS: Mapping[JobKind, Callable[[Attempt], None]] = {
    "extra": extra.run,
    "instant": instant.run,
    "pictures": pictures.run,
    "rendition": rendition.run,
    "text": text.run,
    "upload": upload.run,
}
