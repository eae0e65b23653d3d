"""Everything that a foreign client can see of a Linkspan server, checked: `scenario.py URL CODEC`.

Each check prints one line of JSON; the test that starts this script wants every one of them.
"""

import asyncio
import json
import sys
import traceback

import websockets

import wire
from client import Linkspan
from wire import ApplicationError, Closed, Failure, Gap, Push, Reader, field, pairs, sized, varint

URL, CODEC = sys.argv[1:3]
LARGE = 1 << 20
PATIENCE = 60
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def text(length):
    """As the server makes it."""
    return "".join(map(str, range(length // 3)))[:length]


async def failure(awaitable, kind=Failure):
    try:
        answer = await awaitable
    except kind as error:
        return error
    raise AssertionError(f"answered {str(answer)[:80]}, and should have failed")


async def begun(link, name, **options):
    """A call that hangs at the server, and has begun there."""
    call = asyncio.create_task(link.call("Proof/Hang", name, **options))
    await link.call("Proof/Saw", f"began {name}")
    return call


@check
async def hello(link):
    assert Reader(link.hello[2]).take(2) == b"\x01\x01" and link.codec == CODEC and len(link.hello[7]) == 16
    assert link.hello[5].decode().startswith("linkspan/"), link.hello[5]
    assert (link.max_message, link.max_in_flight) == (2 * LARGE, 4096)
    assert link.socket.subprotocol == "linkspan.1"


@check
async def the_first_common_codec_is_chosen(link):
    other = await Linkspan.connect(URL, ["unheard-of", CODEC, "postcard"])
    assert other.codec == CODEC
    await other.close()


@check
async def call(link):
    assert (await link.call("Arith/Mul", {"a": 6, "b": 7})).value == 42


@check
async def typed_error(link):
    error = await failure(link.call("Arith/Mul", {"a": 1 << 62, "b": 2}), ApplicationError)
    assert error.args[0] == "Overflow"


@check
async def values_of_every_shape(link):
    sample = {"text": "snö ☃ 𝄞", "least": -(1 << 63), "most": (1 << 64) - 1, "ratio": 0.1, "yes": True, "none": None,
              "some": 7, "list": [1, 2, 3], "pair": [1, "two"], "map": {"a": 1, "b": 2}, "unit": "Idle",
              "newtype": {"Retry": 3}, "record": {"Moved": {"x": 1, "y": -1}}, "several": {"Pair": [1, 2]}}
    sample["bytes"] = b"\x00\xff\x80" if CODEC == "messagepack" else [0, 255, 128]
    sent = sample | {"unknown": [{}]}
    del sent["none"]
    assert (await link.call("Proof/Echo", sent)).value == sample, "what is unknown is skipped, what is missing is none"


@check
async def no_argument_and_several(link):
    assert (await link.call("Proof/Nothing")).value is None
    assert (await link.call("Proof/Add", {"a": 40, "b": 2})).value == 42


@check
async def unknown_names(link):
    for path in ("Arith/Pow", "Nowhere/Mul"):
        error = await failure(link.call(path, 1))
        assert (error.code, error.ran) == (12, wire.DID_NOT_RUN), error


@check
async def unreadable_arguments(link):
    error = await failure(link.call("Arith/Mul", {"a": "six"}))
    assert (error.code, error.ran) == (3, wire.DID_NOT_RUN), error


@check
async def metadata_both_ways(link):
    answer = await link.call("Proof/Headers", metadata=[("trace", b"a1"), ("trace", b"\xff")])
    assert answer.metadata == [("trace", b"a1"), ("trace", b"\xff")]
    error = await failure(link.call("Proof/Headers", metadata=[("big", bytes(9_000))]))
    assert (error.code, error.ran) == (8, wire.DID_NOT_RUN), error


@check
async def one_way(link):
    await link.call("Proof/Note", "inline", one_way=True)
    await link.call("Proof/Saw", "noted inline")
    await link.call("Proof/Note", text(LARGE), one_way=True)
    await link.call("Proof/Saw", f"noted {text(LARGE)[:8]}")
    assert (await failure(link.call("Proof/Note", "x"))).code == 3


@check
async def deadline(link):
    left = (await link.call("Proof/Headers", timeout=50)).value
    assert 30_000 < left <= 50_000, left
    error = await failure(link.call("Proof/Hang", "late", timeout=0.1))
    assert error.code == 4, error
    await link.call("Proof/Saw", "ended late")


@check
async def cancel(link):
    call = await begun(link, "given up")
    taken = len(link.calls)
    call.cancel()
    await failure(call, asyncio.CancelledError)
    await link.call("Proof/Saw", "ended given up")
    while len(link.calls) >= taken:  # the number is free again once the answer to the cancelled call has come
        await link.call("Proof/Nothing")


@check
async def panic_of_a_handler(link):
    error = await failure(link.call("Proof/Panic"))
    assert (error.code, error.ran) == (13, wire.MAY_HAVE_RUN), error


@check
async def large_answers_at_once(link):
    lanes = set()
    link.watch = lambda kind, flags, lane, content: lanes.add(lane) if kind == wire.BODY else None
    one, two = (asyncio.create_task(link.call("Proof/Large", {"len": LARGE, "together": 2})) for _ in "12")
    assert (await link.call("Arith/Mul", {"a": 3, "b": 3})).value == 9
    assert (await one).value == (await two).value == text(LARGE)
    assert len(lanes) == 2 and all(lane % 2 == 0 for lane in lanes), lanes


@check
async def large_arguments(link):
    calls = [link.call("Proof/Measure", text(LARGE) + str(n)) for n in range(3)]
    for n, answer in enumerate(await asyncio.gather(*calls)):
        assert answer.value == {"len": LARGE + 1, "sum": sum((text(LARGE) + str(n)).encode())}


@check
async def too_large_arguments(link):
    error = await failure(link.call("Proof/Measure", text(3 * LARGE)))
    assert (error.code, error.ran) == (8, wire.DID_NOT_RUN), error


@check
async def arguments_that_are_given_up(link):
    lane, number = link.next_lane, link.numbers[0]
    link.next_lane += 2
    await link.slots.acquire()
    link.numbers.pop(0)
    answer = link.calls[number] = asyncio.get_running_loop().create_future()
    fields = field(wire.BODY_PLACE, varint(lane) + varint(LARGE))
    await link.send(wire.REQUEST, wire.FIELDS, varint(number) + varint(0) + sized("Proof/Measure") + sized(fields))
    await link.send(wire.BODY, 0, b"begun", lane)
    await link.send(wire.RESET, wire.LAST | wire.ABANDONED, b"", lane)
    await link.send(wire.CANCEL, 0, varint(number))
    outcome = await answer
    assert (outcome.code, outcome.ran) == (1, wire.DID_NOT_RUN), outcome


@check
async def a_large_answer_that_is_given_up(link):
    arriving = asyncio.Event()
    link.watch = lambda kind, *_: arriving.set() if kind == wire.BODY else None
    call = asyncio.create_task(link.call("Proof/Large", {"len": 2 * LARGE - 2, "together": 1}))
    await arriving.wait()
    call.cancel()
    await failure(call, asyncio.CancelledError)
    while link.calls or link.lanes:
        await asyncio.sleep(0)
    assert (await link.call("Proof/Large", {"len": 20_000, "together": 1})).value == text(20_000)


@check
async def a_thousand_calls_at_once(link):
    order = []

    async def one(number):
        answer = await link.call("Proof/Crowd", {"number": number, "of": 1_000})
        order.append(answer.value)
        return answer.value
    assert await asyncio.gather(*map(one, range(1_000))) == list(range(1_000))
    assert order != sorted(order), "the server answers the last ones first"


@check
async def pushes_in_order(link):
    answer = asyncio.create_task(link.call("Proof/Push", {"count": 50, "page": LARGE}))
    got = [await link.notification() for _ in range(55)]
    ticks = [Push("Ticks/Tick", n, []) for n in range(50)]
    large, raw = Push("Ticks/Page", text(LARGE), []), Push("Log/Line", b"\x00raw\xff", [("trace", b"a1")])
    assert got == [*ticks[:25], large, large, Push("Ticks/Point", {"x": 1, "y": 2}, []), raw, Gap(1, 1), *ticks[25:]]
    await answer


@check
async def no_answer_overtakes_a_push(link):
    seen = []
    link.watch = lambda kind, flags, lane, content: seen.append((kind, flags & wire.AFTER_PUSHES, lane))
    await link.call("Proof/Push", {"count": 10, "page": 100_000})
    assert len(link.inbox) == 15, "every push of the handler is here when its answer is"
    kinds = [kind for kind, _, _ in seen]
    answer = kinds.index(wire.RESPONSE)
    assert seen[answer][1] and wire.BODY in kinds[answer:], "the answer came before the end of the large pushes"
    lanes = [lane for kind, _, lane in seen if kind == wire.BODY]
    assert lanes == [lanes[0], lanes[0] + 2] * 2, lanes
    for _ in range(15):
        await link.notification()


@check
async def pushes_to_a_newcomer(link):
    other = await Linkspan.connect(URL, [CODEC], metadata=[("greet", b"yes")])
    assert await other.notification() == Push("Ticks/Tick", 7, [])
    await other.close()
    assert (await failure(other.notification(), Closed)).code == 1000


@check
async def pings_of_the_server(link):
    pings = asyncio.Queue()
    link.watch = lambda kind, *_: pings.put_nowait(1) if kind == wire.PING else None
    for _ in range(4):
        await pings.get()
    assert (await link.call("Arith/Mul", {"a": 6, "b": 7})).value == 42


@check
async def pings_of_the_client(link):
    pong = asyncio.get_running_loop().create_future()
    link.watch = lambda kind, flags, lane, content: pong.set_result(content) if kind == wire.PONG else None
    await link.send(wire.PING, 0, varint((1 << 64) - 1))
    assert await pong == varint((1 << 64) - 1)
    await (await link.socket.ping())


@check
async def what_is_ignorable_is_ignored(link):
    await link.send(0x80, 0xF7, b"whatever", lane=77)
    number = varint(link.numbers[0])
    await link.send(wire.CANCEL, 0, number + b"more")
    assert (await link.call("Arith/Mul", {"a": 2, "b": 2})).value == 4


@check
async def messages_of_any_shape(link):
    ping = wire.frame(wire.PING, 0, b"\x01")
    pongs = asyncio.Queue()
    link.watch = lambda kind, *_: pongs.put_nowait(1) if kind == wire.PONG else None
    for message in (b"", ping, [ping[:1], ping[1:3], ping[3:]], ping * 3):  # a list is sent in fragments
        await link.socket.send(message)
    for _ in range(5):
        await pongs.get()


@check
async def refusals(link):
    for code, status, options in ((1003, 4003, {"codecs": ["unheard-of"]}), (1004, 4004, {"versions": (2, 9)}),
                                  (1008, 4008, {"metadata": [("token", b"wrong")]}),
                                  (1009, 4009, {"metadata": [("big", bytes(9_000))]})):
        closed = await failure(Linkspan.connect(URL, **{"codecs": [CODEC]} | options), Closed)
        assert (closed.code, closed.status) == (code, status), (closed, closed.status)


@check
async def violations(link):
    request = wire.frame(wire.REQUEST, 0, varint(0) + varint(0) + sized("Proof/Nothing"))
    greeting = wire.frame(wire.HELLO, 0, b"LSP1" + field(2, b"\x01\x01") + field(4, sized(CODEC)) + field(6, b"\0\0\0"))
    long = wire.frame(0x80, 0, bytes(60_000))
    for message in ("text", request, wire.frame(wire.PING, 0, b"\x01"), greeting[:-2], greeting + greeting, b"\xff\xff\x01\x00",
                    greeting + wire.frame(0x33, 0, b""), greeting + wire.frame(wire.RESPONSE, 0, b"\x05null"),
                    greeting + long * 18):
        async with websockets.connect(URL, subprotocols=["linkspan.1"]) as socket:
            await socket.send(message)
            kinds = [kind async for kind in frames(socket)]
            code = 1009 if message[:2] == b"\xff\xff" or len(message) > LARGE else 1002
            assert kinds[-1] == code and socket.close_code == 4000 + code - 1000, (message[:99], kinds, socket.close_code)


async def frames(socket):
    """The kinds of frames that come until the end; instead of the last, which is CLOSE, its code."""
    try:
        async for message in socket:
            for kind, _, _, content in wire.split(message):
                yield Reader(content).varint() if kind == wire.CLOSE else kind
    except websockets.ConnectionClosed:
        pass


@check
async def doors_that_stay_shut(link):
    for status, url, options in ((403, URL, {"origin": "https://elsewhere.example"}), (404, URL + "/elsewhere", {})):
        error = await failure(websockets.connect(url, **{"subprotocols": ["linkspan.1"]} | options), websockets.InvalidStatus)
        assert error.response.status_code == status, (options, error)
    async with websockets.connect(URL, subprotocols=["other.9"]) as socket:
        assert socket.subprotocol is None, "who offers another subprotocol is admitted, with none"


@check
async def the_server_goes_away(link):
    held = await begun(link, "until the end")
    gone = asyncio.Event()
    link.watch = lambda kind, *_: gone.set() if kind == wire.GOAWAY else None
    await link.call("Proof/Leave", one_way=True)
    await gone.wait()
    await asyncio.sleep(0)
    assert (await failure(link.call("Arith/Mul", {"a": 1, "b": 1}))).ran == wire.DID_NOT_RUN
    link.going_away = None  # as if the call had crossed it
    error = await failure(link.call("Arith/Mul", {"a": 1, "b": 1}))
    assert (error.code, error.ran) == (14, wire.DID_NOT_RUN), error
    await link.call("Proof/Release", one_way=True)
    assert (await held).value is None, "a call in flight ends as if nothing were"
    closed = await failure(link.notification(), Closed)
    assert (closed.code, closed.status) == (3000, 4600), (closed, closed.status)


async def main():
    link = await Linkspan.connect(URL, [CODEC], ping_after=5)
    for function in CHECKS:
        result = {"check": function.__name__, "ok": True}
        try:
            async with asyncio.timeout(PATIENCE):
                await function(link)
        except Exception:
            result |= {"ok": False, "detail": traceback.format_exc()}
        link.watch = lambda *_: None
        print(json.dumps(result), flush=True)


asyncio.run(main())
