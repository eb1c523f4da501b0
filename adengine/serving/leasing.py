"""What one page takes of budgets and turns, and gives back if it comes to nothing. Only memory is asked."""

from __future__ import annotations

import numpy as np

from adengine.pacing.leases import Token
from adengine.serving.decision import Decision
from adengine.serving.draw import chance_of
from adengine.serving.pace import Paces

OWED = 10.0
"""What a turn that is owed once brings into the draw: whoever is owed the most comes first."""


class Leasing:
    """Made for one request, like its decision."""

    def __init__(self, decision: Decision, paces: Paces) -> None:
        self._decision = decision
        self._leases = paces.leases
        self._turns = paces.turns
        self._tokens: dict[int, Token] = {}
        """By slot, the impression leased for who stands there."""
        self._leased_of: list[int | None] | None = None
        """The seating for which `_tokens` are all right."""
        self._taken: list[int] = []
        """Flights whose turn was taken."""

    def take_turns(self) -> None:
        """Of those who were promised a share of the pages, refuses whose turn it is not. A rehearsal draws lots."""
        promised = self._decision.plan.shares
        if not promised:
            return
        could_stand = self._could_stand()
        for flight, share in promised:
            if flight in could_stand:
                owed = self._turn(flight, share)
                if owed is None:
                    self._decision.refuse_flight("paced_out", flight)
                else:
                    self._decision.owe(flight, OWED * owed)

    def lease(self) -> bool:
        """Takes an impression of the budget of each who stands here and has one; whether there was one for all."""
        self._give_tokens_back()
        decision = self._decision
        complete = True
        for slot, row in enumerate(decision.rows):
            flight = decision.budgeted(row)
            if flight is None or slot in self._tokens:
                continue
            token = self._leases.take(flight)
            if token is not None:
                self._tokens[slot] = token
            else:
                complete = False
                decision.refuse_flight("paced_out", flight)
        return complete

    def windows(self) -> dict[int, int]:
        """By slot, when the impression that stands there was leased (`counting.tokens.Served.leased`)."""
        return {slot: token.window for slot, token in self._tokens.items()}

    def settle(self) -> None:
        """Gives back what was taken for those who do not stand here after all."""
        self._give_tokens_back()
        if not self._taken:
            return
        stand = self._decision.flights()
        for flight in self._taken:
            if flight not in stand:
                self._turns.give_back(flight)
        self._taken = []

    def _could_stand(self) -> set[int]:
        """The flights that have passed all hurdles in some slot."""
        decision = self._decision
        rows = [decision.rows_left(place) for place in decision.places if place is not None]
        return set(decision.snapshot.candidates.flight[np.concatenate(rows)].tolist())

    def _turn(self, flight: int, share: float) -> float | None:
        if self._decision.asked.rehearsal:
            return 1.0 if chance_of(self._decision.seed, flight) < share else None
        owed = self._turns.take(flight, share)
        if owed is not None:
            self._taken.append(flight)
        return owed

    def _give_tokens_back(self) -> None:
        if self._decision.rows is self._leased_of:
            return
        for slot, token in list(self._tokens.items()):
            if self._decision.budgeted(self._decision.rows[slot]) != token.flight:
                self._leases.give_back(self._tokens.pop(slot))
        self._leased_of = self._decision.rows
