"""`dcrproof init`: what a mode needs, from options or from answers, and never a secret."""

import re
import tomllib
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from dcrproof.__main__ import main
from dcrproof.core.profile.reading import read

SECRET = "q8Zkw93jdk2LLxyz"
ISSUER = "https://id.example.com/oauth/v2/oauth-anonymous"
ROUTE = "https://api.example.com/accounts?page=1"
PORTAL = {"portal": "https://portal.example.com", "email": "dev@example.com", "password-env": "DEVELOPER_PASSWORD"}
KONNECT = {"konnect": "https://eu.api.konghq.com", "konnect-token-env": "KONNECT_TOKEN"}
NAMED = {"api": "accounts", "portal-name": "developers", "strategy": "curity-dcr"}
EXISTING = {"issuer": ISSUER, "route": ROUTE, "client-id": "an-id", "secret-env": "APPLICATION_SECRET"}
COMPLETE = {
    "inspect": {"issuer": ISSUER},
    "existing": EXISTING,
    "create": {"issuer": ISSUER, **KONNECT, **NAMED, **PORTAL, "route": ROUTE},
    "provision": {
        "issuer": ISSUER,
        "registrar-id": "dcr-client",
        "registrar-secret-file": "registrar secret",
        **KONNECT,
        "control-plane": "default",
        "service": "orders",
        **PORTAL,
        "route": ROUTE,
    },
}
"""For each mode options that are all it needs."""
TABLES = {
    "inspect": {"run", "curity"},
    "existing": {"run", "curity", "gateway", "application"},
    "create": {"run", "curity", "konnect", "portal", "gateway"},
    "provision": {"run", "curity", "konnect", "portal", "gateway"},
}


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Secrets in variables and in a file, and no terminal."""
    monkeypatch.chdir(tmp_path)
    for name in ("APPLICATION_SECRET", "DEVELOPER_PASSWORD", "KONNECT_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    (tmp_path / "registrar secret").write_text(SECRET + "\n")
    (tmp_path / "secret").write_text(SECRET)


def arguments(mode: str, /, **changed: str | None) -> list[str]:
    options = {"mode": mode, **COMPLETE[mode], **{name.replace("_", "-"): text for name, text in changed.items()}}
    return ["init", *(part for name, text in options.items() if text is not None for part in (f"--{name}", text))]


@pytest.fixture
def answering(monkeypatch) -> Callable[..., list[str]]:
    """Answers the questions; the list fills with them."""

    def answer(*answers: str | type[BaseException]) -> list[str]:
        left, questions = iter(answers), []

        def asked(question: str) -> str:
            questions.append(question)
            given = next(left)
            if isinstance(given, str):
                return given
            raise given

        monkeypatch.setattr("builtins.input", asked)
        monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
        return questions

    return answer


@pytest.mark.parametrize("mode", COMPLETE)
def test_options_make_a_profile_of_what_the_mode_needs(mode, tmp_path, capsys):
    assert main(arguments(mode)) == 0
    printed = capsys.readouterr().out
    written = (tmp_path / "profile.toml").read_text("utf-8")
    assert "no problems" in printed
    assert printed.endswith("dcrproof run --dcr-profile profile.toml\n")
    assert set(tomllib.loads(written)) == TABLES[mode]
    assert read(tmp_path / "profile.toml").run.mode == mode
    assert SECRET not in written
    assert all("# " in line for line in written.splitlines() if line)


OPTIONAL = {("inspect", "issuer"), ("create", "konnect-token-env"), ("provision", "registrar-id")}
NEEDED = [(mode, option) for mode, options in COMPLETE.items() for option in options if (mode, option) not in OPTIONAL]


@pytest.mark.parametrize(("mode", "option"), NEEDED)
def test_what_a_mode_needs_is_missing_by_the_name_of_its_option(mode, option, tmp_path, capsys):
    assert main(arguments(mode, **{option: None})) == 4
    assert f"--{option.removesuffix('-env').removesuffix('-file')}" in capsys.readouterr().err
    assert not (tmp_path / "profile.toml").exists()


WRONG = {
    "a near mode": (("existing", {"mode": "exsting"}), "--mode: .* did you mean 'existing'"),
    "no URL": (("existing", {"issuer": "id.example.com"}), "--issuer: expected a URL"),
    "no route": (("existing", {"route": "api.example.com/accounts"}), "--route: expected a URL"),
    "half an address": (("existing", {"route": "https://[::1/x"}), "--route: expected a URL"),
    "a path that no request has": (("existing", {"route": "https://api.example.com/a b"}), "--route: "),
    "not UTF-8": (("existing", {"client_id": "\udcff"}), "--client-id: "),
    "without TLS": (("existing", {"route": "http://api.example.com/a"}), "--plain-http"),
    "an option of another mode": (("existing", {"api": "accounts"}), "--api: not used in mode existing"),
    "a variable that is not set": (("existing", {"secret_env": "hunter2hunter2"}), "no environment variable"),
    "a file that is not there": (
        ("existing", {"secret_env": None, "secret_file": "hunter2hunter2"}),
        "--secret-file: no file",
    ),
    "the secret itself": (("existing", {"secret": "hunter2hunter2"}), "--secret: other people"),
    "another secret itself": (("create", {"password": "hunter2hunter2"}), "--password: other people"),
    "a name that is too long": (("existing", {"output": "a" * 300}), "--output a+: File name too long"),
    "a folder that is too long": (("existing", {"output": "a" * 300 + "/b"}), "there is no folder"),
    "no folder": (("existing", {"output": "nowhere/profile.toml"}), "there is no folder nowhere"),
}


@pytest.mark.parametrize(("options", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_refused_and_nothing_written(options, said, tmp_path, capsys):
    mode, changed = options
    before = sorted(tmp_path.iterdir())
    assert main(arguments(mode, **changed)) == 4
    error = capsys.readouterr().err
    assert re.search(said, error), error
    assert "hunter2" not in error
    assert sorted(tmp_path.iterdir()) == before


def test_a_profile_is_overwritten_only_by_force(tmp_path, capsys):
    (tmp_path / "profile.toml").write_text("mine")
    assert main(arguments("existing")) == 4
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "profile.toml").read_text() == "mine"
    assert main([*arguments("existing"), "--force"]) == 0


def test_each_answer_is_judged_before_the_next_question(answering, tmp_path, capsys):
    questions = answering(
        *("exsting", "existing", "", "htps://id.example.com", ISSUER, "http://api.example.com/a", ROUTE),
        *("an-id", "hunter2hunter2", "hunter2" * 100, "not/there", "secret"),
    )
    assert main(["init"]) == 0
    assert [question.partition(",")[0].partition(":")[0] for question in questions] == [
        *["Mode"] * 2,
        *["Issuer of the authorization server"] * 3,
        *["URL of the protected route"] * 2,
        "Client id of an application",
        *["Secret of the application"] * 4,
    ]
    printed = capsys.readouterr().out
    assert "did you mean 'existing'" in printed
    assert "hunter2" not in printed
    assert tomllib.loads((tmp_path / "profile.toml").read_text())["application"] == {
        "client_id": "an-id",
        "client_secret": {"file": "secret"},
    }


def test_what_an_option_says_is_not_asked(answering):
    questions = answering("")
    assert main(arguments("existing", secret_env=None)) == 0
    assert questions == ["Secret of the application, an environment variable or a file [APPLICATION_SECRET]: "]


@pytest.mark.parametrize("how", [KeyboardInterrupt, EOFError])
def test_an_interrupted_one_writes_nothing(how, answering, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    answering("existing", how)
    assert main(["init"]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_addresses_of_this_machine_need_no_tls(tmp_path):
    local = {"issuer": "http://127.0.0.1:8443/oauth", "route": "http://localhost:8000/accounts"}
    assert main(arguments("existing", **local)) == 0


def test_files_are_named_relative_to_the_profile(tmp_path):
    (tmp_path / "profiles").mkdir()
    options = arguments("existing", secret_env=None, secret_file="secret", output="profiles/it's.toml")
    assert main(options) == 0
    assert '"../secret"' in (tmp_path / "profiles" / "it's.toml").read_text()
