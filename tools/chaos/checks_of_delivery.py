"""What is checked of messages and mail, at the vendors' end."""

from collections import Counter, defaultdict
from itertools import pairwise

from evidence import Evidence, Lane

from nightshift.channels import CHANNELS


def each_message_arrived(evidence: Evidence) -> list[str]:
    """Each part once; more often at most once for each unknown attempt, and never where the vendor honors a key."""
    unknown = Counter(
        name for (name,) in evidence.machine.sql("SELECT message_id FROM message_attempts WHERE outcome = 'unknown'")
    )
    delivered = evidence.vendors.delivered("m")
    wrong = []
    for number, (message_id, lane, parts) in evidence.accepted.messages.items():
        spare = 0 if CHANNELS[lane.channel].honours_key else unknown[message_id]
        for part in range(1, parts + 1):
            times = len(delivered.get((number, part), []))
            if not 1 <= times <= 1 + spare:
                wrong.append(f"{message_id} part {part} by {lane.channel}: {times} times, {spare} may be repeated")
    return wrong


def order_is_kept(evidence: Evidence) -> list[str]:
    """In each lane, what arrives for the first time comes after all that was accepted before it."""
    lanes: dict[Lane, set[int]] = defaultdict(set)
    for number, (message_id, lane, _) in evidence.accepted.messages.items():
        if message_id not in evidence.retried:
            lanes[lane].add(number)
    arrived = dict.fromkeys(part for delivery in evidence.vendors.deliveries for part in delivery.tags("m"))
    wrong = []
    for lane, numbers in lanes.items():
        parts = [part for part in arrived if part[0] in numbers]
        wrong += [f"{lane}: {before} came before {after}" for before, after in pairwise(parts) if after < before]
    return wrong


def each_mail_arrived_once(evidence: Evidence) -> list[str]:
    """One for each handoff, invoice and crossing of the threshold, SENT, and once at the vendor, which honors its key."""
    accepted, delivered = evidence.accepted, evidence.vendors.delivered("h")
    times = {number: len(delivered.get((number, 1), [])) for number in [*accepted.handoffs, *accepted.invoices]}
    wrong = [f"mail {number}: {count} times" for number, count in times.items() if count != 1]
    mails = evidence.machine.sql("SELECT id, kind, status FROM emails")
    wrong += [f"{mail_id} is {status}" for mail_id, _, status in mails if status != "SENT"]
    kinds = Counter(kind for _, kind, _ in mails)
    crossings = evidence.machine.sql("SELECT count(*) FROM events WHERE name = 'credits_low'")[0][0]
    causes = Counter(handoff=len(accepted.handoffs), invoice=len(accepted.invoices), low_credit=crossings)
    wrong += [f"mails: {dict(kinds)}, causes: {dict(causes)}"] if kinds != causes else []
    of_mail = [delivery for delivery in evidence.vendors.deliveries if delivery.vendor == "resend"]
    arrived = Counter(str(delivery.key).partition("/")[0] for delivery in of_mail)
    return wrong + [f"{mail_id} arrived {arrived[mail_id]} times" for mail_id, *_ in mails if arrived[mail_id] != 1]


CHECKS = [each_message_arrived, order_is_kept, each_mail_arrived_once]
