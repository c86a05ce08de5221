"""What a private node keeps from start to start."""

import json
from pathlib import Path

from bus.rabbit.residence import identity_in


def test_a_node_keeps_its_name_its_password_and_its_free_ports(tmp_path: Path) -> None:
    before = identity_in(tmp_path)

    assert identity_in(tmp_path) == before


def test_a_node_from_before_there_were_metrics_keeps_its_name_and_gets_a_port_for_them(
    tmp_path: Path,
) -> None:
    before = identity_in(tmp_path)
    file = tmp_path / "node.json"
    older = json.loads(file.read_text())
    del older["metrics_port"]
    file.write_text(json.dumps(older))

    identity = identity_in(tmp_path)

    assert (identity.name, identity.password) == (before.name, before.password)
    assert identity.metrics_port > 0
    assert identity_in(tmp_path) == identity
