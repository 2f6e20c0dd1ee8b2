"""A refusal that the viewer reads."""


class Problem(Exception):
    """Its status, a sentence, its code (if that is not the status's own), and when to ask again."""

    def __init__(
        self, status: int, detail: str, *, code: str | None = None, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.code = status, detail, code
        self.retry_after_seconds = retry_after_seconds
