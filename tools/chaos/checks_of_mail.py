"""What is counted of mail."""

from collections import Counter

from scene import Scene


def each_mail_arrived_once(scene: Scene) -> list[str]:
    """One for each handoff, invoice and crossing of the threshold, SENT, and once at the vendor, which honours its key."""
    promised = [*scene.accepted.handoffs, *scene.accepted.invoices]
    delivered = scene.vendors.delivered("h")
    wrong = [
        f"mail {number}: {len(delivered.get((number, 1), []))} times"
        for number in promised
        if len(delivered.get((number, 1), [])) != 1
    ]
    mails = scene.machine.sql("SELECT id, kind, status FROM emails")
    wrong += [f"{mail_id} is {status}" for mail_id, _, status in mails if status != "SENT"]
    kinds = Counter(kind for _, kind, _ in mails)
    crossings = scene.machine.sql("SELECT count(*) FROM events WHERE name = 'credits_low'")[0][0]
    expected = Counter(handoff=len(scene.accepted.handoffs), invoice=len(scene.accepted.invoices), low_credit=crossings)
    wrong += [f"mails: {dict(kinds)}, causes: {dict(expected)}"] if kinds != expected else []
    keys = Counter(
        str(delivery.key).partition("/")[0] for delivery in scene.vendors.deliveries if delivery.vendor == "resend"
    )
    return wrong + [f"{mail_id} arrived {keys[mail_id]} times" for mail_id, *_ in mails if keys[mail_id] != 1]


CHECKS = [each_mail_arrived_once]
