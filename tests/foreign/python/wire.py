"""The bytes of docs/wire.md: numbers, fields, frames; and what arrives. Sections of it are named in brackets."""

import json
from typing import Any, NamedTuple

import msgpack

# [Frames]
HELLO, REQUEST, RESPONSE, FAILURE, CANCEL, PUSH, GAP, BODY, PING, PONG, GOAWAY, CLOSE, RESET = (
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0F)
LANE, LAST, ABANDONED, FIELDS, ONE_WAY, AFTER_PUSHES, APPLICATION_ERROR = 0x01, 0x02, 0x04, 0x10, 0x20, 0x20, 0x40
MAX_FRAME = 65_536
DID_NOT_RUN, MAY_HAVE_RUN, RAN = 0, 1, 2  # [Calls]
METADATA, BODY_PLACE, CODEC = 2, 4, 6  # [Numbers, text, fields]

CODECS = {
    "json": (lambda value: json.dumps(value, separators=(",", ":"), allow_nan=False).encode(), json.loads),
    "messagepack": (msgpack.packb, msgpack.unpackb),
    "raw": (bytes, bytes),
}


class Answer(NamedTuple):
    value: Any
    metadata: list


class Push(NamedTuple):
    path: str
    value: Any
    metadata: list


class Gap(NamedTuple):
    count: int
    reason: int


class ApplicationError(Exception):
    """The method's own error; its value is `args[0]`."""


class Failure(Exception):
    """What the framework says instead of an answer. [Status codes]"""

    def __init__(self, code, ran, message):
        super().__init__(f"{message} (code {code})")
        self.code, self.ran = code, ran


class Closed(Exception):
    """The connection has ended. [Close codes]"""

    def __init__(self, code, reason):
        super().__init__(f"{reason} (close code {code})")
        self.code, self.status = code, None  # the status of the WebSocket, once it has ended


class Violation(Exception):
    """The server broke the protocol. [Violations]"""


class Body:
    """A body on a lane of its own, of which head and pieces come in any order. [Lanes and bodies]"""

    def __init__(self):
        self.data, self.length, self.whole = bytearray(), None, None
        self.ended = self.lost = False


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def sized(data):
    """`bytes` of the notation, or `text`."""
    data = data.encode() if isinstance(data, str) else data
    return varint(len(data)) + data


def field(tag, value):
    return varint(tag) + sized(value)


def pairs(metadata):
    return b"".join(sized(key) + sized(value) for key, value in metadata)


class Reader:
    """Takes numbers, bytes and fields from the front of a frame."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        number = 0
        for place in range(10):
            number |= (self.take(1)[0] & 0x7F) << (7 * place)
            if self.data[self.at - 1] < 0x80 and number < 1 << 64:
                return number
        raise Violation("a number has more than 64 bits")

    def take(self, length):
        self.at += length
        if self.at > len(self.data):
            raise Violation("a frame ends too early")
        return self.data[self.at - length:self.at]

    def sized(self):
        return self.take(self.varint())

    def rest(self):
        return self.take(len(self.data) - self.at)

    def fields(self, known):
        found = {}
        while self.at < len(self.data):
            tag, value = self.varint(), self.sized()
            if tag % 2 == 0 and tag not in known:
                raise Violation(f"unknown field {tag}")
            found[tag] = value
        return found

    def metadata(self):
        entries = []
        while self.at < len(self.data):
            entries.append((self.sized().decode(), self.sized()))
        return entries


def split(message):
    """The frames of a WebSocket message: kind, flags, lane, what follows. [Frames]"""
    reader = Reader(message)
    while reader.at < len(message):
        length = int.from_bytes(reader.take(2), "little")
        if length < 2 or length == 0xFFFF:
            raise Violation(f"a frame of length {length}")
        frame = Reader(reader.take(length))
        kind, flags = frame.take(2)
        yield kind, flags, frame.varint() if flags & LANE else 0, frame.rest()


def frame(kind, flags, fields, lane=0):
    content = bytes([kind, flags | LANE]) + varint(lane) + fields if lane else bytes([kind, flags]) + fields
    return len(content).to_bytes(2, "little") + content
