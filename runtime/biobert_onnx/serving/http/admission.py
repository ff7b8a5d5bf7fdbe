"""Bounds on what is in flight: requests, bytes of bodies, characters that are encoded, bytes of answers.

They keep the memory of the app bounded whatever clients send: docs/serving.md says by how much.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from biobert_onnx.serving.http.errors import RefusedError
from biobert_onnx.serving.settings import Settings, variable_of

TEXT_WEIGHT = 2048
"""Characters that a text counts for beside its own: its vector, as numbers and as JSON, takes as much memory."""

SMALL = 131_072
"""Characters in a small request; 32 abstracts are one."""

SMALL_ROOM = 2_097_152
"""Characters in all small requests that are encoded at a time. They never wait behind a large one."""

LARGE_ROOM = 33_554_432
"""Characters in all large requests that are encoded at a time: eight of the largest by default. A larger one is encoded
without another large one."""

SMALL_ANSWER = 65_536
"""Bytes of an answer that a connection takes at once."""

ANSWER_ROOM = 33_554_432
"""Bytes of larger answers that wait for their clients to read them."""

RETRY_AFTER_S = 1


class Room:
    """An amount that is shared: who wants more than is free waits, the first one first."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def take(self, amount: int) -> int:
        """Take `amount`, at most the whole room, once it is free; return what was taken, which `give_back` takes."""
        amount = min(amount, self._size)
        if not self._waiting and amount <= self._free:
            self._free -= amount
            return amount
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, amount))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove((turn, amount))
                self.give_back(0)  # whoever waited behind may fit
            else:
                self.give_back(amount)
            raise
        return amount

    def give_back(self, amount: int) -> None:
        """Give `amount` back, and let those in who fit now."""
        self._free += amount
        while self._waiting and self._waiting[0][1] <= self._free:
            turn, wanted = self._waiting.popleft()
            self._free -= wanted
            turn.set_result(None)


class Admission:
    """What is in flight in one process, and whether the server is closing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._small, self._large, self._answers = Room(SMALL_ROOM), Room(LARGE_ROOM), Room(ANSWER_ROOM)
        self._held_bytes = 0
        self.in_flight = 0
        self.is_closing = False

    @property
    def waiting(self) -> int:
        """Requests in flight that wait for room to be encoded in."""
        return self._small.waiting + self._large.waiting

    def close(self) -> None:
        """Refuse new requests from now on."""
        self.is_closing = True

    def check_open(self) -> None:
        """Raise RefusedError (503) if the server is closing."""
        if self.is_closing:
            raise RefusedError(
                "the server is closing: send the request to another one, or again later",
                status=503,
                code="server_closing",
                headers={"retry-after": str(RETRY_AFTER_S), "connection": "close"},
            )

    @contextmanager
    def body(self) -> Iterator["HeldBody"]:
        """Count the bytes of one body in the block, and those of the texts that it becomes."""
        held = HeldBody()
        try:
            yield held
        finally:
            self._held_bytes -= held.size

    def hold(self, body: "HeldBody", size: int) -> bool:
        """Count `size` bytes more of `body`; return whether there was room for them. If not, nothing is counted."""
        if self._held_bytes + size > self._settings.held_bytes:
            return False
        self._held_bytes += size
        body.size += size
        return True

    def no_room_for_body(self) -> RefusedError:
        """The error of a body that there is no room for."""
        return _overloaded(
            f"the bodies of other requests take all of the {self._settings.held_bytes:,} bytes that the server holds "
            f"({variable_of('held_bytes')})"
        )

    @contextmanager
    def request(self) -> Iterator["Ticket"]:
        """Count a request as in flight in the block; raise RefusedError (429) if there are too many."""
        if self.in_flight >= self._settings.queue:
            raise _overloaded(
                f"{self.in_flight:,} requests are in flight, as many as the server takes ({variable_of('queue')})"
            )
        self.in_flight += 1
        ticket = Ticket(self._small, self._large, self._answers)
        try:
            yield ticket
        finally:
            self.in_flight -= 1
            ticket.give_back()


class HeldBody:
    """The bytes that are counted for one body."""

    def __init__(self) -> None:
        self.size = 0


class Ticket:
    """What one request in flight has taken of the rooms.

    `weight`: that of its texts. `waited_s`: seconds that it waited for room.
    """

    def __init__(self, small: Room, large: Room, answers: Room) -> None:
        self._small, self._large, self._answers = small, large, answers
        self._taken: tuple[Room, int] | None = None
        self.weight = 0
        self.waited_s = 0.0

    async def room_for_texts(self, texts: int, characters: int) -> None:
        """Wait until `texts` texts of `characters` in all may be encoded."""
        started = time.perf_counter()
        self.weight = texts * TEXT_WEIGHT + characters
        room = self._small if self.weight <= SMALL else self._large
        self._taken = room, await room.take(self.weight)
        self.waited_s = time.perf_counter() - started

    async def room_for_answer(self, size: int) -> None:
        """Wait until an answer of `size` bytes may be held; then others may encode."""
        taken = 0 if size <= SMALL_ANSWER else await self._answers.take(size)
        self.give_back()
        self._taken = self._answers, taken

    def give_back(self) -> None:
        """Give back what was taken."""
        if self._taken is not None:
            room, amount = self._taken
            self._taken = None
            room.give_back(amount)


def _overloaded(reason: str) -> RefusedError:
    return RefusedError(
        f"the server is overloaded: {reason}; send the request again later",
        status=429,
        code="overloaded",
        headers={"retry-after": str(RETRY_AFTER_S)},
    )
