"""The figures of /metrics, counted when they are asked for. https://prometheus.io/docs/practices/naming/"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.models import OPEN_STATES, ReplyState
from bot.steps.pulse import beats
from bot.store import gauges, ms

if TYPE_CHECKING:
    from bot.web.visit import Web

_ENDS: Final = ("answered", "exempted", "deleted")


def exposition(web: Web) -> bytes:
    """In the text format of Prometheus.

    Raises:
        StoreUnavailable: there is nothing to count.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_House(web))
    return generate_latest(registry)


class _House(Collector):
    """A registry of our own, so that it shows nothing of the process: no version, no path."""

    def __init__(self, web: Web) -> None:
        self._web = web

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        watch, now = self._web.app.watch, ms(self._web.clock())
        with watch.store.read() as tx:
            states, overdue = gauges.addresses(tx), gauges.overdue(tx, now)
            replies, ringing, heard = gauges.replies(tx), gauges.unacknowledged(tx), gauges.heard_to(tx)
        addresses = {"open": sum(states.get(state, 0) for state in OPEN_STATES), "overdue": overdue}
        addresses |= {state: states.get(state, 0) for state in _ENDS}
        yield _family(
            "vigie_addresses", "Addresses by how they stand; overdue ones are open", "state", addresses
        )
        yield _family(
            "vigie_replies", "Replies by state", "state", {s: replies.get(s, 0) for s in ReplyState}
        )
        yield GaugeMetricFamily(
            "vigie_escalations_unacknowledged", "Escalations that nobody acknowledged", value=ringing
        )
        lag = {listener: (now - at) / 1000 for listener, at in heard.items()}
        yield _family("vigie_source_lag_seconds", "How far behind a listener is", "listener", lag)
        ages = {step: (now - ms(at)) / 1000 for step, at in beats(watch).items()}
        yield _family("vigie_step_age_seconds", "How long ago a step ran to its end", "step", ages)


def _family(name: str, says: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family
