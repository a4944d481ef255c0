"""Refusals of Twilio's REST API, in the form its SDK reads."""

from pydantic import ValidationError


class ApiError(Exception):
    """An answer of 4xx: Twilio's classic error body.

    `misuse` tells a request no correct client makes from an answer about the state of things ("not found").
    """

    def __init__(self, status: int, code: int, message: str, *, misuse: bool = True) -> None:
        super().__init__(f"{status}/{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.misuse = misuse

    def body(self) -> dict[str, str | int]:
        """Build the JSON body."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def bad_request(message: str) -> ApiError:
    """Refuse a wrong parameter; the code for it is *assumed*."""
    return ApiError(400, 20001, message)


def not_found(path: str) -> ApiError:
    """Answer for a resource that is not there: 404/20404."""
    return ApiError(404, 20404, f"The requested resource {path} was not found", misuse=False)


def invalid(what: str, error: ValidationError) -> ApiError:
    """Refuse parameters that do not follow their model, naming each."""
    mistakes = "; ".join(
        ".".join([what, *map(str, mistake["loc"])]) + f": {mistake['msg']}" for mistake in error.errors()
    )
    return bad_request(mistakes)


def precondition_failed(message: str) -> ApiError:
    """Refuse a change to what has changed meanwhile; status and code are *assumed*."""
    return ApiError(412, 20412, message, misuse=False)
