"""How many rows are done, exactly and without counting all of them: what was counted of past hours, and the rows since."""

from nightshift.db.session import statement

AT_ONCE = "1 day"  # so much of the past is counted in one round
LAG = "2 hours"  # no transaction that writes a row's end, and the moment into it, lasts longer

# An hour in the future was counted by a clock that was ahead.
UNTIL = """(SELECT coalesce(max(hour) + interval '1 hour', '-infinity') FROM done_hours
            WHERE hour <= clock_timestamp())"""
# Each (job, number) is a part of the sum.
PARTS = f"""
    SELECT job, number FROM done_hours WHERE hour < {UNTIL}
    UNION ALL SELECT job, count(*) FROM outbox
    WHERE state = 'done' AND updated_at >= {UNTIL} GROUP BY job
    UNION ALL SELECT job, -count(*) FROM undone WHERE done_at < {UNTIL} GROUP BY job
"""  # noqa: S608 constants
LOCK = "SELECT pg_advisory_xact_lock(7461004)"  # the next statement's snapshot is taken under it
# In one snapshot: a row that is counted is done in it, and one that is noted as undone is not.
COUNT_HOURS = f"""
    WITH span AS (
        SELECT {UNTIL} AS begins, least(
            date_trunc('hour', clock_timestamp() - interval '{LAG}'),
            date_trunc('hour', (SELECT min(updated_at) FROM outbox WHERE state = 'done' AND updated_at >= {UNTIL}))
                + interval '{AT_ONCE}') AS ends
    ), noted AS (
        DELETE FROM undone USING span WHERE done_at < ends RETURNING job, done_at
    ), corrected AS (
        UPDATE done_hours h SET number = h.number - n.number
        FROM (SELECT job, date_trunc('hour', done_at) AS hour, count(*) AS number FROM noted GROUP BY 1, 2) AS n
        WHERE h.job = n.job AND h.hour = n.hour
    )
    INSERT INTO done_hours (job, hour, number)
    SELECT job, date_trunc('hour', updated_at), count(*) FROM outbox, span
    WHERE state = 'done' AND updated_at >= begins AND updated_at < ends GROUP BY 1, 2
    ON CONFLICT (job, hour) DO UPDATE SET number = excluded.number
"""  # noqa: S608 constants


def count_hours() -> None:
    """Count the hours that are over. Until then their rows are counted when somebody asks."""
    statement(LOCK, COUNT_HOURS)
