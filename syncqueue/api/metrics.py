"""Prometheus metrics, computed for each scrape. The counters are in Redis, so they cover all processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.api.errors import ApiError
from syncqueue.api.routing import requires
from syncqueue.core.errors import SyncQueueError
from syncqueue.core.hold import KINDS
from syncqueue.queue.calls import Measures
from syncqueue.queue.inspect import HoldView
from syncqueue.services.audit import Actor
from syncqueue.services.permissions import VIEW

_PLAIN = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = "the upper bound of the histogram bucket that holds each, +Inf above the largest bound"
# Each metric family: kind, name, help and label names.
_FAMILIES = (
    ("gauge", "syncqueue_up", "Whether the queue of the service can be read", ("service",)),
    ("gauge", "syncqueue_tasks", "Current tasks by state; delayed includes parked tasks", ("service", "state")),
    ("counter", "syncqueue_tasks_processed", "Tasks done", ("service",)),
    ("counter", "syncqueue_tasks_failed", "Tasks that became dead letters", ("service",)),
    ("counter", "syncqueue_tasks_retried", "Retries scheduled", ("service",)),
    ("gauge", "syncqueue_oldest_pending_seconds", "Age of the oldest pending task", ("service",)),
    ("gauge", "syncqueue_paused", "Whether a person has paused the service", ("service",)),
    ("gauge", "syncqueue_holds", "Active holds by kind", ("service", "kind")),
    ("gauge", "syncqueue_held_tasks", "Tasks parked by holds, by kind", ("service", "kind")),
    ("gauge", "syncqueue_workers", "Live workers that take work of the service", ("service",)),
    ("histogram", "syncqueue_attempt_duration_seconds", "Duration of attempts", ("service",)),
    (
        "histogram",
        "syncqueue_waiting_duration_seconds",
        "Time from the creation of a task to the attempt that ended it, of tasks done",
        ("service",),
    ),
    (
        "gauge",
        "syncqueue_attempt_duration_quantile_seconds",
        f"Quantiles of the duration of attempts since the counters began: {_BOUNDS}",
        ("service", "quantile"),
    ),
    (
        "gauge",
        "syncqueue_waiting_duration_quantile_seconds",
        f"Quantiles of the waiting time of tasks since the counters began: {_BOUNDS}",
        ("service", "quantile"),
    ),
)


@requires(VIEW)
def metrics(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Return all metrics as Prometheus text or OpenMetrics, depending on the Accept header."""
    try:  # optional: the extra `metrics`
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.openmetrics import exposition
    except ImportError as error:
        raise ApiError(501, _("Metrics require a package: pip install 'django-syncqueue[metrics]'.")) from error
    registry = CollectorRegistry()
    registry.register(QueueCollector())
    if "application/openmetrics-text" in request.headers.get("Accept", ""):
        open_text: Any = exposition.generate_latest  # it has no type hints
        return HttpResponse(open_text(registry), content_type=exposition.CONTENT_TYPE_LATEST)
    return HttpResponse(generate_latest(registry), content_type=_PLAIN)


class QueueCollector:
    """Reads the figures of every service once per scrape."""

    def describe(self) -> list[Any]:
        """Return nothing: registration must not query Redis."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield the families with their samples; a service whose queue cannot be read has only `syncqueue_up` 0."""
        families = _new_families()
        workers = _workers()
        for name in services.service_names():
            try:
                measured, holds = services.measures(name), services.holds(name)
            except SyncQueueError:  # syncqueue_up reports it; the other calls return the reason
                families["syncqueue_up"].add_metric([name], 0)
                continue
            _add(families, name, measured, holds, sum(worker.takes(name) for worker in workers))
        yield from families.values()


def _workers() -> Sequence[services.WorkerView]:
    try:
        return services.workers()
    except SyncQueueError:  # the queues cannot be read either
        return []


def _new_families() -> dict[str, Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    kinds = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "histogram": HistogramMetricFamily}
    return {name: kinds[kind](name, text, labels=labels) for kind, name, text, labels in _FAMILIES}


def _add(
    families: dict[str, Any], service: str, measured: Measures, holds: Sequence[HoldView], worker_count: int
) -> None:
    stats = measured.stats
    plain = {
        "syncqueue_up": 1,
        "syncqueue_tasks_processed": stats.total_processed,
        "syncqueue_tasks_failed": stats.total_failed,
        "syncqueue_tasks_retried": measured.total_retried,
        "syncqueue_oldest_pending_seconds": stats.oldest_pending_seconds or 0,
        "syncqueue_paused": int(stats.paused),
        "syncqueue_workers": worker_count,
    }
    for name, value in plain.items():
        families[name].add_metric([service], value)
    for state in ("pending", "delayed", "processing", "failed"):
        families["syncqueue_tasks"].add_metric([service, state], getattr(stats, f"{state}_count"))
    _add_holds(families, service, holds)
    for name, found in (("attempt", measured.durations), ("waiting", measured.waiting)):
        buckets = [(str(bound), count) for bound, count in found.buckets.items()] + [("+Inf", found.count)]
        families[f"syncqueue_{name}_duration_seconds"].add_metric([service], buckets, sum_value=found.sum_seconds)
        for share in (0.5, 0.95):
            if (bound := found.percentile(share)) is not None:
                families[f"syncqueue_{name}_duration_quantile_seconds"].add_metric([service, str(share)], bound)


def _add_holds(families: dict[str, Any], service: str, holds: Sequence[HoldView]) -> None:
    in_force = Counter(hold.kind for hold in holds if not hold.lifted)
    parked: Counter[str] = Counter()
    for hold in holds:
        parked[hold.kind] += hold.parked_count
    for kind in KINDS:
        families["syncqueue_holds"].add_metric([service, kind], in_force[kind])
        families["syncqueue_held_tasks"].add_metric([service, kind], parked[kind])
