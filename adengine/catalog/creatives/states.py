"""A creative's way through review: draft -> pending -> approved | rejected, and paused beside it. Pure.

A version is text that never changes once submitted. An edit of anything but a draft makes the next version, pending at
once; the approved one serves on until its successor is approved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adengine.catalog.nouns import Scope, State
from adengine.errors import Conflict

VERSION_MAX = 65_535
"""Tokens carry 16 bits of it."""
PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a creative stands."""

    latest: int
    """Its newest version; the one that is edited and reviewed."""
    state: State
    """Of `latest`."""
    serving: int | None
    """The approved version that pages show."""
    paused: bool

    @property
    def status(self) -> str:
        """One word for people: the state of the newest version, or paused."""
        return PAUSED if self.paused else self.state.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    verb: str
    """After the colon in `/v1/creatives/<id>:submit`."""
    about: str
    scopes: tuple[Scope, ...]


STEPS: tuple[Step, ...] = (
    Step(
        verb="submit",
        about="Hands a draft to the reviewers; its text is fixed from then on.",
        scopes=(Scope.MANAGE, Scope.ADVERTISE),
    ),
    Step(
        verb="approve",
        about="Lets the newest version be shown, in place of the one before.",
        scopes=(Scope.REVIEW,),
    ),
    Step(
        verb="reject",
        about="Refuses the version that waits for review; with none waiting, withdraws the one that serves.",
        scopes=(Scope.REVIEW,),
    ),
    Step(
        verb="pause",
        about="Stops showing it, whatever its version.",
        scopes=(Scope.MANAGE, Scope.ADVERTISE),
    ),
    Step(
        verb="resume",
        about="Shows it again.",
        scopes=(Scope.MANAGE, Scope.ADVERTISE),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    standing: Standing
    decided: tuple[int, State] | None
    """The version whose state changed, and what it became."""


def step(verb: str, at: Standing) -> Stepped:
    """Where `verb` (of `STEPS`) leads from `at`; raises `Conflict` where it leads nowhere."""
    match verb:
        case "submit" if at.state is State.DRAFT:
            return _decided(at, at.latest, State.PENDING, serving=at.serving)
        case "approve" if at.state is State.PENDING:
            return _decided(at, at.latest, State.APPROVED, serving=at.latest)
        case "reject" if at.state is State.PENDING:
            return _decided(at, at.latest, State.REJECTED, serving=at.serving)
        case "reject" if at.serving is not None:
            return _decided(at, at.serving, State.REJECTED, serving=None)
        case "pause" if not at.paused:
            return Stepped(standing=replace(at, paused=True), decided=None)
        case "resume" if at.paused:
            return Stepped(standing=replace(at, paused=False), decided=None)
    paused = ", paused" if at.paused else ""
    raise Conflict(f"cannot {verb} this creative: its version {at.latest} is {at.state.value}{paused}")


def edited(at: Standing) -> Standing:
    """Where a change of the text leads: the same draft, or a next version that waits for review."""
    if at.state is State.DRAFT:
        return at
    if at.latest >= VERSION_MAX:
        raise Conflict(f"this creative has had {VERSION_MAX} versions; make another")
    return replace(at, latest=at.latest + 1, state=State.PENDING)


def _decided(at: Standing, version: int, state: State, serving: int | None) -> Stepped:
    newest = state if version == at.latest else at.state
    return Stepped(standing=replace(at, state=newest, serving=serving), decided=(version, state))
