"""Every problem that we answer with: its page, its status, and which failure of `errors` becomes it.

The pages under /problems/ and the OpenAPI document loop over this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from adengine import errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    name: str
    """The last part of its `type`, /problems/<name>."""
    status: int
    title: str
    advice: str
    """What the caller can do."""
    raised: type[errors.AdengineError] | None = None
    """The failure that becomes this problem; None: only HTTP itself (werkzeug) says it."""


PROBLEMS: tuple[Problem, ...] = (
    Problem(
        name="malformed",
        status=400,
        title="The request cannot be read",
        advice="Send UTF-8 in the stated media type; JSON with each key once per object and at most 20 levels.",
        raised=errors.Malformed,
    ),
    Problem(
        name="unauthorized",
        status=401,
        title="A valid key is needed",
        advice="Send Authorization: Bearer <key> with a key that has not been revoked.",
        raised=errors.Unauthorized,
    ),
    Problem(
        name="forbidden",
        status=403,
        title="The key does not have the scope for this",
        advice="Use a key with one of the scopes that `detail` names.",
        raised=errors.Forbidden,
    ),
    Problem(
        name="not-found",
        status=404,
        title="There is nothing here",
        advice="Check the address and the id; an object of another advertiser or site is answered in the same way.",
        raised=errors.NotFound,
    ),
    Problem(
        name="method-not-allowed",
        status=405,
        title="This address does not know the method",
        advice="Use one of the methods in the Allow header.",
    ),
    Problem(
        name="not-acceptable",
        status=406,
        title="There is no such representation",
        advice="Ask for one of the media types that the OpenAPI document lists for this address.",
    ),
    Problem(
        name="conflict",
        status=409,
        title="The object is not in a state that allows this",
        advice="Read the object again and decide anew.",
        raised=errors.Conflict,
    ),
    Problem(
        name="precondition-failed",
        status=412,
        title="The object has changed since you read it",
        advice="Read it again, apply your change to it, and send its new etag in If-Match.",
        raised=errors.PreconditionFailed,
    ),
    Problem(
        name="too-large",
        status=413,
        title="The request is larger than the limit",
        advice="Send less at once; `detail` names the limit.",
        raised=errors.TooLarge,
    ),
    Problem(
        name="unsupported-media-type",
        status=415,
        title="This address does not read that media type",
        advice="Send the media type that `detail` names.",
    ),
    Problem(
        name="invalid",
        status=422,
        title="The request is wrong",
        advice="Mend everything listed in `errors`, each with a JSON pointer into the body, ?name or header:Name.",
        raised=errors.Invalid,
    ),
    Problem(
        name="precondition-required",
        status=428,
        title="A change needs If-Match",
        advice="Read the object and send its etag in If-Match, so that nobody's change is lost.",
        raised=errors.PreconditionRequired,
    ),
    Problem(
        name="too-many",
        status=429,
        title="Too many requests",
        advice="Wait as many seconds as Retry-After says.",
        raised=errors.TooMany,
    ),
    Problem(
        name="internal",
        status=500,
        title="A fault of ours",
        advice="Tell the operator the request_id; the log has the cause under it. Nothing was half done on purpose.",
    ),
    Problem(
        name="unavailable",
        status=503,
        title="A part of ours is away",
        advice="Nothing was stored. Try again after Retry-After seconds.",
        raised=errors.Unavailable,
    ),
)

BY_NAME = {problem.name: problem for problem in PROBLEMS}
BY_STATUS = {problem.status: problem for problem in PROBLEMS}


def problem_of(error: errors.AdengineError) -> Problem:
    """The row for a failure, by its nearest class; `internal` for one that is not meant for callers."""
    by_class = {problem.raised: problem for problem in PROBLEMS if problem.raised}
    return next((by_class[kind] for kind in type(error).__mro__ if kind in by_class), BY_NAME["internal"])
