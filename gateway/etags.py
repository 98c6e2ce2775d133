"""ETags from integer versions, and the preconditions built on them."""

from django.http import HttpRequest, HttpResponse

from core.errors import StaleVersion


def etag(version: int) -> str:
    """Strong entity tag of a version."""
    return f'"{version}"'


def require_match(request: HttpRequest, version: int) -> None:
    """Raise StaleVersion when If-Match is sent and names another version."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return
    if etag(version) not in [tag.strip().removeprefix("W/") for tag in given.split(",")]:
        raise StaleVersion(current=etag(version))


def not_modified(request: HttpRequest, version: int) -> HttpResponse | None:
    """A 304 when If-None-Match names this very version."""
    given = request.headers.get("If-None-Match")
    if given and etag(version) in [tag.strip().removeprefix("W/") for tag in given.split(",")]:
        return HttpResponse(status=304, headers={"ETag": etag(version)})
    return None
