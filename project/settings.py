"""Settings of the demo site, read from environment variables and, if it exists, from `.env`.

`.env.development.example`, `.env.staging.example` and `.env.production.example` explain each variable.
Variables of the process take precedence over the file. `ENV_FILE` names another file, or several separated by `:`, of
which the first takes precedence; an empty `ENV_FILE=` reads none.
"""

import json
import os
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
for name in filter(None, os.environ.get("ENV_FILE", ".env").split(":")):
    environ.Env.read_env(BASE_DIR / name)


def from_json(name: str) -> dict[str, Any]:
    """Return a variable that contains a JSON object; unset or empty: an empty object."""
    text = env.str(name, default="")
    try:
        value = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        # `from None`: the cause would print the text with the tokens in DESTINATIONS.
        raise ImproperlyConfigured(f"{name} is not JSON: {error.msg} at character {error.pos}.") from None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object, such as {{}}.")
    return value


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY is empty. Start with `make demo`, or copy .env.development.example to .env; "
            "in production set SECRET_KEY to a long random string, the same for web processes and workers."
        )
    SECRET_KEY = "for-development-only-" + "0" * 40
SILENCED_SYSTEM_CHECKS = env.list("SILENCED_SYSTEM_CHECKS", default=[])
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# The public URL of the site; posts link to the page of a note with it.
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")

# Whether users can add their own destinations at /destinations/. It costs each save of a note one query.
OWN_DESTINATIONS = env.bool("OWN_DESTINATIONS", default=False)

# Cookies and redirects follow SITE_URL, so that a site on https needs no further setting.
_is_https = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=_is_https)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0)
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "syncqueue",
    "project.notes",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
ASGI_APPLICATION = "project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "project.notes.context_processors.switches",
            ],
        },
    },
]

# SQLite with several writing processes: readers never wait for the writer (WAL); a transaction takes the write lock at
# its start instead of failing half-way (IMMEDIATE), and waits for it up to `timeout` seconds.
SQLITE_OPTIONS = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"}


def database(url: str) -> dict[str, Any]:
    """Return an entry of DATABASES from a database URL."""
    config = dict(env.db_url_config(url))
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = SQLITE_OPTIONS | config.get("OPTIONS", {})
    return config


DATABASES = {"default": database(env.str("DATABASE_URL", default="") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "note-list"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "project" / "static"]
# Served by the web process: in development from the sources, otherwise from the folder of `collectstatic`.
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # httpx logs each request with its whole URL, which may contain a token.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}

REDIS_URL = env.str("REDIS_URL", default="") or "redis://127.0.0.1:6379/0"

# These variables are JSON with the names of syncqueue's settings, and override its defaults. The demo shortens the
# delays (such as SYNCQUEUE_TELEGRAM='{"BASE_DELAY_SECONDS": 2}' and SYNCQUEUE_BREAKER='{"OPEN_SECONDS": 3}', all of
# them in project/demo/) so that its story takes a minute or two; the defaults (60 and 30 seconds) are for real ones.
SYNCQUEUE: dict[str, Any] = {
    "ENABLED": env.bool("SYNCQUEUE_ENABLED", default=True),
    "REDIS": REDIS_URL,
    "KEY_PREFIX": env.str("SYNCQUEUE_KEY_PREFIX", default="sync"),
    "ENVIRONMENT": env.str("SYNCQUEUE_ENVIRONMENT", default=""),
    "API_TOKENS": env.list("SYNCQUEUE_API_TOKENS", default=[]),
    "ENCRYPTION_KEYS": env.list("SYNCQUEUE_ENCRYPTION_KEYS", default=[]),
    "ALLOWED_PRIVATE_HOSTS": env.list("SYNCQUEUE_ALLOWED_PRIVATE_HOSTS", default=[]),
    "DESTINATIONS": from_json("DESTINATIONS"),
    "IMMEDIATE": from_json("SYNCQUEUE_IMMEDIATE"),
    "PROCESSING": from_json("SYNCQUEUE_PROCESSING"),
    "BREAKER": from_json("SYNCQUEUE_BREAKER"),
    "HANDLERS": {},
}

# The enabled services. Each has a FORCE_IPV4 variable and its own figures, such as SYNCQUEUE_MASTODON.
_OPTIONS: dict[str, dict[str, Any]] = {
    # Empty: api.telegram.org.
    "telegram": {"API_BASE_URL": env.str("TELEGRAM_API_BASE_URL", default="") or None},
    "manticore": {"URL": env.str("MANTICORE_URL", default="") or None},
    # Empty: Bluesky's own, bsky.social and bsky.app.
    "bluesky": {
        "PDS_URL": env.str("BLUESKY_PDS_URL", default="") or None,
        "WEB_URL": env.str("BLUESKY_WEB_URL", default="") or None,
    },
}
for service in env.list("SYNCQUEUE_SERVICES", default=["telegram"]):
    SYNCQUEUE["HANDLERS"][service] = {
        "FORCE_IPV4": env.bool(f"{service.upper()}_FORCE_IPV4", default=False),
        "OPTIONS": _OPTIONS.get(service, {}),
        **from_json(f"SYNCQUEUE_{service.upper()}"),
    }
