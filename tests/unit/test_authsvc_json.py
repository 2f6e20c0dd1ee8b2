"""What the interface writes as JSON."""

import json

from flask import Flask

from authsvc.api.protocol.requests import StrictJSON


def test_text_of_any_script_is_written_as_it_is() -> None:
    written = StrictJSON(Flask(__name__)).dumps({"title": "東京物語", "tags": []}, separators=(",", ":"))
    assert written == '{"title":"東京物語","tags":[]}'


def test_half_a_pair_of_surrogates_is_escaped() -> None:
    written = StrictJSON(Flask(__name__)).dumps({"title": "\ud800"})
    assert json.loads(written.encode()) == {"title": "\ud800"}
