"""Troubles: for each alarm, numbers that begin well, go wrong and become well again.

Series are written as promtool reads them; the time of the first sample is 07:00 on a Thursday in
Viet Nam (the epoch).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """What is measured, and when its alarm is silent, fires and has ended.

    Attributes:
        series: Series → values, one each `step`.
        silent: Minutes after the start: the trouble is there, but has not lasted.
        fires: Minutes after the start.
        lasts: It is over, but the alarm does not end yet: what comes and goes is one alarm.
        ended: Minutes after the start.
        labels: Of the alarm, beside its name and those of its rule.
        also: Alarms that rightly fire along with it.
    """

    alarm: str
    series: Mapping[str, str]
    silent: int
    fires: int
    lasts: int
    ended: int
    labels: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    step: str = "1m"


_UNDELIVERED = 'lienthong_oldest_undelivered_seconds{agency="H24"}'
_OUTBOX = 'lienthong_outbox_oldest_seconds{agency="H24"}'
_SUCCESS = 'lienthong_last_success_timestamp_seconds{agency="H24"}'
_LEFT = 'lienthong_certificate_left_seconds{agency="H24"}'
_DAY = 86_400
_UP = 'up{job="rabbitmq",instance="one:15692"}'
_H24 = {"agency": "H24"}
_ONE = {"instance": "one:15692"}


def _days(values: str) -> str:
    """Values in days, each with how often it is repeated, in seconds."""
    parts = (part.partition("x") for part in values.split())
    return " ".join(f"{int(days) * _DAY}x{times}" for days, _, times in parts)


def _letters(failure_class: str, state: str = "parked") -> str:
    return f'lienthong_dead_letters{{failure_class="{failure_class}",state="{state}"}}'


def _slow(name: str, labels: str, *, quick: str, slow: str) -> dict[str, str]:
    """A histogram that counts into `quick` for 10 minutes, into `slow` for 40, then quick again."""
    every = "0+60x10 600+0x39 600+60x60"
    all_of_them = "0+60x110"
    return {
        f'lienthong_{name}_bucket{{{labels},le="{quick}"}}': every,
        f'lienthong_{name}_bucket{{{labels},le="{slow}"}}': all_of_them,
        f'lienthong_{name}_bucket{{{labels},le="+Inf"}}': all_of_them,
    }


TROUBLES = (
    Trouble(
        alarm="EndpointAway",
        series={'lienthong_endpoint_up{agency="H24"}': "1x10 0x30 1x60"},
        silent=12,
        fires=14,
        lasts=43,
        ended=48,
        labels=_H24,
    ),
    Trouble(
        alarm="OwnWorkerAway",
        series={'lienthong_agency_worker_connected{agency="H24"}': "1x10 0x30 1x60"},
        silent=15,
        fires=17,
        lasts=43,
        ended=48,
        labels=_H24,
    ),
    Trouble(
        alarm="UndeliveredTooOld",
        series={_UNDELIVERED: "0+60x90 0x60"},
        silent=64,
        fires=67,
        lasts=93,
        ended=98,
        labels=_H24,
    ),
    # 15:00 is 480 minutes after the start.
    Trouble(
        alarm="SameDayAtRisk",
        series={_UNDELIVERED: "0x87 0+300x11 0x12"},
        silent=485,
        fires=495,
        lasts=500,
        ended=510,
        labels=_H24,
        step="5m",
    ),
    # Midnight is 1020 minutes after the start; sent at 23:40, received at 00:40.
    Trouble(
        alarm="SameDayMissed",
        series={_UNDELIVERED: "0x199 0+300x11 0x12"},
        silent=1025,
        fires=1035,
        lasts=1060,
        ended=1070,
        labels=_H24,
        step="5m",
    ),
    Trouble(
        alarm="OutboxNotMoving",
        series={_OUTBOX: "0x9 0+60x30 0x60"},
        silent=18,
        fires=22,
        lasts=43,
        ended=50,
        labels=_H24,
    ),
    # Busy on the first Thursday from 07:00 to 11:00, silent a week later; then it sends again.
    Trouble(
        alarm="QuietInWorkingTime",
        series={_SUCCESS: "0+300x48 14400x2016 627000+300x24"},
        silent=7 * 1440 + 60,
        fires=7 * 1440 + 90,
        lasts=10325,
        ended=10345,
        labels=_H24,
        step="5m",
    ),
    Trouble(
        alarm="ExpressSlow",
        series=_slow("end_to_end_seconds", 'lane="express"', quick="10", slow="60"),
        silent=15,
        fires=30,
        lasts=65,
        ended=75,
        labels={"lane": "express"},
    ),
    Trouble(
        alarm="StandardSlow",
        series=_slow("end_to_end_seconds", 'lane="standard"', quick="60", slow="600"),
        silent=20,
        fires=35,
        lasts=65,
        ended=75,
        labels={"lane": "standard"},
    ),
    Trouble(
        alarm="DeadLettersPilingUp",
        series={
            _letters("sender"): "40x10 50x30 40x60",
            _letters("recipient_refused", "quarantined"): "0x10 5x30 0x60",
            _letters("recipient_down", "waiting"): "900x100",
        },
        silent=19,
        fires=22,
        lasts=48,
        ended=53,
    ),
    Trouble(
        alarm="DeadLetterForgotten",
        series={"lienthong_oldest_dead_letter_seconds": "86000+60x40 0x60"},
        silent=15,
        fires=20,
        lasts=43,
        ended=48,
    ),
    Trouble(
        alarm="SecurityDeadLetter",
        series={_letters("security"): "0x10 1x10 0x60"},
        silent=10,
        fires=13,
        lasts=24,
        ended=28,
        labels={"failure_class": "security"},
    ),
    Trouble(
        alarm="OwnFault",
        series={_letters("delivery_limit"): "0x10 1x10 0x60"},
        silent=11,
        fires=13,
        lasts=24,
        ended=28,
        labels={"failure_class": "delivery_limit"},
    ),
    Trouble(
        alarm="FailuresSurge",
        series={
            'lienthong_failures_total{agency="H24",stage="open",failure_class="ours"}': (
                "0x30 0+5x20 100x60"
            )
        },
        silent=36,
        fires=42,
        lasts=70,
        ended=85,
        labels={"failure_class": "ours"},
    ),
    Trouble(
        alarm="BrokerAway",
        series={
            'lienthong_broker_connected{instance="a"}': "1x10 0x10 1x60",
            'lienthong_broker_connected{instance="b"}': "1x80",
        },
        silent=11,
        fires=13,
        lasts=22,
        ended=24,
    ),
    Trouble(
        alarm="BrokerBlocked",
        series={"lienthong_broker_blocked": "0x10 1x10 0x60"},
        silent=11,
        fires=13,
        lasts=22,
        ended=24,
    ),
    Trouble(
        alarm="PublishesUnproven",
        series={
            'lienthong_publishes_total{exchange="documents",outcome="unknown"}': ("_x11 20x70"),
            'lienthong_publishes_total{exchange="documents",outcome="confirmed"}': "0+90x80",
        },
        silent=12,
        fires=16,
        lasts=28,
        ended=40,
        labels={"exchange": "documents", "outcome": "unknown"},
    ),
    Trouble(
        alarm="BrokerQuorumLost",
        series={
            _UP: "1x80",
            'up{job="rabbitmq",instance="two:15692"}': "1x10 0x10 1x60",
            'up{job="rabbitmq",instance="three:15692"}': "1x10 0x10 1x60",
        },
        silent=11,
        fires=14,
        lasts=22,
        ended=25,
        also=("TargetDown",),
    ),
    Trouble(
        alarm="BrokerMemoryAlarm",
        series={'rabbitmq_alarms_memory_used_watermark{instance="one:15692"}': "0x10 1x10 0x60"},
        silent=10,
        fires=11,
        lasts=24,
        ended=28,
        labels=_ONE,
    ),
    Trouble(
        alarm="BrokerDiskAlarm",
        series={
            'rabbitmq_alarms_free_disk_space_watermark{instance="one:15692"}': "0x10 1x10 0x60"
        },
        silent=10,
        fires=11,
        lasts=24,
        ended=28,
        labels=_ONE,
    ),
    Trouble(
        alarm="BrokerDiskLow",
        series={
            'rabbitmq_disk_space_available_bytes{instance="one:15692"}': "9e9x10 3e9x20 9e9x60",
            'rabbitmq_disk_space_available_limit_bytes{instance="one:15692"}': "2e9x90",
        },
        silent=15,
        fires=18,
        lasts=44,
        ended=48,
        labels=_ONE,
    ),
    Trouble(
        alarm="QueueDeep",
        series={
            'rabbitmq_detailed_queue_messages_ready{vhost="/",queue="mailbox.H24.standard"}': (
                "0x10 20000x30 0x60"
            )
        },
        silent=25,
        fires=28,
        lasts=54,
        ended=58,
        labels={"queue": "mailbox.H24.standard"},
    ),
    Trouble(
        alarm="HandlerAway",
        series={'rabbitmq_detailed_queue_consumers{vhost="/",queue="failures"}': "1x10 0x10 1x60"},
        silent=12,
        fires=14,
        lasts=24,
        ended=28,
        labels={"queue": "failures"},
    ),
    Trouble(
        alarm="AxisGone",
        series={'lienthong_build_info{version="1"}': "1x10 _x20 1x60"},
        silent=16,
        fires=19,
        lasts=32,
        ended=35,
    ),
    Trouble(
        alarm="TargetDown",
        series={'up{job="lienthong",instance="worker:9465"}': "1x10 0x10 1x60"},
        silent=12,
        fires=14,
        lasts=22,
        ended=25,
        labels={"job": "lienthong", "instance": "worker:9465"},
    ),
    Trouble(
        alarm="WorkerMissing",
        series={
            "lienthong_workers_wanted": "2x80",
            "lienthong_workers_running": "2x10 1x10 2x60",
        },
        silent=11,
        fires=13,
        lasts=24,
        ended=28,
    ),
    Trouble(
        alarm="WorkerRestarting",
        series={"lienthong_worker_failures_total": "0x10 1x2 2x2 3x2 4x80"},
        silent=13,
        fires=18,
        lasts=38,
        ended=50,
    ),
    Trouble(
        alarm="ServiceRestarting",
        series={'lienthong_service_failures_total{service="directory"}': "0x10 1x80"},
        silent=10,
        fires=12,
        lasts=28,
        ended=34,
        labels={"service": "directory"},
    ),
    Trouble(
        alarm="ItemsSkipped",
        series={'lienthong_items_skipped_total{service="keys"}': "0x10 1x80"},
        silent=10,
        fires=12,
        lasts=38,
        ended=44,
        labels={"service": "keys"},
    ),
    Trouble(
        alarm="EventLoopLag",
        series=_slow("event_loop_lag_seconds", 'instance="worker:9465"', quick="0.1", slow="2"),
        silent=15,
        fires=20,
        lasts=55,
        ended=65,
        labels={"instance": "worker:9465"},
    ),
    Trouble(
        alarm="DeliveriesUnaccounted",
        series={"lienthong_deliveries_unaccounted": "0x10 -3x30 0x60"},
        silent=25,
        fires=28,
        lasts=54,
        ended=58,
    ),
    Trouble(
        alarm="CertificateEndsIn30Days",
        series={_LEFT: _days("31x10 29x10 400x60")},
        silent=15,
        fires=18,
        lasts=24,
        ended=28,
        labels=_H24,
    ),
    Trouble(
        alarm="CertificateEndsIn7Days",
        series={_LEFT: _days("400x10 6x10 400x60")},
        silent=15,
        fires=18,
        lasts=24,
        ended=28,
        labels=_H24,
    ),
    Trouble(
        alarm="CertificateEndsIn1Day",
        series={_LEFT: _days("400x10 -2x10 400x60")},
        silent=15,
        fires=18,
        lasts=24,
        ended=28,
        labels=_H24,
    ),
    Trouble(
        alarm="CertificateRevokedSeen",
        series={
            'lienthong_signature_verdicts_total{verdict="certificate_revoked"}': "_x21 1x80",
            'lienthong_signature_verdicts_total{verdict="verified"}': "0+60x100",
        },
        silent=20,
        fires=23,
        lasts=48,
        ended=55,
        labels={"verdict": "certificate_revoked"},
    ),
    Trouble(
        alarm="RevocationStale",
        series={'lienthong_revocation_age_seconds{authority="CA"}': "86000+60x30 0x60"},
        silent=15,
        fires=20,
        lasts=38,
        ended=45,
        labels={"authority": "CA"},
    ),
    Trouble(
        alarm="ClockSkewSeen",
        series={'lienthong_signature_verdicts_total{verdict="clock_skew"}': "0x20 1x80"},
        silent=20,
        fires=23,
        lasts=48,
        ended=55,
        labels={"verdict": "clock_skew"},
    ),
)
