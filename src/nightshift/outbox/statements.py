"""The outbox's SQL. Postgres' clock decides when a row is due, when a lease expires, and when a retry starts.

Parameters are psycopg2's (`%(name)s`); `nightshift.db.session.statement` prepares them.
"""

DIRECT = "direct-"  # how the name of an owner begins that is no worker: a request, a command
LEASE_SECONDS = 30  # renewed every 10 s; a dead machine's job runs again within 60 s
UNFINISHED = "state IN ('pending', 'dispatched', 'running', 'blocked')"
# Of one row: not to be looked for through a partial index of states, where entries of ended rows may still be.
STATE = "coalesce(state, '')"
MINE = f"job = %(job)s AND row_id = %(row_id)s AND generation = %(generation)s AND {STATE} = 'running'"


def pauses_of(row: str) -> str:
    """The pauses that hold this row."""
    here = f"pauses.workspace_id = {row}.workspace_id AND starts_with({row}.lane, pauses.lanes)"
    return f"FROM pauses WHERE {row}.job = ANY (pauses.jobs) AND (pauses.workspace_id IS NULL OR {here})"


def paused(row: str) -> str:
    return f"EXISTS (SELECT {pauses_of(row)})"


# A row that waits in Redis keeps its job: enqueueing often must not fill Redis. A run under way loses its lease. A new row
# of an occupied lane is blocked until the trigger outbox_next_in_lane finds that its turn has come; a row that is still in
# its lane keeps its place. A lane is occupied as long as its last row is: they end in order. That row is not looked for by the
# primary key, which a plan that was made for an empty table may prefer.
ENQUEUE = f"""
    INSERT INTO outbox AS o (job, row_id, workspace_id, state, due_at, lane, lane_seq, traceparent)
    SELECT %(job)s, %(row_id)s, %(workspace)s,
           CASE WHEN (SELECT {UNFINISHED} FROM outbox
                      WHERE workspace_id = %(workspace)s AND lane = %(lane)s AND coalesce(job, '') = %(job)s
                            AND row_id <> %(row_id)s
                      ORDER BY lane_seq DESC LIMIT 1)
                THEN 'blocked' ELSE 'pending' END,
           greatest(clock_timestamp() + make_interval(secs => %(due_in)s), %(due_at)s::timestamptz),
           %(lane)s, CASE WHEN %(lane)s::text IS NOT NULL THEN nextval('outbox_lane_seq') END, %(traceparent)s
    ON CONFLICT (job, row_id) DO UPDATE SET
        state = CASE WHEN o.state IN ('dispatched', 'blocked') THEN o.state
                     WHEN o.state IN ('pending', 'running') THEN 'pending' ELSE excluded.state END,
        lane_seq = CASE WHEN o.state IN ('done', 'failed') THEN excluded.lane_seq ELSE o.lane_seq END,
        lane = CASE WHEN o.state IN ('done', 'failed') THEN excluded.lane ELSE o.lane END,
        due_at = excluded.due_at, lease_owner = NULL, lease_until = NULL, runs = 0, failures = 0,
        deaths = 0, waited_seconds = 0, error = NULL, updated_at = clock_timestamp(), give_up_at = NULL,
        traceparent = excluded.traceparent
"""  # noqa: S608 constants
# Waits for all that end or join in this lane, and has them wait for this transaction. To be run before it locks a row that they
# lock too.
JOIN_LANE = (
    "SELECT pg_advisory_xact_lock(hashtextextended('lane ' || %(job)s || ' ' || %(workspace)s || ' ' || %(lane)s, 0))"
)

# While someone else holds a transaction open, Postgres keeps every version that a row has had since then, and a search for
# due or active rows goes through all of them. So each begins where a dispatcher last found something.
LOOK = """
    WITH old AS (
        DELETE FROM outbox_since WHERE at < statement_timestamp() - interval '1 minute'
    )
    INSERT INTO outbox_since (job, at, due, active)
    SELECT job, statement_timestamp(),
           least(recent, (SELECT min(due_at) FROM outbox WHERE job = name.job AND state = 'pending')),
           least(recent, (SELECT min(dispatched_at) FROM outbox WHERE job = name.job AND state IN ('dispatched', 'running')))
    FROM unnest(%(jobs)s::text[]) AS name (job), (SELECT statement_timestamp() - interval '5 seconds') AS open (recent)
    ON CONFLICT DO NOTHING
"""
SINCE = "coalesce((SELECT {what} FROM outbox_since WHERE job = {job} ORDER BY at DESC LIMIT 1), '-infinity')"
# What is pending again keeps its time.
AGAIN = f"""
    WITH again AS ({{update}} RETURNING o.job, o.row_id, o.due_at), since AS (
        INSERT INTO outbox_since (job, at, due, active)
        SELECT job, clock_timestamp(), least(min(due_at), {SINCE.format(what="due", job="again.job")}),
               {SINCE.format(what="active", job="again.job")}
        FROM again GROUP BY job ON CONFLICT DO NOTHING
    )
    SELECT row_id FROM again
"""  # noqa: S608 constants

LEASED = f"""
    state = 'running', lease_owner = %(owner)s, lease_until = clock_timestamp() + interval '{LEASE_SECONDS} seconds',
    runs = runs + 1, updated_at = clock_timestamp()
"""
LEASE = """
    workspace_id, generation, runs, failures, waited_seconds, traceparent,
    extract(epoch FROM clock_timestamp() - due_at)::float8 AS queued_seconds,
    extract(epoch FROM give_up_at - clock_timestamp())::float8 AS give_up_in
"""
# By the job that was dispatched last; an older one finds another generation. Its owner may repeat a claim it did not hear of.
CLAIM = f"""
    UPDATE outbox SET {LEASED}
    WHERE job = %(job)s AND row_id = %(row_id)s AND generation = %(generation)s
          AND ({STATE} = 'dispatched' OR {STATE} = 'running' AND lease_owner = %(owner)s) AND NOT {paused("outbox")}
    RETURNING {LEASE}
"""  # noqa: S608 constants
# In a process that is no worker: the generation is raised, so that a job in Redis finds another one.
CLAIM_HERE = f"""
    UPDATE outbox SET {LEASED}, generation = generation + 1
    WHERE job = %(job)s AND row_id = %(row_id)s AND {STATE} IN ('pending', 'dispatched') AND NOT {paused("outbox")}
    RETURNING {LEASE}
"""  # noqa: S608 constants
RENEW = f"UPDATE outbox SET lease_until = clock_timestamp() + interval '{LEASE_SECONDS} seconds' WHERE {MINE}"  # noqa: S608
FENCE = f"SELECT row_id FROM outbox WHERE {MINE} FOR UPDATE"  # noqa: S608

SETTLED = "lease_owner = NULL, lease_until = NULL, updated_at = clock_timestamp()"
FINISH = f"UPDATE outbox SET state = 'done', error = NULL, {SETTLED} WHERE {MINE} RETURNING row_id"  # noqa: S608
FAIL = f"""
    UPDATE outbox SET state = CASE WHEN %(retry_in)s::float8 IS NULL THEN 'failed' ELSE 'pending' END,
                      due_at = coalesce(clock_timestamp() + make_interval(secs => %(retry_in)s::float8), due_at),
                      failures = %(failures)s, waited_seconds = %(waited_seconds)s, error = %(error)s, {SETTLED}
    WHERE {MINE} RETURNING row_id
"""  # noqa: S608 constants
RELEASE = AGAIN.format(
    update=f"""
        UPDATE outbox AS o SET state = 'pending', due_at = coalesce(%(due_at)s::timestamptz, due_at), {SETTLED} WHERE {MINE}
    """  # noqa: S608 constants
)

# Leases of an owner known to be dead, or those that expired; one of them, locked, if it is still so.
GONE = "(lease_owner = %(owner)s OR %(owner)s::text IS NULL AND lease_until < clock_timestamp())"
EXPIRED = f"SELECT job, row_id, lease_owner AS owner, {LEASE} FROM outbox WHERE state = 'running' AND {GONE}"  # noqa: S608
STILL_EXPIRED = f"SELECT row_id FROM outbox WHERE {MINE} AND {GONE} FOR UPDATE SKIP LOCKED"  # noqa: S608
COUNT_DEATH = f"UPDATE outbox SET deaths = deaths + 1 WHERE {MINE} RETURNING deaths"  # noqa: S608

# A workspace has at most as many jobs dispatched or running in workers as its queue has workers on one machine, so that
# another workspace's job waits for one round of them at most. Dispatchers take turns by an advisory lock.
BY_WORKERS = f"(state = 'dispatched' OR state = 'running' AND lease_owner NOT LIKE '{DIRECT}%%')"
ACTIVE = f"""
    (SELECT count(*) FROM outbox
     WHERE job = %(job)s AND workspace_id = %(workspace)s AND state IN ('dispatched', 'running')
           AND dispatched_at >= {SINCE.format(what="active", job="%(job)s")} AND {BY_WORKERS})
"""  # noqa: S608 constants
TAKE = f"""
    due AS (
        SELECT row_id FROM outbox
        WHERE job = %(job)s AND workspace_id = %(workspace)s AND state = 'pending'
              AND due_at BETWEEN {SINCE.format(what="due", job="%(job)s")} AND statement_timestamp()
              AND NOT {paused("outbox")}
        ORDER BY due_at, row_id LIMIT {{limit}} FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE outbox SET state = 'dispatched', dispatched_at = statement_timestamp(), generation = generation + 1
        WHERE job = %(job)s AND row_id = ANY (ARRAY(SELECT row_id FROM due))
        RETURNING row_id, generation, failures, due_at
    )
"""  # noqa: S608 constants
DISPATCH_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(job)s || ' ' || %(workspace)s, 0))"
DISPATCH = f"""
    WITH {TAKE.format(limit=f"greatest(0, %(bound)s - {ACTIVE})")}
    SELECT taken.row_id, taken.generation, taken.failures, to_jsonb(shown) - 'id' AS payload
    FROM taken LEFT JOIN LATERAL (SELECT * FROM ({{payload}}) AS shown WHERE id = taken.row_id) AS shown ON true
    ORDER BY due_at, row_id
"""  # noqa: S608 constants
# The worker that ends a job takes its successor in the same transaction, which keeps the bound without the lock.
# `finished`: whether its own row is done, by this very run.
HAND_OVER = f"""
    WITH {TAKE.format(limit=f"CASE WHEN {ACTIVE} < %(bound)s THEN 1 ELSE 0 END")}
    SELECT (SELECT state = 'done' AND generation = %(generation)s FROM outbox
            WHERE job = %(job)s AND row_id = %(row_id)s) AS finished,
           taken.row_id, taken.generation, taken.failures, to_jsonb(shown) - 'id' AS payload
    FROM (SELECT) AS always LEFT JOIN taken ON true
         LEFT JOIN LATERAL (SELECT * FROM ({{payload}}) AS shown WHERE id = taken.row_id) AS shown ON true
"""  # noqa: S608 constants
FINISHED = """
    SELECT state = 'done' AND generation = %(generation)s AS finished, NULL::text AS row_id FROM outbox
    WHERE job = %(job)s AND row_id = %(row_id)s
"""
# Which (job, workspace) has a due row and room for it. Of a job that is paused in all workspaces nobody looks at the rows.
DUE = f"""
    SELECT name.job, pair.workspace_id
    FROM unnest(%(jobs)s::text[], %(bounds)s::int[]) AS name (job, bound), LATERAL (
        SELECT DISTINCT workspace_id FROM outbox
        WHERE job = name.job AND state = 'pending'
              AND due_at BETWEEN {SINCE.format(what="due", job="name.job")} AND statement_timestamp()
              AND NOT {paused("outbox")}
    ) AS pair
    WHERE (SELECT count(*) FROM outbox WHERE job = name.job AND workspace_id = pair.workspace_id
                  AND state IN ('dispatched', 'running') AND {BY_WORKERS}
                  AND dispatched_at >= {SINCE.format(what="active", job="name.job")}) < name.bound
          AND NOT EXISTS (SELECT FROM pauses WHERE name.job = ANY (jobs) AND pauses.workspace_id IS NULL)
"""  # noqa: S608 constants
UNDISPATCHABLE = f"""
    UPDATE outbox SET state = 'failed', error = %(error)s, updated_at = clock_timestamp()
    WHERE job = %(job)s AND row_id = %(row_id)s AND generation = %(generation)s AND {STATE} = 'dispatched'
    RETURNING workspace_id
"""  # noqa: S608 constants
# Not sooner: a newer release may be there already, and not yet everywhere.
UNKNOWN = """
    UPDATE outbox SET state = 'failed', error = %(error)s, updated_at = clock_timestamp()
    WHERE state = 'pending' AND due_at < clock_timestamp() - interval '1 hour' AND job <> ALL (%(jobs)s::text[])
    RETURNING job, row_id
"""

# What Redis should have: dispatched long enough ago that its job has arrived there.
DISPATCHED = """
    SELECT job, row_id, workspace_id, generation FROM outbox
    WHERE state = 'dispatched' AND dispatched_at < clock_timestamp() - interval '5 seconds'
"""
# Still as it was seen: a worker that popped the job meanwhile has claimed the row.
LOST = AGAIN.format(
    update=f"""
        UPDATE outbox AS o SET state = 'pending'
        FROM unnest(%(jobs)s::text[], %(row_ids)s::text[], %(generations)s::int[]) AS lost (job, row_id, generation)
        WHERE o.job = lost.job AND o.row_id = lost.row_id AND o.generation = lost.generation AND {STATE} = 'dispatched'
    """  # noqa: S608 constants
)

# A hold of a channel account: a row that would be due before it ends waits for it, but no longer than its own hour. A job
# that was dispatched for such a row finds that its row is not dispatched any more.
POSTPONE = """
    UPDATE outbox SET state = 'pending', due_at = CASE
        WHEN give_up_at IS NULL THEN :until ELSE least(:until, greatest(give_up_at, clock_timestamp())) END
    WHERE job = :job AND workspace_id = :workspace AND state IN ('pending', 'dispatched') AND due_at < :until
          AND starts_with(lane, :lanes)
"""
# The other way round, when the hold is lifted. What met it is due a moment after its end; a blocked row that was enqueued
# meanwhile must not wait for that end either when its turn comes.
ADVANCE = """
    UPDATE outbox SET due_at = clock_timestamp()
    WHERE job = :job AND workspace_id = :workspace AND state IN ('pending', 'blocked')
          AND due_at > clock_timestamp() AND due_at <= :until + interval '3 seconds' AND starts_with(lane, :lanes)
"""

# From outside of a run, because of what became known since. A row that was done runs once more in a lane of its own: its
# order ended with it.
REOPEN = """
    UPDATE outbox SET state = 'pending', due_at = clock_timestamp(), updated_at = clock_timestamp(),
                      lane = CASE WHEN state = 'done' THEN lane || ' ' || row_id ELSE lane END
    WHERE job = :job AND row_id = :row_id AND state IN ('pending', 'done')
    RETURNING workspace_id
"""
SETTLE = f"""
    UPDATE outbox SET state = CASE WHEN CAST(:error AS text) IS NULL THEN 'done' ELSE 'failed' END, error = :error,
                      lane = CASE WHEN state = 'blocked' THEN lane || ' ' || row_id ELSE lane END, {SETTLED}
    WHERE job = :job AND row_id = :row_id AND state <> 'running'
    RETURNING workspace_id
"""  # noqa: S608 constants
