"""One URL names all nodes of a cluster, and they are tried in turn."""

import pytest

from bus.rabbit.addresses import Rotation, addresses_in
from bus.settings import load_settings
from schemas.problem import ConfigurationError


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("amqp://u:p@one:5672/v", ["amqp://u:p@one:5672/v"]),
        ("amqp://one", ["amqp://one"]),
        ("amqp://u:a,b@one/v", ["amqp://u:a,b@one/v"]),
        (
            "amqps://u:a,b@one:5671,two,three:5673/v%2Fw?heartbeat=9",
            [
                "amqps://u:a,b@one:5671/v%2Fw?heartbeat=9",
                "amqps://u:a,b@two/v%2Fw?heartbeat=9",
                "amqps://u:a,b@three:5673/v%2Fw?heartbeat=9",
            ],
        ),
        ("http://one:1, [::1]:2", ["http://one:1", "http://[::1]:2"]),
    ],
)
def test_each_host_has_login_path_and_query_in_common(url: str, addresses: list[str]) -> None:
    assert list(addresses_in(url)) == addresses


@pytest.mark.parametrize("setting", ["amqp_url", "management_url"])
def test_a_missing_host_is_told_at_the_start(setting: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(**{setting: "amqp://u:p@one,,three/"})

    assert refused.value.problem.code == "E_SETTING"
    assert refused.value.problem.params["name"] == f"LIENTHONG_{setting.upper()}"


@pytest.mark.parametrize("start", range(7))
def test_a_rotation_begins_anywhere_and_comes_to_each(start: int) -> None:
    rotation = Rotation("abc", start=start)
    seen = []
    for _ in range(6):
        seen.append(rotation.current)
        rotation.turn()

    assert seen[0] == "abc"[start % 3]
    assert sorted(seen[:3]) == ["a", "b", "c"]
    assert seen[3:] == seen[:3]
