"""The purpose of each setting: (title, introduction, key -> sentence) for each part of SYNCQUEUE."""

SETTINGS: dict[str, tuple[str, str, dict[str, str]]] = {
    "SYNCQUEUE": (
        "Top level",
        "The keys of `SYNCQUEUE` itself.",
        {
            "ENABLED": "`False`: no query, no Redis, no sync; the site works as if syncqueue were not installed. After "
            "switching on again, the sweep finds missed changes.",
            "REDIS": "The Redis database of the queues. Do not share it with a cache. A `redis://`, `rediss://` (TLS) "
            "or `unix://` URL with percent-encoded user and password, or the alias of a cache of django-redis or of "
            "Django's RedisCache, whose server, password and TLS settings are used. Sentinel: "
            '`{"SENTINELS": [("host", 26379)], "MASTER": "name"}`, Cluster: `{"NODES": [("host", 6379)]}`; both accept '
            '`"OPTIONS"` (`username`, `password`, `ssl`, ...), Sentinel also `"SENTINEL_OPTIONS"`. syncqueue sets the '
            "timeouts.",
            "KEY_PREFIX": "Prefix of every key in Redis. Two sites on one Redis database need different prefixes.",
            "ENVIRONMENT": "A name such as `staging`, shown as a badge on the pages. A database stamped with another "
            "name sends nothing until `syncqueue adopt-queue` confirms it.",
            "SOURCES_MODULE": "The module with the registrations; it is imported from every app that has one.",
            "API_TOKENS": "Bearer tokens for machines that use the HTTP API.",
            "ALLOWED_PRIVATE_HOSTS": "Hosts as `host:port` on your own network that destinations of users may name; "
            "without a port, all ports (`check --deploy` warns). All other hosts must have public addresses.",
            "ENCRYPTION_KEYS": "Keys for the secrets of destinations; the first encrypts, all of them decrypt. Empty: "
            "derived from `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.",
            "MAX_DESTINATIONS_PER_OWNER": "How many destinations forms and admin let a user have. Each of the user's "
            "objects goes to all of them.",
            "DESTINATIONS": "Site-wide destinations by name; read-only in the admin.",
            "IMMEDIATE": "The immediate attempt, made while the request waits; see below.",
            "PROCESSING": "Times of the worker; see below.",
            "BREAKER": "The circuit breaker of each endpoint; see below.",
            "ALERTS": "Alert mails about failures; see below.",
            "HANDLERS": "The enabled services, by name; see below.",
        },
    ),
    "IMMEDIATE": (
        "IMMEDIATE",
        "A save is synced immediately, and the request waits for it for a limited time.",
        {
            "ENABLED": "`False`: every save goes to the queue, and a worker sends it.",
            "TIMEOUT_SECONDS": "Maximum total wait for all saves of one request. An attempt that takes longer "
            "continues in the background.",
            "MAX_RECORDS": "A transaction with more records than this goes to the queue.",
        },
    ),
    "PROCESSING": (
        "PROCESSING",
        "Required: ATTEMPT_TIMEOUT_SECONDS < SHUTDOWN_SECONDS < LEASE_SECONDS.",
        {
            "LEASE_SECONDS": "Time after which the task of a dead worker is recovered. A worker renews its leases.",
            "ATTEMPT_TIMEOUT_SECONDS": "Maximum duration of an attempt.",
            "RECOVERY_INTERVAL_SECONDS": "Interval at which a worker recovers expired leases.",
            "RECONCILE_INTERVAL_SECONDS": "Interval at which a worker compares the database with Redis.",
            "SHUTDOWN_SECONDS": "Time that running attempts get when a worker is stopped. Configure a stop timeout a "
            "few seconds longer in systemd, Docker or Kubernetes.",
            "FAILED_RETENTION_DAYS": "Age at which failed tasks are trimmed from Redis. Their records stay.",
            "LOG_RETENTION_DAYS": "How long the log of what went out is kept. `0`: no log.",
            "LOG_MAX_ENTRIES": "How many entries of the log are kept at most; the newest ones.",
        },
    ),
    "BREAKER": (
        "BREAKER",
        "Each endpoint (host and port) has a circuit breaker. While it is open, the tasks of the endpoint wait.",
        {
            "FAILURES": "Consecutive endpoint failures that open the breaker.",
            "OPEN_SECONDS": "Time until one task is let through to test the endpoint.",
        },
    ),
    "ALERTS": (
        "ALERTS",
        "Mails about failed tasks and broken destinations, to the owner of the destination and to `ADMINS`, by the "
        "mail settings of the site (since Django 6.1: `MAILERS`).",
        {
            "ENABLED": "Whether mails are sent.",
            "EVERY_MINUTES": "Minimum interval between two mails about a destination.",
        },
    ),
    "HANDLERS": (
        "HANDLERS",
        "One entry per enabled service; `telegram`, `mastodon`, `bluesky`, `manticore` and `webhook` are built in. A "
        "row of *Service policies* in the admin overrides the retry figures and CONCURRENCY at runtime.",
        {
            "CLASS": "Import path of your own handler; built-in services need none.",
            "MAX_RETRIES": "Maximum retries after a failure that the service reported: 3 allows 4 attempts. A service "
            "that cannot be reached uses no attempts.",
            "BASE_DELAY_SECONDS": "Delay before the first retry.",
            "BACKOFF_MULTIPLIER": "Factor from each delay to the next.",
            "MAX_DELAY_MINUTES": "Upper limit of the delay.",
            "CONCURRENCY": "Maximum concurrent attempts for this service in one worker.",
            "BATCH_SIZE": "Maximum tasks per call, for handlers with batches. `None`: the default of the handler.",
            "FORCE_IPV4": "Use IPv4 only, for hosts whose IPv6 route is announced but dead. On Telegram it also "
            "disables the proxy of the environment.",
            "ON_UNKNOWN_OUTCOME": "What to do with a create whose response was lost, if the service cannot be asked: "
            "`retry` may post twice, `hold` waits for a person.",
            "OPTIONS": "Options of the handler; see the page of the service.",
        },
    ),
    "DESTINATIONS": (
        "DESTINATIONS",
        "Site-wide destinations by name. Destinations of users are created in the admin or on the pages of the site.",
        {
            "SERVICE": "A service of `HANDLERS`.",
            "ADDRESS": "The channel, instance or table.",
            "SECRET": "The credential by field: `token` (Telegram), `access_token` (Mastodon), `password` (Bluesky). "
            "Read it from the environment; do not commit it.",
            "OPTIONS": "Options of the service; see its page.",
            "RULE": "Which objects the destination accepts; `all` are private ones too.",
            "RULE_VALUE": "The tag, for the rule `tag`.",
        },
    ),
}
