"""Secrets hide themselves, and are masked by value, whole or in part, in each form in which they appear."""

import base64
import json
import pickle
import string
import textwrap
from random import Random
from urllib.parse import quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from leaks import encodings, pieces, spellings, telling, unusual_spellings, urlsafe

from dcrproof.core.secrets.forms import forms_of
from dcrproof.core.secrets.index import Secrets
from dcrproof.core.secrets.own_words import is_own
from dcrproof.core.secrets.secret import SHORTEST, Secret, basic

CHARACTERS = st.characters(exclude_categories=["Cs"])
WEAK = set("0123456789abcdefABCDEF-_")


def is_ordinary(value: str) -> bool:
    shown = set(filter(str.isprintable, value)) - set("<>&")  # escapes of the others are everywhere
    return (
        bool(shown) and "secret" not in value and not WEAK.issuperset(value) and not any(map(is_own, forms_of(value)))
    )


VALUES = st.text(CHARACTERS, min_size=SHORTEST, max_size=60).filter(is_ordinary)
TOKENS = st.from_regex(r"[A-Za-z0-9_.~+/=-]{8,90}", fullmatch=True).filter(is_ordinary)
IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":"), min_size=1, max_size=20)


@given(VALUES)
def test_a_secret_never_shows_itself_unasked(value):
    secret = Secret(value)
    shown = f"{secret} {secret!r} {secret:>40} {[secret]} {{'a': {secret}}}"
    assert secret.fingerprint in shown
    assert value not in shown.replace(secret.fingerprint, "")
    assert secret.reveal() == value


def test_a_secret_does_not_leave_the_process_in_plain():
    with pytest.raises(TypeError, match="plain"):
        pickle.dumps(Secret("a secret value"))


def test_secrets_compare_by_value():
    assert Secret("the same value") == Secret("the same value")
    assert Secret("the same value") != Secret("another value")
    assert len({Secret("the same value"), Secret("the same value")}) == 1


@given(VALUES | TOKENS)
def test_each_spelling_of_a_secret_gives_way_to_its_fingerprint(value):
    # escapes of other characters are ordinary: a text with none but these is not read with its escapes undone
    assume(any("0" <= character <= "z" for character in value))
    secrets = Secrets()
    fingerprint = repr(secrets.know(value))
    for name, form in (spellings(value) | unusual_spellings(value)).items():
        assume("¦" not in value)
        assert secrets.mask(f"¦{form}¦") == f"¦{fingerprint}¦", name


ESCAPES = (
    "{sign}",
    "&#{code};",
    "&#x{code:x};",
    "&#X{code:04X};",
    "&amp;#{code};",
    "&amp;amp;#x{code:X};",
    r"\u{code:04x}",
    r"\u{code:04X}",
    r"\\u{code:04X}",
    r"\x{code:02x}",
    r"\U{code:08x}",
    r"\u{{{code:x}}}",
    "%{code:02X}",
    "%{code:02x}",
    "%25{code:02X}",
    "%2525{code:02x}",
    r"\u0026#{code};",
    r"%5Cu{code:04x}",
)


def escaped(value, data):
    """A value in which any character may be escaped in any way, with what each has become."""
    return [data.draw(st.sampled_from(ESCAPES)).format(sign=sign, code=ord(sign)) for sign in value]


@given(TOKENS, st.data())
def test_a_secret_is_masked_whichever_of_its_characters_are_escaped_and_how(value, data):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value))
    form = "".join(escaped(value, data))
    assert secrets.mask(f"¦{form}¦") == f"¦{fingerprint}¦"
    assert [*map(len, secrets.search([f"{'-' * 400}{form}", "nothing"]))] == [1, 0]


@given(TOKENS, st.data())
def test_eight_characters_of_a_secret_are_masked_however_they_are_escaped(value, data):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value))
    form = escaped(value, data)
    start = data.draw(st.integers(0, len(value) - SHORTEST))
    end = data.draw(st.integers(start + SHORTEST, len(value)))
    assume(not is_own(value[start:end], SHORTEST))  # a number of eight digits may be a date, and a rule is nobody's
    assert secrets.mask(f"¦{''.join(form[start:end])}¦") == f"¦{fingerprint}¦"


@given(TOKENS, st.data(), st.integers(2, 7), st.sampled_from(["\n", "\n    ", r"\n", "\nE       "]))
def test_an_escaped_secret_that_was_broken_into_lines_is_masked(value, data, width, line_break):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value))
    form = escaped(value, data)
    lines = ["".join(form[at : at + width]) for at in range(0, len(form), width)]
    assume(len(lines) > 1 and not any(line[0] in "-+" for line in lines))
    assume(any(part != sign for part, sign in zip(form, value, strict=True)))
    assert secrets.mask(f"¦{line_break.join(lines)}¦") == f"¦{fingerprint}¦"


LONG_ONES = st.builds(
    lambda seed, size: "".join(Random(seed).choices(string.ascii_letters + string.digits + "-_.~+/", k=size)),
    st.integers(0, 1 << 32),
    st.integers(300, 2_000),
)


@given(LONG_ONES, st.integers(0, 5), st.booleans(), st.sampled_from([0, 76, 64]))
def test_a_long_secret_is_masked_in_base64_wherever_it_begins(value, before, for_addresses, width):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value))
    form = base64.b64encode(b"#" * before + value.encode() + b"##").decode()
    form = urlsafe(form) if for_addresses else form
    shown = "\n".join(textwrap.wrap(form, width)) if width else form
    masked = secrets.mask(f"¦{shown}¦")
    assert fingerprint in masked
    assert len(masked) <= len(fingerprint) + 16
    assert [*map(len, secrets.search([form, urlsafe(form[7:])]))] == [1, 1]


@given(LONG_ONES, st.sampled_from([str.lower, str.upper]), st.integers(0, 3), st.sampled_from([0, 76, 65]))
def test_a_long_secret_is_masked_in_hexadecimal(value, case, before, width):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value))
    form = case("0" * before + value.encode().hex())
    masked = secrets.mask("\n".join(textwrap.wrap(form, width)) if width else form)
    assert fingerprint in masked
    assert len(masked) <= len(fingerprint) + 8
    assert [*map(len, secrets.search([form]))] == [1]


@given(st.integers(0, 1 << 32), st.integers(20, 200), st.integers(0, 2), st.booleans())
def test_a_secret_is_masked_in_base64_within_base64(seed, size, before, for_addresses):
    """As Kubernetes keeps the credentials of a registry."""
    secrets = Secrets()
    value = "".join(Random(seed).choices(string.ascii_letters + string.digits, k=size))
    fingerprint = repr(secrets.know(value, "client"))
    document = json.dumps({"auths": {"registry.example": {"username": "client", "auth": basic("client", value)}}})
    form = base64.b64encode(b" " * before + document.encode()).decode()
    form = urlsafe(form) if for_addresses else form
    assert fingerprint in (masked := secrets.mask(form))
    assert len(masked) < len(form) - size
    assert [*map(len, secrets.search([form]))] == [1]


@given(LONG_ONES, st.data())
def test_what_a_message_keeps_of_a_long_secret_in_base64_is_masked(value, data):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value))
    form = base64.b64encode(value.encode()).decode().rstrip("=")
    start = data.draw(st.integers(0, len(form) - 118))
    masked = secrets.mask(f"'{form[start : start + 118]}...'")
    assert fingerprint in masked
    assert len(masked) < len(fingerprint) + 16


@given(TOKENS, IDS)
def test_credentials_in_base64_are_replaced_by_the_fingerprint(value, client_id):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value, client_id))
    for name, form in encodings(value, client_id).items():
        masked = secrets.mask(f"¦{form}¦")
        assert fingerprint in masked, name
        if name.startswith("Basic"):
            assert masked.replace("=", "") == f"¦{fingerprint}¦", name


@given(VALUES | TOKENS, st.sampled_from(["c", "the client's", "0a6cfb8e-5d5e-4d0c-a6a4-0d6b0a9c1f11"]), st.data())
def test_no_eight_characters_of_a_form_remain_of_a_piece_that_was_cut_out(value, client_id, data):
    secrets = Secrets()
    secrets.know(value, client_id)
    known = encodings(value, client_id)
    name, form = data.draw(st.sampled_from(sorted((spellings(value) | known).items())))
    start = data.draw(st.integers(0, len(form) - SHORTEST))
    end = data.draw(st.integers(start + SHORTEST, len(form)))
    masked = secrets.mask(f"({form[start:end]}...)")
    secret = secret_characters(name, form, value, client_id)
    assert not [piece for piece in pieces(form[start:end]) if piece in masked and piece in secret]


def secret_characters(name: str, form: str, value: str, client_id: str) -> set[str]:
    """The pieces of a form that show a part of the secret, and not only of what is next to it."""
    of_client = {
        piece
        for id, secret in ((client_id, value), (quote_plus(client_id), quote_plus(value)))
        for pair in (basic(id, secret), urlsafe(basic(id, secret)))
        for piece in pieces(pair[: (len(id.encode()) + 1) * 8 // 6 + SHORTEST - 1])
    }
    found = pieces(telling(name, form, value).rstrip("=")) - of_client - pieces(client_id)
    if WEAK.issuperset(form):
        found = set()  # in hexadecimal: any id may contain as many
    return {piece for piece in found if not is_own(piece, SHORTEST)}


@example("0012G00000000000", 24, "\n")
@given(
    TOKENS,
    st.integers(1, 40),
    st.sampled_from(["\n", "\r\n", "\n    ", "\\n", "\\r\\n", "'\n  '", "\nE       ", "\x1b[33m"]),
)
def test_a_secret_that_was_broken_into_lines_is_masked(value, width, line_break):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value, "client"))
    for form in (value, basic("client", value).rstrip("=")):
        lines = textwrap.wrap(form, width)
        assume("".join(lines) == form and not any(line[:1] in {"-", "+"} for line in lines))
        masked = secrets.mask(f"({line_break.join(lines)})")
        before, _, after = masked.partition(fingerprint)
        assert after == ")"
        assert before == "(" or (
            form != value and form.startswith(before[1:]) and basic("client", "").startswith(before[1:8])
        )


@given(st.lists(st.tuples(VALUES | TOKENS, IDS), max_size=5), st.text('0123456789 .,:;\n\\"{}[]#', max_size=300))
def test_a_text_without_secrets_is_left_as_it_is(known, text):
    secrets = Secrets()
    for value, client_id in known:
        assume(not set("abcdefghijklmnopqrstuvwxyz").isdisjoint(value[:SHORTEST]))
        secrets.know(value, client_id)
    forms = {form for value, client_id in known for form in (spellings(value) | encodings(value, client_id)).values()}
    assume(not any(piece in text for form in forms for piece in pieces(form)))
    assert secrets.mask(text) == text


@given(
    st.lists(VALUES | TOKENS, min_size=1, max_size=4), st.lists(st.text(CHARACTERS, max_size=20), max_size=6), st.data()
)
def test_masking_is_idempotent(values, texts, data):
    secrets = Secrets()
    for value in values:
        secrets.know(value)
    forms = [form for value in values for form in spellings(value).values()]
    parts = data.draw(st.permutations([*texts, *data.draw(st.lists(st.sampled_from(forms), max_size=5))]))
    masked = secrets.mask(" ".join(parts))
    assert secrets.mask(masked) == masked
    assert secrets.find(masked) == []


@given(st.text(max_size=SHORTEST - 1))
def test_what_is_too_short_to_be_masked_safely_is_left_alone(value):
    secrets = Secrets()
    secrets.know(value)
    assert secrets.mask("an ordinary sentence") == "an ordinary sentence"


def test_a_longer_secret_is_masked_before_a_shorter_one_in_it():
    secrets = Secrets()
    shorter = repr(secrets.know("abcdefgh"))
    longer = repr(secrets.know("abcdefgh-and-more"))
    assert secrets.mask("abcdefgh-and-more and abcdefgh, too") == f"{longer} and {shorter}, too"


def test_adjacent_secrets_have_a_fingerprint_each():
    secrets = Secrets()
    one, other = repr(secrets.know("the-first-of-them")), repr(secrets.know("another-altogether"))
    assert secrets.mask("the-first-of-themanother-altogether") == one + other


def test_a_public_piece_is_left_alone_by_itself():
    secrets = Secrets()
    secrets.publish("https://idsvr.example.com/oauth", "Password", "client-17")
    password = repr(secrets.know("Password-of-idsvr.example.com!", "client-17"))
    text = "Password at https://idsvr.example.com/oauth, of client-17"
    assert secrets.mask(text) == text
    assert secrets.mask("with Password-of-idsvr.example.com! it works") == f"with {password} it works"
    assert secrets.mask("with Password-of-ids...") == f"with {password}..."


def test_a_client_id_is_public_in_base64_as_well():
    secrets = Secrets()
    secrets.know("Yf7P0Xl9PvY48Nm3UHrx2UeY86d2QGbW", "0a6cfb8e-5d5e-4d0c-a6a4-0d6b0a9c1f11")
    for pair in (b"0a6cfb8e-5d5e-4d0c-a6a4-0d6b0a9c1f11", b"0a6cfb8e-5d5e-4d0c-a6a4-0d6b0a9c1f11:Yf7 is another"):
        text = base64.b64encode(pair).decode()
        assert secrets.mask(text) == text


def test_a_client_id_before_another_secret_is_not_found():
    secrets = Secrets()
    secrets.know("Yf7P0Xl9PvY48Nm3UHrx2UeY86d2QGbW", "0a6cfb8e-5d5e-4d0c-a6a4-0d6b0a9c1f11")
    other = basic("0a6cfb8e-5d5e-4d0c-a6a4-0d6b0a9c1f11", "Yf is another")
    assert list(secrets.search([other])) == [[]]


def test_a_leak_of_other_than_ascii_is_found():
    secrets = Secrets()
    secret = secrets.know("длинный-пароль-из-многих-букв")
    (found,) = next(iter(secrets.search([f"there: {secret.reveal()}!"])))
    assert found == (7, 7 + len(secret.reveal()), repr(secret))


def test_a_find_has_the_place_and_not_the_value():
    secrets = Secrets()
    secret = secrets.know("Yf7P0Xl9PvY48Nm3UHrx2UeY86d2QGbW")
    found = secrets.find(f"line\n{secret.reveal()[:20]}, and more")
    assert found == [(5, 25, repr(secret))]


HEADER, CLAIMS, OF_TOKEN = (
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"RS256"}', b'{"sub":"a","scope":"orders"}', b"the signature of this token, which is long")
)


@pytest.mark.parametrize("kept", [1, 8, 30, len(OF_TOKEN)])
@pytest.mark.parametrize("before", ["", "...", "Bearer ", "token=", "\\n", "%20"])
def test_a_jwt_keeps_header_and_claims_and_loses_its_signature(kept, before):
    token = f"{before}{HEADER}.{CLAIMS}.{OF_TOKEN[:kept]}"
    assert Secrets().mask(f"{token} {token}...") == " ".join(
        [f"{before}{HEADER}.{CLAIMS}.<signature>", f"{before}{HEADER}.{CLAIMS}.<signature>..."]
    )


def test_a_piece_of_the_signature_of_a_known_jwt_is_masked():
    secrets = Secrets()
    token = repr(secrets.know(f"{HEADER}.{CLAIMS}.{OF_TOKEN}"))
    assert secrets.mask(f"{HEADER}.{CLAIMS}.{OF_TOKEN}") == f"{HEADER}.{CLAIMS}.{token}"
    assert secrets.mask(f"'{HEADER[:12]}...{OF_TOKEN[9:]}'") == f"'{HEADER[:12]}...{token}'"
    assert secrets.mask(f"{HEADER}.{CLAIMS}") == f"{HEADER}.{CLAIMS}"


def test_of_an_encrypted_token_only_the_header_is_public():
    secrets = Secrets()
    token = repr(secrets.know(f"{HEADER}.{OF_TOKEN}.AAAAAAAA.{OF_TOKEN[5:]}.BBBBBBBB"))
    assert secrets.mask(f"{HEADER}.{OF_TOKEN}.AAAAAAAA.{OF_TOKEN[5:]}.BBBBBBBB") == f"{HEADER}.{token}"


@given(IDS, st.text(CHARACTERS))
def test_basic_credentials_are_those_of_rfc_7617(client_id, secret):
    assert base64.b64decode(basic(client_id, secret)).decode() == f"{client_id}:{secret}"


def test_a_few_characters_of_a_uuid_are_left_alone():
    secrets = Secrets()
    token = repr(secrets.know("_0XBPWQQ_fa718628-3fda-4f57-863f-46a422531820"))
    other = "another one: 11718628-3fda-4000-8000-000000000000, fa718628"
    assert secrets.mask(other) == other
    assert secrets.mask("beginning _0XBPWQQ_") == "beginning _0XBPWQQ_"
    assert secrets.mask("(_0XBPWQQ_fa718628-3fda-4f57-863f-46a422531820)") == f"({token})"
    assert secrets.mask("(_0XBPWQQ_fa718628-...4f57-863f-46a422531820)") == f"({token}...{token})"


def test_a_secret_in_the_claims_of_a_jwt_is_masked_and_so_is_its_signature():
    secrets = Secrets()
    secret = repr(secrets.know("Yf7P0Xl9PvY48Nm3UHrx2UeY86d2QGbW"))
    claims = base64.urlsafe_b64encode(b'{"secret":"Yf7P0Xl9PvY48Nm3UHrx2UeY86d2QGbW","a":1}').rstrip(b"=").decode()
    masked = secrets.mask(f"{HEADER}.{claims}.{OF_TOKEN}")
    assert secret in masked
    assert masked.endswith(".<signature>")
