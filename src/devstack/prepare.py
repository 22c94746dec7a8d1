"""The database ready for the API, in a process of its own: migrated, with the demo workspace and its demo.json.

`python -m devstack.prepare <demo.json> <base URL>`, DATABASE_URL and REDIS_URL in the environment.
"""

import sys
from pathlib import Path

from nightshift.billing.grants import grant_this_month
from nightshift.db import migrate
from nightshift.db.session import transaction
from nightshift.settings import settings
from nightshift.workspaces import ensure_demo

if __name__ == "__main__":
    migrate.main()
    with transaction() as session:
        made = ensure_demo(session, Path(sys.argv[1]), sys.argv[2], settings().admin_api_key)
        grant_this_month(session, made["workspaceId"])
