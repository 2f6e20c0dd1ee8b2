"""Write docs/problems.md from catalog/contract/codes.py.

`python docs/render_problems.py` writes it, with `--check` it only says whether it differs (and exits 1).
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs/problems.md"
HEAD = """# Problems

Every error of the API and of Nginx is a problem of RFC 9457, `application/problem+json`:

```json
{"type": "/api/docs#problem-not_found", "title": "Not Found", "status": 404,
 "detail": "There is no such title.", "code": "not_found",
 "request_id": "0123456789abcdef0123456789abcdef"}
```

Go by `code`: it never changes its meaning. `detail` is a sentence for people and may change. `request_id` is in the
logs and in the answer's `X-Request-Id`. `type` leads to the description of the code in the documentation of the same
origin. `errors` (with `invalid`) names the fields and what is wrong with each; `running` (with `streams`) lists
the caller's playbacks.

| code | status | meaning | what to do |
|---|---|---|---|
"""


def render() -> str:
    """The page, ending in one newline."""
    sys.path.insert(0, str(ROOT))
    from catalog.contract.codes import CODES, phrase

    rows = (
        f"| `{name}` | {', '.join(f'{status} {phrase(status)}' for status in code.statuses)}"
        f" | {code.meaning} | {code.remedy} |"
        for name, code in CODES.items()
    )
    return HEAD + "\n".join(rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when the page differs")
    check = parser.parse_args().check
    page = render()
    same = TARGET.exists() and TARGET.read_text() == page
    if not check:
        TARGET.write_text(page)
    elif not same:
        sys.stderr.write("docs/problems.md differs: run python docs/render_problems.py\n")
    return int(check and not same)


if __name__ == "__main__":
    sys.exit(main())
