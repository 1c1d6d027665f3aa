"""Secrets as a type of their own, and the register by which they are masked in everything that is written.

A secret is masked by value, in each form in which it can appear, whole or in part: `Secrets` says how.
"""

import base64
import hashlib
import hmac
import html
import json
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, chain, compress, count
from struct import calcsize
from typing import Literal, NamedTuple
from urllib.parse import quote, quote_plus, unquote

SHORTEST = 8
"""Fewer characters than this cannot be masked by value without masking ordinary words."""


class Secret:
    """A value that shows itself only when asked with `reveal`; its repr is a fingerprint."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits by which two places can be matched."""
        return hashlib.sha256(self._value.encode("utf-8", "surrogatepass")).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"<secret {self.fingerprint}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled: it would leave the process in plain")


SIGNATURE = re.compile(r"(\.eyJ[\w-]+(?:<secret \w+>[\w-]*)*)\.(?!eyJ)[\w-]+")
"""The claims and the signature of a JWT, whole or cut off. Without its header: a text of many beginnings takes no longer."""
JWS = re.compile(r"(eyJ[\w-]+\.[\w-]*\.)([\w-]*)")
JWE = re.compile(r"(eyJ[\w-]+\.)([\w.-]*)")

OPAQUE = re.compile(r"_[A-Z0-9]{7}_")
"""What an opaque token of Curity begins with: the same for all."""

WEAK = re.compile(r"(?:_[A-Z0-9]{7}_)?[0-9a-fA-F-]+")
"""A secret of digits and dashes, such as a UUID: a few characters of it may stand in any other."""

BREAK = re.compile(
    r"""[\r\n\\&\#\x1b] (?:                          # first, so that a text without them is passed over quickly
            (?: (?<=[\r\n]) [\r\n]* | (?<=\\) \\* (?: r\\+ )? n | (?<=&) \#(?: 10 | xA ); )  # a new line, or as it is escaped
            (?: E(?=[ ]) )? [ \t]* (?: [-+][ ]+ )?      # what pytest puts before the lines of a message
            (?: b?['"] )?
        |   (?: (?<=\x1b) | (?<=\\) \\* (?: x1b | u001b ) | (?<=\#) x1B ) \[ [\d;]* m  # a change of colour
        )""",
    re.VERBOSE,
)
"""What can stand in the middle of a secret where it is printed over several lines, or in colours."""

ESCAPE = re.compile(
    r"""(?P<escape> [\\&%] (?:               # first, as above
            (?<=\\) (?: u[dD][89abAB][\da-fA-F]{2} \\u[dD][c-fC-F][\da-fA-F]{2} | u[\da-fA-F]{4} | x[\da-fA-F]{2} )
        |   (?<=\\) [bfnrt"'/\\]
        |   (?<=&) (?: \#\d{1,7} | \#[xX][\da-fA-F]{1,6} | [A-Za-z][A-Za-z\d]{1,30} );
        |   (?<=%) (?: [0-7][\da-fA-F] | [89a-fA-F][\da-fA-F] (?: %[89a-fA-F][\da-fA-F] )* )
        ))""",
    re.VERBOSE,
)
"""What stands for a character in JSON, in JavaScript, in HTML or in an address."""

UNUSUAL = tuple(  # each begins with what is quickly looked for
    map(
        re.compile,
        (
            r"\\(?:u00(?!3c|3e|26(?!#|\w+;))[2-7]|x[2-7])[\da-fA-F]",
            r"&(?:amp;)*(?:#(?!x27;|34;|39;)|(?!quot;|amp;|lt;|gt;|#)\w+;)",
            r"%[2-7][\da-fA-F]",
        ),
    )
)
"""Escapes that few need, and that forms are not made of: where there is one, a text is read with all escapes undone."""

_CONTROLS = dict(zip("bfnrt", "\b\f\n\r\t", strict=True))

NESTED = 3
"""How many times escapes are undone: as often as a document stands in another."""

LONGEST_IN_BASE64 = 256
"""Of longer values, signatures and sealed sessions, there are too many for forms in base64: what is base64 is decoded."""

ODD = re.compile(r"[\r\n\\&#%\x1b]")
"""What breaks and escapes begin with: where there is nothing of it a text reads in one way."""

SHORTEST_RUN = 96
LONG_RUN = re.compile(rf"(?<![\w+/-])[\w+/-]{{{SHORTEST_RUN},}}", re.ASCII)
"""What may be a value that long in base64, or what a message keeps of one that it shortens."""

_SAMPLE = 8
# Every 8th character of a text shows quickly where such a run may be: twelve of them are in it.
_SAMPLED = re.compile(r"[\w+/-]{12,}", re.ASCII)

LONG = 15
"""Characters of a piece that is no chance: that many hold 8 that begin at a multiple of 8."""

_WORD = 4
# Any 8 characters of a text hold 4 that begin at a multiple of 4: these words are looked up first, all at once.


class Found(NamedTuple):
    """A secret, or a piece of one, in a text: where it stands, and the fingerprint as it is shown."""

    start: int
    end: int
    shown: str


class Secrets:
    """All secrets that a run has been given or has received, and what it knows to be public.

    Each secret has forms: as it is, percent-encoded, escaped for JSON, HTML and Python, and in base64, by itself and
    after a client id, wherever it begins in the groups of three octets. Any 8 characters of a form are masked; so the
    pieces are masked that are left of a form that was cut. Of a JWT only the signature is a secret.

    What is escaped otherwise, or more than twice, is found as well, where eight characters of the secret are left of it;
    and in base64 a secret of any length.

    Pieces that are public as well, such as the name of a host that is part of a password, are left alone unless they
    stand beside one that is not, or are all of the secret.
    """

    def __init__(self) -> None:
        self._clients: dict[str, str | None] = {}
        self._forms: dict[str, str] = {}
        self._pieces: dict[str, str] = {}
        self._words: set[int] = set()
        self._weak: set[str] = set()
        self._public: set[str] = set()
        self._long = False

    def know(self, value: str, client_id: str | None = None) -> Secret:
        """Registers a secret, and the Basic credentials that it makes with `client_id`, which is public itself."""
        secret = Secret(value)
        if len(value) < SHORTEST or (value in self._clients and client_id in {None, self._clients[value]}):
            return secret
        self._clients[value] = client_id
        self._long = self._long or len(value) > LONGEST_IN_BASE64
        if prefix := OPAQUE.match(value):
            self.publish(prefix[0])
        forms = set(_forms(_secret_part(value)))
        if client_id:
            self.publish(client_id)
            for form, public in _pairs(client_id, _secret_part(value)):
                forms.add(form)
                self._public.update(_pieces(form[: public + SHORTEST - 1]))  # they tell of the secret too little
        for form in sorted(forms, key=len):  # of two that share a piece the longer one has it
            self._add(form, repr(secret))
        if WEAK.fullmatch(value):
            self._weak |= forms
        return secret

    def _add(self, form: str, shown: str) -> None:
        if len(form) < SHORTEST or form in self._forms:
            return
        self._forms[form] = shown
        self._pieces.update(dict.fromkeys(_pieces(form), form))
        for start in range(_WORD):
            self._words.update(_words(form[start:]))

    def publish(self, *texts: str) -> None:
        """Registers what is public, an id or an address in base64 as well: dcrproof's own texts, what the profile says."""
        for text in texts:
            for form in {text, *(_base64(text) if len(text) <= LONGEST_IN_BASE64 else ())}:
                self._public.update(_pieces(form))

    @property
    def known(self) -> list[tuple[str, str | None]]:
        """What `know` was told: the values, each with its client id."""
        return list(self._clients.items())

    def mask(self, text: str) -> str:
        """The text with each known secret replaced by its fingerprint, and each JWT without its signature."""
        done, parts = 0, []
        for start, end, shown in self.find(text):
            parts += [text[done:start], shown]
            done = end
        if parts:
            text = "".join([*parts, text[done:]])
        return SIGNATURE.sub(r"\1.<signature>", text) if ".eyJ" in text else text

    def find(self, text: str) -> list[Found]:
        """The known secrets in a text, and the pieces of them, in order; none of them overlap."""
        found = self._runs(text)
        if ODD.search(text) or len(text) >= SHORTEST_RUN:
            for reading in _readings(text, found if self._long else None):
                found += [reading.found(run) for run in self._runs(reading.text, reading.joints)]
        return _apart(found) if len(found) > 1 else found

    def search(self, texts: Iterable[str]) -> Iterator[list[Found]]:
        """What was let out into each of these texts: secrets, pieces of at least 15 characters, and signatures of JWTs.

        It is quick where there is nothing.
        """
        pieces = [piece for piece in self._pieces if piece not in self._public]
        words = set(_words("".join(pieces), "Q"))
        short = [form for form in self._forms if len(form) < LONG and not self._is_public(form)]
        clean: set[str] = set()  # runs of base64, the same in many files
        for text in texts:
            found = {Found(*match.span(), "<signature>") for match in SIGNATURE.finditer(text)}
            found.update(self._telling(text, words, short))
            runs = [run for run in _long_runs(text) if run[0] not in clean] if self._long else []
            hidden = [*_in_escapes(text), *chain.from_iterable(map(_out_of_base64, runs))]
            if any(self._telling("\0".join(reading.text for reading in hidden), words, short)):  # in one go
                for reading in hidden:
                    found.update(map(reading.found, self._telling(reading.text, words, short)))
            else:
                clean.update(run[0] for run in runs)
            yield _apart(found)

    def _telling(self, text: str, words: set[int], short: Iterable[str]) -> Iterator[Found]:
        """What `search` finds in a text as it is read; it need not look where none of these words is and no short form."""
        places = [match.start() for form in short if form in text for match in re.finditer(re.escape(form), text)]
        in_text = _words(text, "Q")
        if not words.isdisjoint(in_text):
            places += compress(count(0, 8), map(words.__contains__, in_text))
        for place in places:
            before = max(place - 2 * LONG, 0)
            window = text[before : place + 3 * LONG]
            found = self._runs(window)
            if (joined := _read(window, BREAK)) is not None:
                found += map(joined.found, self._runs(joined.text, joined.joints))
            for start, end, shown in _apart(found):
                whole = window[start:end]
                telling = [piece for piece in _pieces(whole) if piece not in self._public]
                if telling and (len(telling) + SHORTEST > LONG or whole in self._forms):
                    yield Found(before + start, before + end, shown)

    def _is_public(self, form: str) -> bool:
        """Whether all of it is public: a secret that is a word of dcrproof's own is in everything that is written."""
        return self._public.issuperset(_pieces(form))

    def _runs(self, text: str, joints: Iterable[int] | None = None) -> list[Found]:
        """Secrets that stand in a text in one piece each; where `joints` are given only those that one of them is in."""
        words = _words(text)
        if joints is not None:
            near = {at for joint in joints for at in range(max(joint // _WORD - 1, 0), joint // _WORD + 2)}
            hits: Iterable[int] = [at for at in sorted(near) if at < len(words) and words[at] in self._words]
        elif self._words.isdisjoint(words):
            return []
        else:
            hits = compress(count(), map(self._words.__contains__, words))
        pieces, public = self._pieces, self._public
        runs: list[tuple[int, int, list[str]]] = []
        done = 0
        for hit in hits:
            at = hit * _WORD
            for start in range(max(at - _WORD + 1, done), at + 1):
                piece = text[start : start + SHORTEST]
                form = pieces.get(piece)
                if form is None:
                    continue
                begin, end, of = start, start + SHORTEST, [] if piece in public else [form]
                whole = start - form.index(piece)
                if text.startswith(form, whole):
                    begin, end, of = whole, whole + len(form), [form] * len(form)
                    done = end
                if runs and begin < runs[-1][1]:
                    runs[-1] = (min(runs[-1][0], begin), max(runs[-1][1], end), runs[-1][2] + of)
                else:
                    runs.append((begin, end, of))
        return [
            Found(begin, end, self._forms.get(text[begin:end]) or self._forms[max(set(of), key=of.count)])
            for begin, end, of in runs
            if of and (len(of) + SHORTEST > LONG + 1 or text[begin:end] in self._forms or not self._weak.issuperset(of))
        ]


def _words(text: str, kind: Literal["I", "Q"] = "I") -> "memoryview[int]":
    """A text in words of 4 characters, or 8 (`Q`), as numbers: they are looked up quickly. What is not ASCII is alike."""
    octets = memoryview(text.encode("ascii", "replace"))
    size = calcsize(kind)
    return octets[: len(octets) // size * size].cast(kind)


def _pieces(text: str) -> list[str]:
    return [text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1)]


def _apart(found: Iterable[Found]) -> list[Found]:
    """Finds that overlap made one."""
    apart: list[Found] = []
    for start, end, shown in sorted(found):
        if apart and start < apart[-1].end:
            before = apart[-1]
            longer = shown if end - start > before.end - before.start else before.shown
            apart[-1] = Found(before.start, max(before.end, end), longer)
        else:
            apart.append(Found(start, end, shown))
    return apart


class _Reading(NamedTuple):
    """A text as it reads without what breaks it up, or decoded."""

    text: str
    joints: list[int] | None
    """Where it was put together; None where that is everywhere."""
    origin: Callable[[int, int], tuple[int, int]]
    """The place in the text that was read of a place in this one."""

    def found(self, run: Found) -> Found:
        return Found(*self.origin(run.start, run.end), run.shown)

    def before(self, outer: "_Reading") -> "_Reading":
        """This reading of that one, as a reading of what that one is of."""
        return self._replace(origin=lambda start, end: outer.origin(*self.origin(start, end)))


def _readings(text: str, found: list[Found] | None) -> Iterator[_Reading]:
    """The ways to read a text; through base64, but for what was found, where that is given."""
    joined = _read(text, BREAK)
    if joined is not None:
        yield joined
    yield from _unescaped(text)
    if found is None or len(text) < SHORTEST_RUN:
        return
    ends = [one.end for one in found]
    for run in _long_runs(text):
        after = bisect_left(ends, run.end())
        if after == len(found) or found[after].start > run.start():
            yield from _out_of_base64(run)
    if joined is not None:
        joints = joined.joints or []
        for run in _long_runs(joined.text):
            if bisect_right(joints, run.start()) < bisect_left(joints, run.end()):  # else it is one of those above
                yield from (reading.before(joined) for reading in _out_of_base64(run))


def _read(text: str, pattern: re.Pattern[str]) -> _Reading | None:
    """A text without what the pattern finds, or with the characters that escapes stand for; None where it finds nothing."""
    if not pattern.search(text):
        return None
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    done = 0
    for match in pattern.finditer(text):
        start, character = match.start(), ""
        if match.lastgroup == "escape":
            character = _character(match[0])
        elif match[0][-1] in "'\"" and text[start - 1 : start] == match[0][-1]:
            start -= 1  # a quotation that ends, and the next one begins
        if start > done:
            parts.append(text[done:start])
            spans.append((done, start))
        if character:
            parts.append(character)
            spans.append(match.span())
        done = match.end()
    parts.append(text[done:])
    spans.append((done, len(text)))
    joints = [0]
    for part in parts[:-1]:
        joints.append(joints[-1] + len(part))

    def place(at: int) -> tuple[int, int]:
        part = bisect_right(joints, at) - 1
        begin, end = spans[part]
        as_it_was = len(parts[part]) == end - begin
        return (begin + at - joints[part], begin + at - joints[part] + 1) if as_it_was else (begin, end)

    def origin(start: int, end: int) -> tuple[int, int]:
        return place(start)[0], place(end - 1)[1]

    return _Reading("".join(parts), joints[1:], origin)


def _character(escape: str) -> str:
    """What an escape stands for."""
    if escape[:2] == "&#":
        number = int(escape[3:-1], 16) if escape[2] in "xX" else int(escape[2:-1])
        return chr(number) if number <= sys.maxunicode else ""
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] == "%":
        return unquote(escape)
    if escape[1] in "ux":
        units = bytes.fromhex(escape.replace("\\u", "").replace("\\x", "00"))
        return units.decode("utf-16-be", "surrogatepass")
    return _CONTROLS.get(escape[1], escape[1])


def _unescaped(text: str) -> Iterator[_Reading]:
    """A text with escapes undone, and once more while there are any; nothing where it has none but the usual ones."""
    if not any(pattern.search(text) for pattern in UNUSUAL):
        return
    last = None
    for _ in range(NESTED):
        reading = _read(last.text if last else text, ESCAPE)
        if reading is None:
            return
        last = reading.before(last) if last else reading
        yield last
        joined = _read(last.text, BREAK)
        if joined is not None:
            yield joined.before(last)


def _in_escapes(text: str) -> Iterator[_Reading]:
    """The parts of a text in which there are unusual escapes, with these undone; all parts in one."""
    around, spans = 4 * LONG, [(0, 0)]
    for match in sorted(chain(*(pattern.finditer(text) for pattern in UNUSUAL)), key=re.Match.start):
        begin, end = match.start() - around, match.end() + around
        spans[-1:] = [(spans[-1][0], end)] if begin <= spans[-1][1] else [spans[-1], (begin, end)]
    parts = [text[begin:end] for begin, end in spans]
    joints = [0, *accumulate(len(part) + 1 for part in parts)]

    def origin(start: int, end: int) -> tuple[int, int]:
        part = bisect_right(joints, start) - 1
        ahead = spans[part][0] - joints[part]
        return start + ahead, end + ahead

    outer = _Reading("\0".join(parts), None, origin)
    yield from (reading.before(outer) for reading in _unescaped(outer.text))


def _out_of_base64(run: re.Match[str]) -> Iterator[_Reading]:
    """A run of base64 decoded, wherever it begins in the groups of four characters."""
    standard = run[0].replace("-", "+").replace("_", "/")
    for ahead in range(4):
        octets = base64.b64decode(standard[ahead : ahead + (len(standard) - ahead) // 4 * 4])
        begin = run.start() + ahead

        def origin(start: int, end: int, begin: int = begin) -> tuple[int, int]:
            return begin + start * 8 // 6, begin - (-end * 8 // 6)

        yield _Reading(octets.decode("latin-1"), None, origin)


def _long_runs(text: str) -> Iterator[re.Match[str]]:
    for match in _SAMPLED.finditer(text[::_SAMPLE]):
        yield from LONG_RUN.finditer(text, max(match.start() - 1, 0) * _SAMPLE, (match.end() + 1) * _SAMPLE)


def jwts(text: str) -> Iterator[str]:
    """The JWTs in a text."""
    for match in SIGNATURE.finditer(text):
        start = match.start()
        while start and (text[start - 1].isalnum() or text[start - 1] in "-_"):
            start -= 1
        yield text[start : match.end()]


def _secret_part(value: str) -> str:
    """A value without what is public in it: the header and the claims of a JWT, the header of an encrypted one."""
    public = JWS.fullmatch(value) or JWE.fullmatch(value)
    return public[2] if public else value


def basic(client_id: str, secret: str) -> str:
    """The credentials of RFC 7617: base64 of `id:secret` in UTF-8."""
    return base64.b64encode(f"{client_id}:{secret}".encode()).decode()


# How a value is spelled, and by whom

UNRESERVED = re.compile(r"[\w.~-]*", re.ASCII)
"""Characters that nobody encodes or escapes (RFC 3986 2.3)."""

_PERCENT_SAFE = (
    "~",  # RFC 3986, and Python's quote
    "/~",  # the same in a path
    "!*'()~",  # JavaScript's encodeURIComponent
    "!$&'()*+,/:;=?@[]~#",  # an address that is put right, as requests and httpx do it
)


def _percent(octets: bytes) -> Iterator[str]:
    for safe in _PERCENT_SAFE:
        yield quote(octets, safe=safe)
    yield quote_plus(octets)  # RFC 6749 2.3.1: application/x-www-form-urlencoded
    yield quote_plus(octets, safe="*").replace("~", "%7E")  # the same as browsers do it


def _escaped(text: str) -> Iterator[str]:
    yield text
    for only_ascii in (True, False):
        escaped = json.dumps(text, ensure_ascii=only_ascii)[1:-1]
        yield escaped
        yield escaped.replace("/", r"\/")  # Lua, PHP
        yield escaped.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"})  # Go
    markup = html.escape(text, quote=False)
    yield markup
    yield markup.replace('"', "&quot;")  # XML
    yield markup.replace('"', "&quot;").replace("'", "&#x27;")  # Python
    yield markup.replace('"', "&#34;").replace("'", "&#39;")  # Jinja
    yield repr(text)[1:-1]
    yield repr(_octets(text))[2:-1]


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # what the environment gives may be no UTF-8


def _forms(value: str) -> Iterator[str]:
    """The forms of a secret."""
    yield value
    if not UNRESERVED.fullmatch(value):
        for encoded in set(_percent(_octets(value))):
            yield encoded
            yield re.sub("%..", lambda sign: sign[0].lower(), encoded)
        for once in set(_escaped(value)):
            yield from _escaped(once)  # a document in a document
    if len(value) <= LONGEST_IN_BASE64:
        for text in {value, quote_plus(_octets(value))}:
            yield from _base64(text)


def _base64(text: str, *, last: bool = False) -> Iterator[str]:
    """The characters of base64 that a text decides, at each alignment and in both alphabets; `last`: nothing follows."""
    octets = _octets(text)
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + octets).decode().rstrip("=")
        form = encoded[-(-before * 8 // 6) : None if last else (before + len(octets)) * 8 // 6]
        yield form
        yield form.replace("+", "-").replace("/", "_")


def _pairs(client_id: str, secret: str) -> Iterator[tuple[str, int]]:
    """Basic credentials in base64, and how many characters at their beginning are of the client id."""
    # as a caller sends them (RFC 7617), and as a client does (RFC 6749 2.3.1)
    for name, value in ((client_id, secret), (quote_plus(_octets(client_id)), quote_plus(_octets(secret)))):
        whole, public = _base64(f"{name}:{value}", last=True), _base64(f"{name}:")
        yield from zip(whole, map(len, public), strict=True)
