"""Write what others need of catalog/contract: nginx/contract.json, nginx/www/js/contract.js and docs/contract.md.

`python docs/render_contract.py` writes them, with `--check` it only says which differ (and exits 1).
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from catalog.contract import forms, refusals, words  # noqa: E402  # the path comes first

SOURCE = "Rendered by docs/render_contract.py from catalog/contract; change it there."


def for_nginx() -> str:
    """What the templates of the doors and kinds read."""
    kinds = {f"{one.stem}.{suffix}": one.kind for one in (*forms.PUBLISHED, *forms.MADE_NOW) for suffix in one.suffixes}
    said = {
        "about": SOURCE,
        "id": forms.ID,
        "key_id": forms.KEY_ID,
        "expiry": forms.EXPIRY,
        "mac": forms.MAC,
        "part": forms.PART,
        "part_length": forms.PART_LENGTH,
        "name": forms.NAME,
        "name_made_now": forms.NAME_MADE_NOW,
        "stem_and_suffix": forms.STEM_AND_SUFFIX,
        "kinds": kinds,
        "renditions": [kind for kind in forms.KINDS if kind.startswith("media:") and kind != "media:source"],
    }
    return json.dumps(said, indent=2) + "\n"


def for_the_page() -> str:
    """A module of constants and types."""
    types = {
        "Role": words.ROLES,
        "TitleStatus": words.TITLE_STATUSES,
        "Visibility": words.VISIBILITIES,
        "UploadState": words.UPLOAD_STATES,
        "LeaseState": words.LEASE_STATES,
        "Quality": words.QUALITIES,
        "TrackKind": words.TRACK_KINDS,
        "JobKind": words.JOB_KINDS,
        "JobState": words.JOB_STATES,
        "HealthFinding": words.HEALTH_FINDINGS,
        "HealthPlace": words.HEALTH_PLACES,
        "PlaybackEnd": tuple(words.PLAYBACK_ENDS),
    }
    lines = [f"/** {SOURCE} */", "", "/**"]
    lines += [f" * @typedef {{{'|'.join(repr(word) for word in known)}}} {name}" for name, known in types.items()]
    lines += [" */", "", "/** An id, as a pattern for the whole of it. */", f"export const ID = {forms.ID!r};", ""]
    ends = "".join(f"  {word!r}, // {meaning}\n" for word, meaning in words.PLAYBACK_ENDS.items())
    lines += ["/** Why a playback ended: the code of the 410. */"]
    lines += [f"export const PLAYBACK_ENDS = /** @type {{const}} */ ([\n{ends}]);", ""]
    return "\n".join(lines)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    shown = [f"| {' | '.join(head)} |", "|" + "---|" * len(list(head))]
    return "\n".join([*shown, *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)])


def meanings(known: Mapping[str, str]) -> str:
    return table(["word", "meaning"], ([f"`{word}`", meaning] for word, meaning in known.items()))


def named(families: Iterable[forms.Published]) -> str:
    return table(
        ["name", "kind", "takes a lease"],
        (
            [f"`{one.pattern}`", f"`{one.kind}`", "yes" if one.kind in forms.KINDS_WITH_LEASE else "no"]
            for one in families
        ),
    )


def page() -> str:
    """docs/contract.md."""
    names, made_now = named(forms.PUBLISHED), named(forms.MADE_NOW)
    patterns = {
        "id of a title, playback, session, user": forms.ID,
        "key id of a link": forms.KEY_ID,
        "expiry of a link, Unix time": forms.EXPIRY,
        "MAC of a link": forms.MAC,
        "language of a track": forms.LANGUAGE,
        "generation of a rendition": forms.GENERATION,
    }
    vocabularies = {
        "role": words.ROLES,
        "kind of a session": words.SESSION_KINDS,
        "status of a title": words.TITLE_STATUSES,
        "visibility of a title": words.VISIBILITIES,
        "door": words.DOORS,
        "state of a lease": words.LEASE_STATES,
        "quality": words.QUALITIES,
        "kind of a device": words.DEVICE_KINDS,
        "kind of a track": words.TRACK_KINDS,
        "profile of a rendition": words.PROFILES,
        "of which titles renditions are made": words.RENDITION_POLICIES,
        "origin of a subtitle": words.SUBTITLE_ORIGINS,
    }
    return f"""# The contract

What Nginx, the services, the indexer, the page and the database agree on. {SOURCE}
Problem codes have [a page of their own](problems.md).

## Published names

Below `titles/<video id>/` there are these names and no others.

{names}

## Names of what is made now

What is made of a title while somebody watches it lies below `titles/<video id>/now/`.

{made_now}

## Forms

{table(["of", "pattern"], ([name, f"`{pattern}`"] for name, pattern in patterns.items()))}

## Vocabularies

{table(["what", "words"], ([name, ", ".join(f"`{word}`" for word in known)] for name, known in vocabularies.items()))}

## Why authz refuses

authz answers 204, 401 or 403. Nginx goes by the reason in `X-Deny`.

{
        table(
            ["X-Deny", "status for the client", "code"],
            ([f"`{deny}`", str(status), f"`{code}`"] for deny, (status, code) in refusals.ANSWERS.items()),
        )
    }

## Why a playback ended

{meanings(words.PLAYBACK_ENDS)}

## Why a session ended

{meanings(words.SESSION_ENDS)}
"""


RENDERED = {
    ROOT / "nginx/contract.json": for_nginx,
    ROOT / "nginx/www/js/contract.js": for_the_page,
    ROOT / "docs/contract.md": page,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when a file differs")
    check = parser.parse_args().check
    differing = [path for path, render in RENDERED.items() if not path.exists() or path.read_text() != render()]
    for path in differing:
        if check:
            sys.stderr.write(f"{path.relative_to(ROOT)} differs: run python docs/render_contract.py\n")
        else:
            path.write_text(RENDERED[path]())
    return int(check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
