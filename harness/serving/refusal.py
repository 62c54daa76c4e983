"""Refusal: why a request is not answered."""

from pipeline.errors import BadInput, TooLong


class Refusal(Exception):
    """An HTTP status and one message. retry_after: seconds after which to ask again, where that may help."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None):
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after

    @classmethod
    def of(cls, error: BadInput) -> "Refusal":
        """Return the refusal of an input: 413 for one that is too long, else 422."""
        return cls(413 if isinstance(error, TooLong) else 422, str(error))
