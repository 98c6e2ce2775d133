"""ETags from integer versions, and the preconditions built on them."""

from django.http import HttpRequest, HttpResponse

from core.db import Expected


def etag(version: int, rest: str = "") -> str:
    """Strong entity tag of a version, and of the `rest` that changes without it."""
    return f'"{version}-{rest}"' if rest else f'"{version}"'


def expected_version(request: HttpRequest) -> Expected:
    """Return the versions that If-Match names, to be compared under the lock; a tag of somebody else's fits no row."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    return frozenset(int(version) for tag in given.split(",") if (version := _version_in(tag)).isdecimal())


def _version_in(tag: str) -> str:
    """Return what an edit is bound to: not the rest, of which the edit says nothing."""
    quoted = tag.strip().removeprefix("W/")
    return quoted[1:-1].partition("-")[0] if len(quoted) > 2 and quoted[0] == quoted[-1] == '"' else ""


def not_modified(request: HttpRequest, version: int) -> HttpResponse | None:
    """A 304 when If-None-Match names this very version."""
    if is_known(etag(version), request.headers.get("If-None-Match", "")):
        return HttpResponse(status=304, headers={"ETag": etag(version)})
    return None


def is_known(tag: str | None, given: str) -> bool:
    """Tell whether If-None-Match names this tag; a weak one is as good."""
    if not tag or not given:
        return False
    return tag.removeprefix("W/") in [one.strip().removeprefix("W/") for one in given.split(",")]
