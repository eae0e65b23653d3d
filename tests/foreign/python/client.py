"""A Linkspan client over WebSocket, made from docs/wire.md alone. Sections of it are named in brackets.

It calls and listens, in JSON or MessagePack, and is meant to be read, and to be carried over to other languages.
"""

import asyncio
import contextlib
import heapq
from collections import deque

import websockets

import wire
from wire import (AFTER_PUSHES, APPLICATION_ERROR, DID_NOT_RUN, FIELDS, LAST, MAY_HAVE_RUN, RAN, Answer, ApplicationError,
                  Body, Closed, Failure, Gap, Push, Reader, Violation, field, pairs, sized, varint)

MAX_INLINE = 16_384
MAX_MESSAGE, MAX_LANES = 4 << 20, 64  # what this client accepts
MAX_HELD = 1_024  # pushes held back behind a large one, and pushes that nobody has read yet


class Linkspan:
    """One connection. Made by `connect`; `call` and `notification` may be used by many tasks at once."""

    @classmethod
    async def connect(cls, url, codecs=("json",), *, versions=(1, 1), metadata=(), ping_after=20.0, watch=None, **options):
        """Connects and greets. `watch` is shown every frame that comes; `options` are those of `websockets.connect`."""
        self = cls()
        self.socket = await websockets.connect(  # [Roads]
            url, subprotocols=["linkspan.1"], max_size=1 << 20, ping_interval=None, **options)
        self.watch, self.ping_after = watch or (lambda *_: None), ping_after
        self.closed = self.going_away = self.living = None
        self.ending = Closed(2000, "lost")
        self.welcome = asyncio.get_running_loop().create_future()
        self.calls, self.lanes, self.next_lane = {}, {}, 1
        self.heads = self.delivered = 0  # pushes and gaps, counted
        self.ordered, self.answers = deque(), []  # what waits for the pushes before it
        self.inbox, self.missed, self.arrived = deque(), 0, asyncio.Event()
        fields = {  # [Hello]
            2: varint(versions[0]) + varint(versions[1]), 4: b"".join(map(sized, codecs)), 5: b"foreign-python/1",
            6: varint(MAX_MESSAGE) + varint(0) + varint(MAX_LANES), 9: pairs(metadata)}
        await self.send(wire.HELLO, 0, b"LSP1" + b"".join(field(*entry) for entry in fields.items()))
        self.reading = asyncio.create_task(self._read())
        try:
            async with asyncio.timeout(10):
                await self.welcome
        except TimeoutError:
            await self.close(2002, "no hello")
            raise
        self.living = asyncio.create_task(self._live())
        return self

    async def call(self, path, argument=None, *, timeout=30.0, metadata=(), one_way=False):
        """Calls, and returns the `Answer`. Giving up, by timeout or by cancelling the task, tells the server. [Calls]"""
        body, number, answer = wire.CODECS[self.codec][0](argument), 0, None
        if not one_way:
            await self.slots.acquire()
        if self.closed or self.going_away is not None:
            raise Failure(14, DID_NOT_RUN, "the server is going away")
        if not one_way:
            number = heapq.heappop(self.numbers)
            answer = self.calls[number] = asyncio.get_running_loop().create_future()
        fields, lane = field(wire.METADATA, pairs(metadata)) if metadata else b"", 0
        if len(body) > MAX_INLINE:  # [Lanes and bodies]
            lane, self.next_lane = self.next_lane, self.next_lane + 2
            fields += field(wire.BODY_PLACE, varint(lane) + varint(len(body)))
        await self.send(wire.REQUEST, (FIELDS if fields else 0) | (wire.ONE_WAY if one_way else 0),
                        varint(number) + varint(round(timeout * 1e6)) + sized(path)
                        + (sized(fields) if fields else b"") + (b"" if lane else body))
        sending = asyncio.create_task(self._send_body(lane, body)) if lane else None
        if one_way:
            return await sending if sending else None
        try:
            async with asyncio.timeout(timeout):
                outcome = await asyncio.shield(answer)
        except (TimeoutError, asyncio.CancelledError) as reason:
            await self._stop_sending(sending, lane)
            if self.calls.get(number) is answer:
                await self.send(wire.CANCEL, 0, varint(number))  # the number stays taken until the answer
            if isinstance(reason, TimeoutError):
                raise Failure(4, MAY_HAVE_RUN, "too late") from None
            raise
        await self._stop_sending(sending, lane)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def notification(self):
        """The next `Push` or `Gap`. Of too many that wait the oldest are lost, and a gap says so. [Pushes]"""
        while not self.inbox:
            if self.closed:
                raise self.closed
            self.arrived.clear()
            await self.arrived.wait()
        if self.missed:
            missed, self.missed = self.missed, 0
            return Gap(missed, 2)
        return self.inbox.popleft()

    async def close(self, code=1000, reason="done"):
        """Ends the connection. [Life and end]"""
        self.ending = Closed(code, reason)
        await self.send(wire.CLOSE, 0, varint(code) + sized(reason))
        verdict = code // 1000 - 1 if 1000 <= code < 4000 else 0
        await self.socket.close(1000 if code == 1000 else 4000 + verdict * 300 + min(code % 1000, 299))
        if asyncio.current_task() is not self.reading:
            await self.reading

    async def send(self, kind, flags, fields, lane=0):
        """Sends one frame, as a message of its own. If the link is gone, the reader tells."""
        with contextlib.suppress(websockets.ConnectionClosed):
            await self.socket.send(wire.frame(kind, flags, fields, lane))

    async def _send_body(self, lane, body):
        piece = wire.MAX_FRAME - 4 - len(varint(lane))
        async with self.bodies:  # no more at a time than the server takes
            for at in range(0, len(body), piece):
                await self.send(wire.BODY, LAST if at + piece >= len(body) else 0, body[at:at + piece], lane)
                await asyncio.sleep(0)  # others may send between two pieces

    async def _stop_sending(self, sending, lane):
        if sending and not sending.done() and not self.closed:
            sending.cancel()
            await self.send(wire.RESET, LAST | wire.ABANDONED, b"", lane)

    async def _live(self):
        """Pings when the server is silent, and gives up when it stays so. [Life and end]"""
        pings = 0
        while pings < 3:
            self.quiet = True
            await asyncio.sleep(self.ping_after)
            pings = pings + 1 if self.quiet else 0
            if 0 < pings < 3:
                await self.send(wire.PING, 0, varint(pings))
        await self.close(2002, "silence")

    async def _read(self):
        handlers = {wire.HELLO: self._on_hello, wire.RESPONSE: self._on_response, wire.FAILURE: self._on_failure,
                    wire.PUSH: self._on_push, wire.GAP: self._on_gap, wire.GOAWAY: self._on_goaway}
        try:
            async for message in self.socket:
                if isinstance(message, str):
                    raise Violation("a text message")
                for kind, flags, lane, content in wire.split(message):
                    self.quiet = False
                    self.watch(kind, flags, lane, content)
                    fields = Reader(content)
                    if kind == wire.PING:
                        await self.send(wire.PONG, 0, content)
                    elif kind == wire.CLOSE:
                        self.ending = Closed(fields.varint(), fields.sized().decode())
                    elif kind in (wire.BODY, wire.RESET):
                        self._on_body(lane, None if kind == wire.RESET else content, flags & LAST)
                    elif kind in handlers:
                        handlers[kind](flags, fields)
                    elif kind < 0x80 and kind != wire.PONG:
                        raise Violation(f"a frame of kind {kind}")
        except websockets.ConnectionClosed:
            pass
        except (Violation, UnicodeDecodeError) as violation:
            await self.close(1002, str(violation))
        self.closed = end = self.ending
        end.status = self.socket.close_code
        if not self.welcome.done():
            self.welcome.set_exception(end)
        elif self.living:
            self.living.cancel()
        for number in list(self.calls):
            self._finish(number, Failure(14, MAY_HAVE_RUN, str(end)))
        self.delivered = self.heads
        self._deliver()
        self.arrived.set()

    def _on_hello(self, flags, fields):
        if fields.take(4) != b"LSP1" or self.welcome.done():
            raise Violation("not a hello, or another one")
        self.hello = fields.fields(known=(2, 4, 6))
        self.codec = Reader(self.hello[4]).sized().decode()
        limits = Reader(self.hello.get(6, b"\0\0\0"))
        self.max_message, self.max_in_flight, max_lanes = limits.varint(), limits.varint(), limits.varint()
        self.numbers, self.slots = list(range(self.max_in_flight)), asyncio.Semaphore(self.max_in_flight)
        self.bodies = asyncio.Semaphore(max_lanes)
        self.welcome.set_result(None)

    def _on_goaway(self, flags, fields):
        self.going_away = fields.sized().decode()

    def _on_failure(self, flags, fields):
        number = fields.varint()
        failure = Failure(fields.varint(), fields.varint(), fields.sized().decode())
        self._finish(number, failure, self.heads if flags & AFTER_PUSHES else 0)

    def _on_response(self, flags, fields):
        number, after = fields.varint(), self.heads if flags & AFTER_PUSHES else 0

        def arrived(value, metadata):
            if isinstance(value, Gap):
                self._finish(number, Failure(1, RAN, "the answer's body will not come"), after)
            else:
                self._finish(number, ApplicationError(value) if flags & APPLICATION_ERROR else Answer(value, metadata), after)
        self._expect(flags, fields, arrived)

    def _on_push(self, flags, fields):
        path, slot = fields.sized().decode(), []
        self._hold(slot)
        self._expect(flags, fields, lambda value, metadata: slot.append(
            value if isinstance(value, Gap) else Push(path, value, metadata)))
        self._deliver()

    def _on_gap(self, flags, fields):
        self._hold([Gap(fields.varint(), fields.varint())])
        self._deliver()

    def _expect(self, flags, fields, arrived):
        """Hands `arrived` the value of a body, now or when it has come; a gap if it cannot be had. [Lanes and bodies]"""
        found = Reader(fields.sized()).fields(known=(2, 4, 6)) if flags & FIELDS else {}
        metadata = Reader(found.get(wire.METADATA, b"")).metadata()
        codec = found[wire.CODEC].decode() if wire.CODEC in found else self.codec

        def whole(data):
            try:
                arrived(data if isinstance(data, Gap) else wire.CODECS[codec][1](data), metadata)
            except (KeyError, ValueError):
                arrived(Gap(1, 1), metadata)
        if wire.BODY_PLACE not in found:
            return whole(fields.rest())
        place = Reader(found[wire.BODY_PLACE])
        body = self.lanes.setdefault(place.varint(), Body())
        body.length, body.whole = place.varint(), whole
        if body.length > MAX_MESSAGE:
            whole(Gap(1, 0))
            body.whole = lambda _: None
        self._settle()

    def _on_body(self, lane, piece, last):
        body = self.lanes.setdefault(lane, Body())
        body.lost = piece is None
        body.data += piece or b""
        body.ended = last
        if len(body.data) > (MAX_MESSAGE if body.length is None else body.length) or len(self.lanes) > 2 * MAX_LANES:
            raise Violation("more bytes or lanes than agreed")
        if last:
            self._settle()

    def _settle(self):
        """Ends the bodies that have come to their end, and of which the head has come too."""
        for lane, body in [(lane, body) for lane, body in self.lanes.items() if body.ended and body.whole]:
            del self.lanes[lane]
            if not body.lost and len(body.data) < body.length:
                raise Violation("a body is shorter than its head says")
            body.whole(Gap(1, 3) if body.lost else bytes(body.data))
            self._deliver()

    def _hold(self, slot):
        """Keeps the place of a push or gap, which arrives in `slot`. [Pushes]"""
        self.ordered.append(slot)
        self.heads += 1
        if len(self.ordered) > MAX_HELD and not self.ordered[0]:
            self.ordered[0].append(Gap(1, 2))

    def _finish(self, number, outcome, after=0):
        """Frees a call's number. Its outcome waits for the `after` pushes that came before it."""
        if number not in self.calls:
            raise Violation(f"an answer to call {number}, which waits for none")
        self.answers.append((after, self.calls.pop(number), outcome))
        heapq.heappush(self.numbers, number)
        self.slots.release()
        self._deliver()

    def _deliver(self):
        while self.ordered and self.ordered[0]:
            self.inbox.append(self.ordered.popleft()[0])
            self.delivered += 1
            if len(self.inbox) > MAX_HELD:
                lost = self.inbox.popleft()
                self.missed += lost.count if isinstance(lost, Gap) else 1
        self.arrived.set()
        for _, answer, outcome in [entry for entry in self.answers if entry[0] <= self.delivered]:
            if not answer.done():  # else the caller has given up
                answer.set_result(outcome)
        self.answers = [entry for entry in self.answers if entry[0] > self.delivered]
