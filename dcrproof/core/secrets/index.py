"""All secrets that a run knows, and the search for them in everything that is written.

A secret is masked by value, in each form in which it can appear, whole or in part: `Secrets` says how.
"""

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress, count, pairwise
from struct import calcsize
from typing import Literal

from dcrproof.core.secrets.decoding import (
    BREAK,
    LONG,
    ODD,
    SHORTEST_RUN,
    Found,
    decoded,
    in_escapes,
    long_runs,
    read,
    readings,
)
from dcrproof.core.secrets.forms import LONGEST_ENCODED, SIGNATURE, base64_forms, forms_of, pair_forms, secret_part
from dcrproof.core.secrets.own_words import is_own
from dcrproof.core.secrets.secret import SHORTEST, Secret

OPAQUE = re.compile(r"_[A-Z0-9]{7}_")
"""The start of an opaque token of Curity: the same for all."""

WEAK = re.compile(r"(?:_[A-Z0-9]{7}_)?[0-9a-fA-F-]+")
"""A secret of digits and dashes, such as a UUID, or one in hexadecimal: a few characters of it may occur in any other."""

FEW_WORDS = 8
MOST_OFFSETS = 64

_WORD = 4
# Any 8 characters of a text hold 4 that begin at a multiple of 4: these words are looked up first, all at once.


class Secrets:
    """All secrets that a run has been given or has received, and what it knows to be public.

    Each secret has forms: as it is, percent-encoded, escaped for JSON, HTML and Python, in hexadecimal, and in base64, by
    itself and after a client id, at each alignment. Any 8 characters of a form are masked, so that the pieces of a form that was
    cut are masked as well. Of a JWT only the signature is a secret.

    Other escapes, and more than two levels of them, are found as well, if eight characters of the secret are left; and
    in base64 and hexadecimal a secret of any length.

    Pieces that are also public, such as a host name that is part of a password, are left alone unless they are next to
    a piece that is not, or are the whole secret. So are pieces that dcrproof may write by itself; a value that consists
    of its own words is not taken for a secret at all.
    """

    def __init__(self) -> None:
        self._clients: dict[str, str | None] = {}
        self._forms: dict[str, str] = {}
        self._pieces: dict[str, str] = {}
        self._shared: dict[str, list[str]] = {}
        """The other forms that have a piece, too."""
        self._words: set[int] = set()
        self._weak: set[str] = set()
        self._public: set[str] = set()
        self._own_forms: dict[str, bool] = {}
        self._own_pieces: dict[str, bool] = {}
        """What was found, and whether dcrproof may write it by itself."""
        self.never_masked: set[str] = set()
        """The values given to `know` that consist of dcrproof's own words."""

    def know(self, value: str, client_id: str | None = None) -> Secret:
        """Registers a secret, and its Basic credentials with `client_id`, which is public."""
        secret = Secret(value)
        known = value in self._clients and client_id in {None, self._clients[value]}
        if known or len(value) < SHORTEST:
            return secret
        if len(value) <= LONGEST_ENCODED and is_own(value):
            self.never_masked.add(value)
            return secret
        self._clients[value] = client_id
        if prefix := OPAQUE.match(value):
            self.publish(prefix[0])
        forms = set(forms_of(secret_part(value)))
        if client_id:
            self.publish(client_id)
            for form, public in pair_forms(client_id, secret_part(value)):
                forms.add(form)
                self._public.update(_pieces(form[: public + SHORTEST - 1]))  # they show too little of the secret
        for form in sorted(forms, key=len):  # a piece that two forms share belongs to the longer one
            self._add(form, repr(secret))
        self._weak |= forms if WEAK.fullmatch(value) else {*filter(WEAK.fullmatch, forms)}
        return secret

    def _add(self, form: str, shown: str) -> None:
        if len(form) < SHORTEST or form in self._forms:
            return
        self._forms[form] = shown
        pieces = dict.fromkeys(_pieces(form), form)
        if not self._pieces.keys().isdisjoint(pieces):
            for piece in self._pieces.keys() & pieces.keys():
                self._shared.setdefault(piece, []).append(self._pieces[piece])
        self._pieces.update(pieces)
        for start in range(_WORD):
            self._words.update(_words(form[start:]))

    def publish(self, *texts: str) -> None:
        """Registers what is public, in base64 as well: ids and addresses of the profile."""
        for text in texts:
            for form in {text, *(base64_forms(text) if len(text) <= LONGEST_ENCODED else ())}:
                self._public.update(_pieces(form))

    @property
    def known(self) -> list[tuple[str, str | None]]:
        """The values given to `know`, each with its client id."""
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
        """The known secrets in a text, and pieces of them, in order and without overlap."""
        found = self._runs(text)
        if ODD.search(text) or len(text) >= SHORTEST_RUN:
            for reading in readings(text, found):
                found += map(reading.found, self._runs(reading.text, reading.joints, breaks=reading.breaks))
        return _apart(found) if len(found) > 1 else found

    def search(self, texts: Iterable[str]) -> Iterator[list[Found]]:
        """The leaks in each of these texts: secrets, pieces of at least 15 characters, and signatures of JWTs.

        It is fast for texts without any.
        """
        pieces = [piece for piece in self._pieces if piece not in self._public]
        words = set(_words("".join(pieces), "Q"))
        short = [form for form in self._forms if len(form) < LONG and not self._is_public(form)]
        clean: set[str] = set()  # runs of base64 without a leak; many files have the same ones
        for text in texts:
            found = {Found(*match.span(), "<signature>") for match in SIGNATURE.finditer(text)}
            found.update(self._telling(text, words, short))
            runs = [run for run in long_runs(text) if run[0] not in clean]
            hidden = [*in_escapes(text), *chain.from_iterable(map(decoded, runs))]
            if any(self._telling("\0".join(reading.text for reading in hidden), words, short)):  # all at once
                for reading in hidden:
                    found.update(map(reading.found, self._telling(reading.text, words, short)))
            else:
                clean.update(run[0] for run in runs)
            yield _apart(found)

    def _telling(self, text: str, words: set[int], short: Iterable[str]) -> Iterator[Found]:
        """What `search` finds in one reading of a text; without one of these words or short forms there is nothing."""
        places = [match.start() for form in short if form in text for match in re.finditer(re.escape(form), text)]
        in_text = _words(text, "Q")
        hits = words.intersection(in_text)
        if len(hits) > FEW_WORDS:
            places += compress(count(0, 8), map(hits.__contains__, in_text))
        else:  # quicker where there are few, as in a run without leaks
            signs = [re.escape(word.to_bytes(8, sys.byteorder)) for word in hits]
            octets = text.encode("ascii", "replace") if hits else b""
            places += [match.start() for sign in signs for match in re.finditer(sign, octets)]
        for place in places:
            before = max(place - 2 * LONG, 0)
            window = text[before : place + 3 * LONG]
            found = self._runs(window)
            if (joined := read(window, BREAK)) is not None:
                found += map(joined.found, self._runs(joined.text, joined.joints, breaks=True))
            for start, end, shown in _apart(found):
                whole = window[start:end]
                telling = [piece for piece in _pieces(whole) if not self._is_public_piece(piece)]
                if (telling and len(telling) + SHORTEST > LONG) or self._is_telling(whole):
                    yield Found(before + start, before + end, shown)

    def _is_public(self, form: str) -> bool:
        """Whether all of it is public: then it may be anywhere."""
        return self._public.issuperset(_pieces(form))

    def _is_telling(self, form: str) -> bool:
        """Whether it is a whole form that stands nowhere by itself, whatever its pieces are."""
        return form in self._forms and not self._is_public(form) and not self._is_own(form, whole=True)

    def _is_public_piece(self, piece: str) -> bool:
        return piece in self._public or self._is_own(piece)

    def _is_own(self, text: str, *, whole: bool = False) -> bool:
        """Whether dcrproof may write that form or piece of a secret by itself; a number that is a `whole` one is not its own."""
        own = self._own_forms if whole else self._own_pieces
        if text not in own:
            own[text] = is_own(text) if whole else is_own(text, SHORTEST)
        return own[text]

    def _runs(self, text: str, joints: Sequence[int] | None = None, *, breaks: bool = False) -> list[Found]:
        """Secrets in a text; where `joints` are given only those across one of them, which may have been line `breaks`."""
        words = _words(text)
        if joints is not None:
            near = {at for joint in joints for at in range(max(joint // _WORD - 1, 0), joint // _WORD + 2)}
            hits: Iterable[int] = [at for at in sorted(near) if at < len(words) and words[at] in self._words]
        elif self._words.isdisjoint(words):
            return []
        else:
            hits = compress(count(), map(self._words.__contains__, words))
        pieces, broken = self._pieces, joints if breaks and joints else ()
        runs: list[tuple[int, int, list[str]]] = []
        done = 0
        for hit in hits:
            at = hit * _WORD
            for start in range(max(at - _WORD + 1, done), at + 1):
                piece = text[start : start + SHORTEST]
                longest = pieces.get(piece)
                if longest is None:
                    continue
                forms = (longest, *reversed(self._shared.get(piece, ())))  # the longest first
                for form, offset in ((one, offset) for one in forms for offset in _offsets(one, piece)):
                    begin = start - offset
                    end = begin + len(form)
                    if text.startswith(form, begin) and not self._is_own(_lines(text, begin, end, broken), whole=True):
                        of, done = [form] * len(form), end
                        break
                else:
                    begin, end = start, start + SHORTEST
                    public = piece in self._public or self._is_own(_lines(text, begin, end, broken))
                    of = [] if public else [longest]
                if runs and begin < runs[-1][1]:
                    runs[-1] = (min(runs[-1][0], begin), max(runs[-1][1], end), runs[-1][2] + of)
                else:
                    runs.append((begin, end, of))
        return [
            Found(begin, end, self._forms.get(text[begin:end]) or self._forms[max(set(of), key=of.count)])
            for begin, end, of in runs
            if (of and (len(of) + SHORTEST > LONG + 1 or not self._weak.issuperset(of)))
            or (text[begin:end] in self._forms and not self._is_own(_lines(text, begin, end, broken), whole=True))
        ]


def _words(text: str, kind: Literal["I", "Q"] = "I") -> "memoryview[int]":
    """A text in words of 4 characters, or 8 (`Q`), as numbers, for quick look-ups; other than ASCII is all the same."""
    octets = memoryview(text.encode("ascii", "replace"))
    size = calcsize(kind)
    return octets[: len(octets) // size * size].cast(kind)


def _offsets(form: str, piece: str) -> Iterator[int]:
    """Where a piece stands in its form: in a secret that repeats itself at several places, of which some are tried."""
    offset = form.find(piece)
    for _ in range(MOST_OFFSETS):
        if offset < 0:
            return
        yield offset
        offset = form.find(piece, offset + 1)


def _pieces(text: str) -> list[str]:
    return [text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1)]


def _lines(text: str, begin: int, end: int, joints: Sequence[int]) -> str:
    """A part of a text that was joined there, in lines again."""
    if not joints:
        return text[begin:end]
    inner = joints[bisect_right(joints, begin) : bisect_left(joints, end)]
    return "\n".join(text[one:other] for one, other in pairwise((begin, *inner, end)))


def _apart(found: Iterable[Found]) -> list[Found]:
    """Overlapping finds merged."""
    apart: list[Found] = []
    for start, end, shown in sorted(found):
        if apart and start < apart[-1].end:
            before = apart[-1]
            longer = shown if end - start > before.end - before.start else before.shown
            apart[-1] = Found(before.start, max(before.end, end), longer)
        else:
            apart.append(Found(start, end, shown))
    return apart
