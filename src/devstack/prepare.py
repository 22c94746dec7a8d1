"""Make the database ready for the API: migrate it, create the demo workspace, write demo.json.

`python -m devstack.prepare <demo.json> <base URL>`, with DATABASE_URL and REDIS_URL in the environment.
"""

import sys
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from nightshift.billing.grants import grant_this_month
from nightshift.db.migrate import migrate
from nightshift.db.session import transaction
from nightshift.server_errors import reason
from nightshift.settings import settings
from nightshift.workspaces import ensure_demo


def main(demo: Path, base_url: str) -> None:
    try:
        migrate()
    except CommandError as error:  # its revision is none of ours
        sys.exit(f"error: .data is of another version of Nightshift ({error}): `make clean` for a new installation.")
    except DBAPIError as error:
        sys.exit(f"error: {reason(error)}")
    with transaction() as session:
        made = ensure_demo(session, demo, base_url, settings().admin_api_key)
        grant_this_month(session, made["workspaceId"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
