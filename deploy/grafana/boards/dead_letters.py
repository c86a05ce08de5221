"""Dead letters: how many, whose, why, and whether the heap grows."""

from deploy.grafana.boards.board import Board, Row
from deploy.grafana.boards.panel import Lines, Table, Tile

_PARKED = "failure_class:lienthong_dead_letters_parked:sum"

_NOW = Row(
    question="Is there work?",
    panels=(
        Tile(
            title="For operators",
            text="Parked or quarantined: `lienthong dlq groups`.",
            query=f"sum({_PARKED}) or vector(0)",
            look=1,
            bad=50,
            width=4,
        ),
        Tile(
            title="Oldest",
            text="How long the one that waits longest has waited for an operator.",
            query="max(lienthong_oldest_dead_letter_seconds)",
            unit="dtdurations",
            look=14400,
            bad=86400,
            width=4,
        ),
        Tile(
            title="Security",
            text="Signature or addressee not to be trusted. Do not replay: look at the proof, tell "
            "the sender, keep an export.",
            query=f'sum({_PARKED}{{failure_class="security"}}) or vector(0)',
            bad=1,
            width=4,
        ),
        Tile(
            title="Our own faults",
            text="Translator bugs and crashes: report the group; replay after the upgrade.",
            query=f'sum({_PARKED}{{failure_class=~"ours|delivery_limit"}}) or vector(0)',
            look=1,
            bad=20,
            width=4,
        ),
        Tile(
            title="Conflicts",
            text="Same document, other content: a person decides which is right.",
            query=f'sum({_PARKED}{{failure_class="conflict"}}) or vector(0)',
            look=1,
            bad=20,
            width=4,
        ),
        Tile(
            title="Tried again by themselves",
            text="Waiting for their retry. No work for anybody.",
            query="sum(lienthong_retries_waiting) or vector(0)",
            width=4,
        ),
    ),
)

_WHOSE = Row(
    question="Whose, and why?",
    panels=(
        Lines(
            title="For operators, by class",
            text="Whose fault it is decides what to do: `lienthong dlq groups` says it.",
            query={"{{failure_class}}": _PARKED},
            stacked=True,
        ),
        Table(
            title="Agencies with most",
            text="`lienthong dlq groups --agency CODE`.",
            query="topk(20, lienthong_dead_letters_of_agency > 0)",
            columns={"agency": "agency", "Value": "dead letters"},
            judged=(10, 50),
        ),
        Table(
            title="By class and state, now",
            text="waiting: by itself. parked, quarantined: for operators. redelivered, discarded: "
            "settled.",
            query="failure_class_state:lienthong_dead_letters:max > 0",
            columns={"failure_class": "class", "state": "state", "Value": "dead letters"},
        ),
    ),
)

_GROWS = Row(
    question="Does it grow?",
    panels=(
        Lines(
            title="Failed attempts, an hour, by class",
            text="Each is a row that began, or one that came back.",
            query={
                "{{failure_class}}": (
                    "sum by (failure_class) (rate(lienthong_failures_total[1h])) * 3600"
                ),
            },
            stacked=True,
        ),
        Lines(
            title="Failed attempts, an hour, by stage",
            text="verify, open, claim, hand_over: where in a delivery. mailbox: given up by the "
            "broker itself.",
            query={"{{stage}}": "sum by (stage) (rate(lienthong_failures_total[1h])) * 3600"},
            stacked=True,
        ),
        Lines(
            title="Replays, an hour",
            text="What operators sent again, and what came back from it.",
            query={
                "{{outcome}}": (
                    "sum by (outcome) (rate(lienthong_dead_letter_replays_total[1h])) * 3600"
                ),
            },
        ),
        Lines(
            title="Signatures that did not hold, in 15 minutes",
            text="forged and invalid: an attack, or a broken sender. certificate_unknown: often "
            "one that was renewed and not filed. clock_skew: a clock is wrong.",
            query={
                "{{verdict}}": (
                    'verdict:lienthong_signature_verdicts:increase15m{verdict!="verified"}'
                ),
            },
            stacked=True,
            width=12,
        ),
        Lines(
            title="Waiting for a retry, ten most",
            text="By agency; each falls by itself once the system answers.",
            query={"{{agency}}": "topk(10, lienthong_retries_waiting > 0)"},
            width=12,
        ),
    ),
)

DEAD_LETTERS = Board(
    uid="lienthong-dead-letters",
    title="Dead letters",
    text="Deliveries that failed. The runbook is docs/dead-letters.md.",
    rows=(_NOW, _WHOSE, _GROWS),
    span="24h",
)
