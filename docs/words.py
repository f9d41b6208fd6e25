"""What the settings are for, in words: (title, introduction, key -> sentence) for each part of SYNCQUEUE."""

SETTINGS: dict[str, tuple[str, str, dict[str, str]]] = {
    "SYNCQUEUE": (
        "The whole",
        "The keys of `SYNCQUEUE` itself.",
        {
            "ENABLED": "`False`: no query, no Redis, no sync; the site works as if syncqueue were not there. Switched "
            "on again, the sweep catches up.",
            "REDIS": "Where the queues are: a database for syncqueue alone, never one that a cache clears. A "
            "`redis://`, `rediss://` (TLS) or `unix://` URL with user and password percent-encoded, or the alias of a "
            "cache of django-redis or of Django's RedisCache, whose server, password and TLS are taken over. Sentinel: "
            '`{"SENTINELS": [("host", 26379)], "MASTER": "name"}`, Cluster: `{"NODES": [("host", 6379)]}`; both take '
            '`"OPTIONS"` (`username`, `password`, `ssl`, ...), Sentinel also `"SENTINEL_OPTIONS"`. Timeouts are '
            "syncqueue's own.",
            "KEY_PREFIX": "Begins every key in Redis; two sites on one Redis database need two.",
            "ENVIRONMENT": "Such as `staging`: a badge on the pages. A database stamped with another one sends nothing "
            "until `syncqueue adopt-queue` has confirmed it.",
            "SOURCES_MODULE": "The module with the registrations, looked for in every app.",
            "API_TOKENS": "Bearer tokens of machines for the HTTP API.",
            "ALLOWED_PRIVATE_HOSTS": "Hosts (or `host:port`) of your own network that destinations of users may name. "
            "All others must have public addresses.",
            "ENCRYPTION_KEYS": "Keys for the destinations' secrets; the first writes, all of them read. Empty: made "
            "from `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.",
            "DESTINATIONS": "Site-wide destinations by name; read-only in the admin.",
            "IMMEDIATE": "The attempt made while the request waits; see below.",
            "PROCESSING": "The worker's times; see below.",
            "BREAKER": "When an endpoint counts as away; see below.",
            "ALERTS": "Mails about failures; see below.",
            "HANDLERS": "The services that are on, by name; see below.",
        },
    ),
    "IMMEDIATE": (
        "IMMEDIATE",
        "A save is tried at once, and the request waits for that, for a moment.",
        {
            "ENABLED": "`False`: every save goes to the queue, and a worker sends it.",
            "TIMEOUT_SECONDS": "What all saves of one request may wait together. An attempt that takes longer goes on "
            "by itself.",
            "MAX_RECORDS": "More than these in one transaction go to the queue.",
        },
    ),
    "PROCESSING": (
        "PROCESSING",
        "It must hold that ATTEMPT_TIMEOUT_SECONDS < SHUTDOWN_SECONDS < LEASE_SECONDS.",
        {
            "LEASE_SECONDS": "How long a task whose worker died stays away. Leases of living workers are renewed.",
            "ATTEMPT_TIMEOUT_SECONDS": "When an attempt is cut off.",
            "RECOVERY_INTERVAL_SECONDS": "How often a worker looks for leases that ran out.",
            "RECONCILE_INTERVAL_SECONDS": "How often a worker compares database and Redis.",
            "SHUTDOWN_SECONDS": "What attempts are given to end when a worker is stopped. Give systemd, Docker or "
            "Kubernetes a few seconds more.",
            "FAILED_RETENTION_DAYS": "When failed tasks are trimmed from Redis. Their records stay.",
        },
    ),
    "BREAKER": (
        "BREAKER",
        "A hold for each endpoint (host and port) that cannot be reached.",
        {
            "FAILURES": "Network failures in a row that open it.",
            "OPEN_SECONDS": "Until one task is let through to see whether the endpoint is back.",
        },
    ),
    "ALERTS": (
        "ALERTS",
        "Mails about failed tasks and broken destinations, to the destination's owner and to `ADMINS`, by the mail "
        "settings of the site (from Django 6.1 on: `MAILERS`).",
        {"ENABLED": "Whether mails are sent.", "EVERY_MINUTES": "At most one for each destination in so many minutes."},
    ),
    "HANDLERS": (
        "HANDLERS",
        "One entry for each service that is on; `telegram`, `mastodon`, `manticore` and `webhook` are built in. A row "
        "of *Service policies* in the admin overrides the figures of retries and CONCURRENCY while the site runs.",
        {
            "CLASS": "The import path of a handler of your own; built-in services need none.",
            "MAX_RETRIES": "How often an attempt that the service answered with a failure is repeated: 3 allows 4 "
            "attempts. A service that cannot be reached uses up none.",
            "BASE_DELAY_SECONDS": "Before the first retry.",
            "BACKOFF_MULTIPLIER": "Each further retry waits so many times as long.",
            "MAX_DELAY_MINUTES": "The longest such wait.",
            "CONCURRENCY": "Tasks of this service attempted at once by one worker.",
            "BATCH_SIZE": "Tasks done in one call, by handlers that can. `None`: the handler's own figure.",
            "FORCE_IPV4": "For hosts whose IPv6 is announced but dead.",
            "ON_UNKNOWN_OUTCOME": "What becomes of a create whose answer was lost, at a service that cannot be asked: "
            "`retry` may post twice, `hold` waits for a person.",
            "OPTIONS": "The handler's own; see the page of the service.",
        },
    ),
    "DESTINATIONS": (
        "DESTINATIONS",
        "Site-wide destinations by name. People's own are made in the admin or on the site's pages.",
        {
            "SERVICE": "A service that is named in `HANDLERS`.",
            "ADDRESS": "The channel, instance or table.",
            "SECRET": "The credential by field: `token` (Telegram), `access_token` (Mastodon). From the environment, "
            "please, never in the repository.",
            "OPTIONS": "The service's own; see its page.",
            "RULE": "Which objects it takes.",
            "RULE_VALUE": "The tag of the rule `tag`.",
        },
    ),
}
