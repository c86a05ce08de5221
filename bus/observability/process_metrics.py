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
        self.registry = registry = CollectorRegistry()
        of_broker = registry if has_broker else None
        ProcessCollector(registry=registry)
        Info("lienthong_build", "The running version.", registry=registry).info(
            {"version": version}
        )
        self._publishes = Counter(
            "lienthong_publishes",
            "Publishes by what the broker answered; unknown is no answer in time.",
            ("exchange", "outcome"),
            registry=registry,
        )
        # Prometheus sees no increase in the first value of a counter, so known ones begin at 0.
        for exchange in (DOCUMENTS, FAILURES, REDELIVERY):
            for outcome in PublishOutcome:
                self._publishes.labels(exchange, outcome)
        self._lag = Histogram(
            "lienthong_event_loop_lag_seconds",
            "How late the event loop of this process turns, sampled twice a second.",
            buckets=_LAG,
            registry=registry,
        )
        self._connected = Gauge(
            "lienthong_broker_connected",
            "1 while this process has both its connections to the broker.",
            registry=of_broker,
        )
        self._blocked = Gauge(
            "lienthong_broker_blocked",
            "1 while the broker takes no publishes from this process (alarm).",
            registry=of_broker,
        )

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """Count one publish."""
        self._publishes.labels(exchange, outcome).inc()

    def lagged(self, seconds: float) -> None:
        """Keep one sample of the event loop's lag."""
        self._lag.observe(seconds)

    def broker_is(self, health: BrokerHealth) -> None:
        """Show the state of the connections to the broker."""
        self._connected.set(health is not BrokerHealth.AWAY)
        self._blocked.set(health is BrokerHealth.BLOCKED)
