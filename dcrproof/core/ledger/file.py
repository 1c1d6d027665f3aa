"""The file of a ledger: JSON lines that only its owner can read, one file for each run, locked while the run lives.

Its only secrets, the registration access tokens that delete clients, are encrypted with a key derived from the profile's
secrets: a copy of the file alone is useless. A torn last line, from a run that was killed while writing it, does no
harm: its request was not sent yet, or its thing is looked up.
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from filelock import FileLock, Timeout
from platformdirs import user_state_path

from dcrproof.core.files import content
from dcrproof.core.http.exchange import now
from dcrproof.core.ledger.ledger import MARK, Ledger
from dcrproof.core.profile.model import Profile
from dcrproof.core.secrets.secret import Secret

SUFFIX = ".jsonl"
LARGEST = 100_000_000


class Busy(Exception):
    """A run, or a sweep, is using the ledger."""


class Unreadable(Exception):
    """Not a ledger; the text says why."""


class Swept(Exception):
    """The ledger is gone, because nothing that it named is left."""


class Seal:
    """Encrypts with a key derived from the secrets of a profile (scrypt, RFC 7914; Fernet)."""

    def __init__(self, profile: Profile, salt: str) -> None:
        self._material = _material(profile)
        self._salt = salt

    @cached_property
    def _fernet(self) -> Fernet:
        key = hashlib.scrypt(self._material, salt=self._salt.encode(), n=2**14, r=8, p=1, dklen=32)
        return Fernet(base64.urlsafe_b64encode(key))

    def close(self, uri: str, token: Secret) -> str | None:
        """The URL and the token, encrypted; None where the profile has no secret to encrypt them with."""
        if not self._material:
            return None
        return self._fernet.encrypt(json.dumps([uri, token.reveal()]).encode()).decode()

    def open(self, sealed: str) -> tuple[str, Secret] | None:
        """The URL and the token; None where they were not encrypted with the secrets that the profile has now."""
        if not self._material:
            return None
        try:
            uri, token = json.loads(self._fernet.decrypt(sealed.encode()))
        except (InvalidToken, ValueError):
            return None
        return str(uri), Secret(str(token))


def _material(profile: Profile) -> bytes:
    """The secrets that a sweep must have as well: the registrar's, or the others where registration is open."""
    curity, konnect, portal = profile.curity, profile.konnect, profile.portal
    registrar = curity.registrar if curity else None
    own = [registrar.secret, registrar.initial_access_token] if registrar else []
    others = [konnect.token if konnect else None]
    others += [portal.password, portal.cookie] if portal else []
    found = [secret.reveal() for secret in own if secret] or [secret.reveal() for secret in others if secret]
    return json.dumps(found).encode() if found else b""


def addresses(profile: Profile) -> dict[str, str]:
    """The addresses at which things outlive a run, by party: not those of mocks that the run starts itself."""
    parties = ((name, profile.party(name)) for name in ("curity", "konnect", "portal"))
    return {
        name: party.address
        for name, party in parties
        if party is not None and (party.mocked is None or party.mocked.control is not None)
    }


def state_folder() -> Path:
    """Where ledgers are kept: the user's state folder, by the convention of the platform."""
    return user_state_path("dcrproof", appauthor=False)


def require_writable(folder: Path) -> None:
    """Creates the folder if it is missing. Raises OSError where no ledger can be written there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with TemporaryFile(dir=folder):
        pass


@contextmanager
def kept(ledger: Ledger, folder: Path, profile: Profile) -> Iterator[Path]:
    """Keeps a ledger in a file of that folder until the block ends. Raises OSError where it cannot be written.

    A ledger is removed at the end if everything in it is gone: there is nothing to sweep.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    at, salt = now(), secrets.token_hex(16)
    path = folder / f"{at:%Y%m%dT%H%M%SZ}-{ledger.mark.rpartition(' ')[2]}{SUFFIX}"
    ledger.addresses, ledger.started = addresses(profile), at.isoformat(timespec="seconds")
    ledger.seal = Seal(profile, salt).close
    first = {"ledger": 1, "mark": ledger.mark, "started": ledger.started, "salt": salt}
    unfinished = path.with_suffix(".new")  # renamed when its first line is complete
    with _locked(path):
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with _writing(ledger, path, descriptor):
                ledger.write({**first, "addresses": dict(ledger.addresses)})
                unfinished.rename(path)
                yield path
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def taken_over(path: Path, profile: Profile) -> Iterator[Ledger]:
    """A ledger that a run has left, decrypted with the profile's secrets; the block may continue to write it.

    Raises Unreadable, Busy where a run or another sweep uses it, and Swept where it is gone.
    """
    with _locked(path):
        ledger, salt = _read(path)
        seal = Seal(profile, salt)
        for entry in list(ledger.entries.values()):
            if entry.sealed:
                ledger.entries[entry.number] = replace(entry, manage=seal.open(entry.sealed))
        ledger.seal = seal.close
        with _writing(ledger, path, _opened(path)):
            ledger.write({"sweep": now().isoformat(timespec="seconds")})
            yield ledger


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND)
    except OSError as error:
        raise Unreadable(f"{path}: it cannot be written: {error.strerror}") from None


@contextmanager
def _writing(ledger: Ledger, path: Path, descriptor: int) -> Iterator[None]:
    with os.fdopen(descriptor, "ab", buffering=0) as file:

        def write(line: Mapping[str, Any]) -> None:
            octets = b"\n" + json.dumps(line).encode()  # first ends the line before, which may be torn
            while octets:
                octets = octets[file.write(octets) :]
            os.fsync(file.fileno())

        ledger.write = write
        try:
            yield
        finally:  # also where the run is stopped
            ledger.write = lambda _: None
            if not (ledger.entries or ledger.hidden or ledger.bad_lines):
                path.unlink(missing_ok=True)


def read(path: Path) -> Ledger:
    """A ledger in its present state, even if it is in use. Raises Unreadable, and Swept where it is gone."""
    return _read(path)[0]


def in_use(path: Path) -> bool:
    """Whether a run or a sweep is using the ledger."""
    try:
        with _locked(path):
            return False
    except Busy:
        return True


def _read(path: Path) -> tuple[Ledger, str]:
    """The ledger in a file, and the salt of its encryption."""
    try:
        text = content(path, LARGEST).decode("utf-8", "replace")
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            raise Swept(str(path)) from None
        raise Unreadable(f"{path}: {error.strerror}") from None
    lines = [(number, _line(line), line[0] == "{") for number, line in enumerate(text.split("\n"), 1) if line]
    first = (lines[0][1] if lines else None) or {}
    mark, held, salt, started = (first.get(key) for key in ("mark", "addresses", "salt", "started"))
    texts = [mark, salt, started, *([*held, *held.values()] if isinstance(held, dict) else [None])]
    whole = bool(held) and all(isinstance(value, str) for value in texts)
    if first.get("ledger") != 1 or not whole or not MARK.match(str(mark)):
        raise Unreadable(f"{path}: the first line is not that of a dcrproof ledger")
    ledger = Ledger(str(mark), held or {}, started=str(started))
    bad = []
    for index, (number, line, begun) in enumerate(lines[1:], 2):
        after = lines[index][1] if index < len(lines) else {"sweep": ""}
        if line is None and begun and after is not None and "sweep" in after:
            continue  # torn: the run, or a sweep, was killed while it was written
        try:
            ledger.replay(line or {})
        except ValueError:
            bad.append(number)
    ledger.bad_lines = tuple(bad)
    return ledger, str(salt)


def _line(text: str) -> dict[str, Any] | None:
    """A line as a JSON object; None where it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Locks the file beside the ledger; it is removed together with the ledger. Raises Busy, or Unreadable."""
    beside = path.with_name(path.name + ".lock")
    lock = FileLock(beside, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(str(path)) from None
    except OSError as error:
        raise Unreadable(f"{path}: its lock: {error.strerror}") from None
    try:
        yield
    finally:
        if not path.exists():
            beside.unlink(missing_ok=True)
        lock.release()
