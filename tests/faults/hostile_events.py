"""Messages as nobody should send them: good events, damaged by a seeded generator in every way we know.

They are for the stream `things` of hostile_values.py.
"""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass, replace

from tests.faults.hostile_values import (
    COST,
    DATES,
    HEADER_NAMES,
    KEYS,
    NO_JSON,
    NO_UTF8,
    NUMBERS,
    TEXTS,
    TIMES,
    TIMESTAMPS,
    TOKENS,
    WHOLE,
)

Pairs = list[tuple[str, str]]  # a key and a value, both as JSON text


@dataclass(frozen=True)
class Message:
    """What a producer sends, and what is wrong with it, in a word."""

    what: str
    value: bytes | None
    key: bytes | None = b"k"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    timestamp_ms: int = 1_714_564_800_000


class Hostile:
    """The generator: the same seed makes the same messages."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._number = 0

    def messages(self, count: int) -> list[Message]:
        makers = {
            self._good: 10, self._wrong_fields: 40, self._unknown_fields: 12, self._repeated_keys: 7,
            self._no_json: 8, self._no_utf8: 5, self._damaged_bytes: 9, self._whole: 5, self._deep: 4,
        }  # fmt: skip
        large = self._large()
        chosen = self._random.choices(list(makers), list(makers.values()), k=count - len(large))
        made = [self._envelope(message) for message in large + [make() for make in chosen]]
        self._random.shuffle(made)
        return made

    def plain(self, count: int) -> list[Message]:
        """As one producer writes them, field after field; some fields are not as they should be."""
        made = []
        for _ in range(count):
            of_18_digits = {name: str(self._random.randrange(10**18)) for name in ("count", "huge", "itemId")}
            tokens = self._tokens() | of_18_digits
            pairs = [(f'"{name}"', token) for name, token in tokens.items() if name != COST]
            if self._random.random() < 0.5:
                index = self._random.randrange(len(pairs))
                pairs[index] = (pairs[index][0], self._near(pairs[index][1]))
            made.append(Message("plain", ("{" + ",".join(map(":".join, pairs)) + "}").encode()))
        return made

    def _good(self) -> Message:
        return self._message("good", self._pairs())

    def _wrong_fields(self) -> Message:
        """Fields of another type, beyond their bounds, missing, or renamed."""
        pairs = self._pairs()
        for index in self._random.sample(range(len(pairs)), self._random.randint(1, 3)):
            pairs[index] = (pairs[index][0], self._near(pairs[index][1]))
        if self._random.random() < 0.1:
            pairs.pop(self._random.randrange(len(pairs)))
        if self._random.random() < 0.1:
            index = self._random.randrange(len(pairs))
            pairs[index] = (self._string(self._random.choice(KEYS)), pairs[index][1])
        return self._message("wrong fields", pairs)

    def _unknown_fields(self) -> Message:
        pairs = self._pairs()
        for key in self._random.sample(KEYS, self._random.randint(1, 4)):
            token = self._random.choice([self._token, self._nested])()
            pairs.insert(self._random.randint(0, len(pairs)), (self._string(key), token))
        return self._message("unknown fields", pairs)

    def _repeated_keys(self) -> Message:
        """A key twice: in the event, or in an object within it; or only nearly the same."""
        pairs = self._pairs()
        draw = self._random.random()
        if draw < 0.4:
            key = json.loads(self._random.choice(pairs)[0])
            pairs.insert(self._random.randint(0, len(pairs)), (self._string(key), self._token()))
        else:
            first = self._random.choice(KEYS)
            second = self._random.choice([first, first + "\0", first.upper(), first + " "])
            inner = f"{{{self._string(first)}:{self._token()},{self._string(second)}:{self._token()}}}"
            pairs.append(('"inner"', inner if draw < 0.7 else f"[0,{inner}]"))
        return self._message("repeated keys", pairs)

    def _no_json(self) -> Message:
        pairs = self._pairs()
        index = self._random.randrange(len(pairs))
        wrong = self._random.choice(NO_JSON)
        draw = self._random.random()
        if draw < 0.7:
            pairs[index] = (pairs[index][0], wrong)
        elif draw < 0.85:
            pairs.append(('"unknown"', f"[{self._token()},{wrong}]"))
        text = self._text(pairs)
        return Message("no JSON", (text if draw < 0.85 else text + wrong).encode())

    def _no_utf8(self) -> Message:
        value = self._text(self._pairs()).encode()
        if self._random.random() < 0.2:
            return Message("no UTF-8", value.decode().encode(self._random.choice(["utf-16", "utf-32-be"])))
        at = self._random.randint(0, len(value))
        return Message("no UTF-8", value[:at] + self._random.choice(NO_UTF8) + value[at:])

    def _damaged_bytes(self) -> Message:
        """Bytes lost, changed, or put in: what is left may even be good."""
        value = self._text(self._pairs()).encode()
        at = self._random.randrange(len(value))
        one = bytes([self._random.randrange(256)])
        damaged = [
            value[:at], value[at:], value[:at] + one + value[at + 1 :], value[:at] + one + value[at:],
            value[:at] + b"\0" + value[at:], value + one, b"\xef\xbb\xbf" + value, value + value,
            value[:at] + value[at + 1 :], value.replace(b",", b" ,\r\n\t"), b"\n " + value + b" \r\n",
            value.replace(b":", b"\x0b:"),
        ]  # fmt: skip
        return Message("damaged bytes", self._random.choice(damaged))

    def _whole(self) -> Message:
        return Message("not an event", self._random.choice([None, None, *WHOLE]))

    def _deep(self) -> Message:
        """An unknown field that is nested near the limit of 128, which the event itself is part of."""
        around = self._random.choice(["[]", "{}", "mixed"])
        return self._message(
            "nested", [*self._pairs(), ('"deep"', self._nest(self._random.randint(120, 280), around))]
        )

    def _large(self) -> list[Message]:
        million = "x" * 1_000_000
        pairs = self._pairs()
        return [
            self._message("1 MB", [*pairs[:-1], ('"select"', f'"{million}"')]),
            self._message("1 MB", [*pairs, ('"unknown"', json.dumps("\0é" * 80_000))]),
            self._message("1 MB", [*pairs, ('"unknown"', "1" * 900_000)]),
            self._message("1 MB", [*pairs[:-1], ('"amount"', "1" * 500_000 + "." + "2" * 400_000)]),
            Message("1 MB", million.encode()),
            *(
                self._message("nested", [*pairs, ('"deep"', self._nest(10_000, around))])
                for around in ("[]", "{}", "mixed")
            ),
            Message("nested", b"[" * 10_000),
        ]

    def _nest(self, depth: int, around: str) -> str:
        opened, closed = [], []
        for _ in range(depth):
            is_object = around == "{}" or (around == "mixed" and self._random.random() < 0.5)
            opened.append('{"a":' if is_object else "[")
            closed.append("}" if is_object else "]")
        return "".join(opened) + "1" + "".join(reversed(closed))

    def _envelope(self, message: Message) -> Message:
        """Another key, headers or time, sometimes."""
        draw = self._random.random()
        if draw < 0.05:
            return replace(message, key=None)
        if draw < 0.10:
            return replace(message, key=self._random.randbytes(self._random.randrange(9)))
        if draw < 0.20:
            names = self._random.choices(HEADER_NAMES, k=self._random.randint(1, 4))
            headers = tuple((name, self._random.choice([b"", b"\xff\0", b"1"])) for name in names)
            return replace(message, headers=headers)
        if draw < 0.25:
            return replace(message, timestamp_ms=self._random.choice(TIMESTAMPS))
        return message

    def _tokens(self) -> dict[str, str]:
        """A good event: the JSON text of each field, by its key."""
        pick, below = self._random.choice, self._random.randrange
        self._number += 1
        zone = pick(["Z", "z", "+02:00", "-11:30", "+05:45", "-00:00", "+14:00"])
        fraction = pick(["", f".{below(10**3):03}", f".{below(10**6):06}", f".{below(10**6):06}000"])
        return {
            "thing_id": f'"t{self._number}"',
            "amount": f"{pick(['', '-'])}{below(10**14)}.{below(10**4):04}",
            "happened": f'"20{below(10, 40)}-0{below(1, 10)}-11T10:20:30{fraction}{zone}"',
            "count": str(below(-(2**63), 2**63)),
            "small": str(below(-1000, 1000)),
            "share": f"0.{below(10**5):05}",
            "huge": str(below(10**38)),
            "price": f"{below(99_999)}.{below(1, 100):02}",
            "flag": pick(["true", "false"]),
            "born": f'"19{below(10, 100)}-1{below(3)}-2{below(10)}"',
            "opened": f'"2024-06-{below(10, 31)}T0{below(10)}:00:00"',
            "code": pick(['"ab"', '"x1"', '"abcde"', '"z99"']),
            "kind": self._string(pick(["a", "b'c", "☃"])),
            "visit": f'"{uuid.UUID(int=self._random.getrandbits(128))}"',
            "itemId": str(below(10**18, 2**63) * pick([1, -1])),
            "shippedAt": f'"2024-0{below(1, 10)}-11 23:59:59.{below(10**6):06}{zone}"',
            COST: f"{below(10**6)}.{below(10**3):03}{pick(['', '000000'])}",
            "$.remark": self._string(pick(["<b>$x: 'y'</b>", '\\"', "a:b", "${HOME}", "C:\\new"])),
            "select": self._string(pick(TEXTS)),
        }

    def _pairs(self) -> Pairs:
        """A good event, without some of the fields that it need not have."""
        pairs = self._tokens()
        for name in list(pairs)[3:]:
            draw = self._random.random()
            if draw < (0.6 if name == COST else 0.1):  # its key is never written plainly
                del pairs[name]
            elif draw < 0.15:
                pairs[name] = "null"
        in_any_way = self._random.random() < 0.2
        made = [
            (self._string(name) if in_any_way else json.dumps(name, ensure_ascii=False), token)
            for name, token in pairs.items()
        ]
        if self._random.random() < 0.3:
            self._random.shuffle(made)
        return made

    def _message(self, what: str, pairs: Pairs) -> Message:
        return Message(what, self._text(pairs).encode())

    def _text(self, pairs: Pairs) -> str:
        comma, colon = self._random.choice([(",", ":"), (", ", ": "), ("\n,\t", " :\r\n")])
        return "{" + comma.join(key + colon + value for key, value in pairs) + "}"

    def _token(self) -> str:
        draw = self._random.random()
        if draw < 0.3:
            return self._random.choice(NUMBERS)
        if draw < 0.4:
            return self._number_text()
        if draw < 0.55:
            return self._string(self._random.choice(TIMES))
        if draw < 0.65:
            return self._string(self._random.choice(DATES))
        if draw < 0.85:
            return self._string(self._random.choice(TEXTS))
        if draw < 0.9:
            return self._string(self._random.choice(NUMBERS))
        return self._random.choice(TOKENS)

    def _near(self, token: str) -> str:
        """A token in the place of this good one: mostly of the same JSON type."""
        if self._random.random() < 0.25:
            return self._token()
        if token[0] != '"':
            return self._random.choice([self._random.choice(NUMBERS), self._number_text(), token + "0"])
        if token[-2].isdigit() or token[-2] == "Z":
            return self._string(self._random.choice([*TIMES, *DATES]))
        return self._string(self._random.choice(TEXTS))

    def _number_text(self) -> str:
        """A number with long runs of zeros, so that point and exponent decide."""
        whole = self._random.choice(["0", "1" + "0" * self._random.randrange(450), "12345678901234567890"])
        fraction = self._random.choice(["", ".0", "." + "0" * self._random.randrange(450) + "1", ".12345678"])
        exponent = self._random.choice(
            ["", f"e{self._random.randint(-450, 450)}", "E-4000", "e+0", "e-00002"]
        )
        return whole + fraction + exponent

    def _nested(self) -> str:
        key = self._string(self._random.choice(KEYS))
        return self._random.choice([f"[{self._token()},{self._token()}]", f"{{{key}:{self._token()}}}"])

    def _string(self, text: str) -> str:
        """A JSON string, as one of the ways to write it."""
        draw = self._random.random()
        if draw < 0.4:
            return json.dumps(text)
        if draw < 0.9:
            return json.dumps(text, ensure_ascii=False)
        units = text.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'
