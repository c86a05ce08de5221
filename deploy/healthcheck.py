"""Health check of the image: asks the axis of a home at /healthz. Standard library only.

Exit 0: its event loop turns. Exit 1: it does not answer in time, says that it is not alive, or does
not run. Whether it is ready for work is another question: `/readyz` answers that, and a broker that
is away must not restart the axis.
"""

import json
import os
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

TIMEOUT_SECONDS = 3.0


def main() -> str | None:
    """Why the axis is not healthy; None when it is."""
    home = Path(os.environ.get("LIENTHONG_HOME", "axis"))
    try:
        running = json.loads((home / "running.json").read_text(encoding="utf-8"))
        url = running["metrics_url"]
        if url is None:
            # Without metrics nothing is served: the process is there or it is not.
            os.kill(running["pid"], 0)
            return None
        # No proxy: the axis is in this very container.
        with build_opener(ProxyHandler({})).open(f"{url}/healthz", timeout=TIMEOUT_SECONDS):
            return None
    except (OSError, URLError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
