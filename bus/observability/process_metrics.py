"""Process metrics: what every process of an axis keeps, in a registry of its own."""

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from bus.core.topology import DOCUMENTS, FAILURES, REDELIVERY
from bus.ports import BrokerHealth, PublishOutcome

# A second series for each counter, with the time of its creation, is of no use.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class ProcessMetrics:
    """Publishes, the lag of the event loop, and the connections to the broker.

    Args:
        has_broker: Whether the process has connections to the broker.
    """

    def __init__(self, *, version: str, has_broker: bool = True) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("lienthong_build", "The running version.", registry=self.registry).info(
            {"version": version}
        )
        self._publishes = self._counter(
            "publishes",
            "Publishes by what the broker answered; unknown is no answer in time.",
            "exchange",
            "outcome",
        )
        # Prometheus sees no increase in the first value of a counter, so known ones begin at 0.
        for exchange in (DOCUMENTS, FAILURES, REDELIVERY):
            for outcome in PublishOutcome:
                self._publishes.labels(exchange, outcome)
        self._lag = self._histogram(
            "event_loop_lag_seconds",
            "How late the event loop of this process turns, sampled twice a second.",
            _LAG,
        )
        self._connected = self._blocked = None
        if has_broker:
            self._connected = self._gauge(
                "broker_connected", "1 while this process has both its connections to the broker."
            )
            self._blocked = self._gauge(
                "broker_blocked",
                "1 while the broker takes no publishes from this process (alarm).",
            )

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """Count one publish."""
        self._publishes.labels(exchange, outcome).inc()

    def lagged(self, seconds: float) -> None:
        """Keep one sample of the event loop's lag."""
        self._lag.observe(seconds)

    def broker_is(self, health: BrokerHealth) -> None:
        """Show the state of the connections to the broker."""
        if self._connected is not None and self._blocked is not None:
            self._connected.set(health is not BrokerHealth.AWAY)
            self._blocked.set(health is BrokerHealth.BLOCKED)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"lienthong_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"lienthong_{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"lienthong_{name}", text, labels, buckets=buckets, registry=self.registry)
