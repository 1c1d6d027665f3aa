"""Authorization servers of others, written in Python, on a free loopback port: configured as an operator would.

    python authorization_servers.py django-oauth-toolkit [--ready] | canaille

Registration is open. With `--ready` the access tokens of django-oauth-toolkit are JWTs, by its setting for that; else they
are random text, as canaille's are in every configuration. Standard output has three lines: the issuer, once connections are
accepted; then, when SIGTERM stops the server, the number of registered clients left.
"""

import argparse
import json
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_urlsafe
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from joserfc import jwt
from joserfc.jwk import RSAKey

LIFETIME = 300
KEY = RSAKey.generate_key(2048, auto_kid=True)
urlpatterns: list[Any] = []
"""What Django serves; its views are imported only once it is set up."""


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


def django_oauth_toolkit(origin: str, folder: Path, *, ready: bool) -> tuple[str, Any, Callable[[], int]]:
    """The issuer, the application, and what counts the clients that were registered."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import JsonResponse
    from django.urls import include, path

    issuer = f"{origin}/o"

    def access_token(request: Any, refresh_token: object = None) -> str:
        """A JWT with the claims of RFC 9068 2.2 that a gateway looks at."""
        now = int(time.time())
        claims = {
            "iss": issuer,
            "sub": request.client.client_id,
            "aud": "accounts",
            "exp": now + LIFETIME,
            "iat": now,
            "jti": token_urlsafe(),
            "client_id": request.client.client_id,
            "scope": " ".join(request.scopes or ()),
        }
        # the key id under which it publishes the key: its RFC 7638 thumbprint
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": KEY.thumbprint()}, claims, KEY)

    def both_documents(request: Any) -> JsonResponse:
        """The metadata of RFC 8414, which name more endpoints, with those of Discovery 1.0."""
        from oauth2_provider.views import ConnectDiscoveryInfoView, OAuthServerMetadataView

        views = (OAuthServerMetadataView, ConnectDiscoveryInfoView)
        documents = [json.loads(view.as_view()(request).content) for view in views]
        return JsonResponse(documents[0] | documents[1])

    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "clients.sqlite"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            *(f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions")),
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": LIFETIME,
            "ACCESS_TOKEN_GENERATOR": access_token if ready else None,
            "DCR_ENABLED": True,
            "DCR_REGISTRATION_PERMISSION_CLASSES": ("oauth2_provider.dcr.AllowAllDCRPermission",),
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": KEY.as_pem(private=True).decode(),
            "SCOPES": {"openid": "OpenID Connect"},
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # quick, for secrets of a test
        ROOT_URLCONF=__name__,
        SECRET_KEY=token_urlsafe(),
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    if ready:
        urlpatterns.append(path("o/.well-known/openid-configuration", both_documents))
    urlpatterns.append(path("o/", include("oauth2_provider.urls")))
    from oauth2_provider.models import get_application_model

    return issuer, get_wsgi_application(), get_application_model().objects.count


def canaille(origin: str, folder: Path) -> tuple[str, Any, Callable[[], int]]:
    """The same of canaille, whose clients are in memory."""
    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend

    app = create_app(
        {
            "SECRET_KEY": token_urlsafe(),
            "SERVER_NAME": origin.removeprefix("http://"),
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory"},
            "CANAILLE_OIDC": {
                "ACTIVE_JWKS": [KEY.as_dict(private=True)],
                "DYNAMIC_CLIENT_REGISTRATION_OPEN": True,
            },
        }
    )

    def left() -> int:
        with app.app_context():
            return len(Backend.instance.query(models.Client))

    return origin, app, left


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=["django-oauth-toolkit", "canaille"])
    parser.add_argument("--ready", action="store_true")
    options = parser.parse_args()
    server = Server(("127.0.0.1", 0), WSGIRequestHandler)
    origin = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as name:
        if options.server == "canaille":
            issuer, application, left = canaille(origin, Path(name))
        else:
            issuer, application, left = django_oauth_toolkit(origin, Path(name), ready=options.ready)
        server.set_app(application)
        print(issuer, flush=True)

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, stop)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(f"clients left: {left()}")


if __name__ == "__main__":
    main()
