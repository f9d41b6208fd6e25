"""Paths of the API, for `path("api/admin/sync-queue/", include("syncqueue.api.urls"))`."""

from __future__ import annotations

from django.urls import re_path

from syncqueue.api import destinations, metrics, openapi, sent_log, tasks, views, workers
from syncqueue.api.routing import no_such_path, route

app_name = "syncqueue-api"

urlpatterns = [
    route("stats", GET=views.stats),
    route("stats/{service}", GET=views.service_stats),
    route("health", GET=views.health),
    route("metrics", GET=metrics.metrics),
    route("openapi.json", GET=openapi.description),
    route("workers", GET=workers.workers),
    route("workers/{worker}/quiet", POST=workers.quiet),
    route("workers/{worker}/stop", POST=workers.stop),
    route("log", GET=sent_log.log),
    route("failures", GET=views.failures),
    route("{service}/failures/{reason}", DELETE=views.delete_failures),
    route("{service}/failures/{reason}/retry", POST=views.retry_failures),
    route("broken-destinations", GET=destinations.broken),
    route("{service}/destinations/{destination_id}/mend", POST=destinations.mend),
    route("{service}/retry-failed", POST=views.retry_failed),
    route("{service}/clear", DELETE=views.clear),
    route("{service}/recover", POST=views.recover),
    route("{service}/pause", POST=views.pause),
    route("{service}/resume", POST=views.resume),
    route("{service}/tasks", GET=tasks.tasks),
    route("{service}/tasks/{task_id}", GET=tasks.task, DELETE=tasks.delete),
    route("{service}/tasks/{task_id}/retry", POST=tasks.retry),
    route("{service}/tasks/{task_id}/run-now", POST=tasks.run_now),
    re_path("", no_such_path),
]
