"""What is checked of messages and mail, at the vendors' end."""

from collections import Counter, defaultdict
from itertools import pairwise

from evidence import Evidence, Lane

from nightshift.channels import CHANNELS


def each_message_arrived(evidence: Evidence) -> list[str]:
    """Each part once, not counting copies that failed after the vendor's yes; more often at most once for each attempt that
    did not fail, and never where the vendor honors a key."""
    query = "SELECT message_id FROM message_attempts WHERE outcome <> 'failed'"
    attempts = Counter(name for (name,) in evidence.machine.sql(query))
    delivered = evidence.vendors.delivered("m")
    wrong = []
    for number, (message_id, lane, parts) in evidence.accepted.messages.items():
        most = 1 if CHANNELS[lane.channel].honours_key else attempts[message_id]
        for part in range(1, parts + 1):
            times = len([copy for copy in delivered.get((number, part), []) if copy not in evidence.failed])
            if not 1 <= times <= most:
                wrong.append(f"{message_id} part {part} by {lane.channel}: {times} times, by {most} attempts")
    return wrong


def what_is_reported_is_shown(evidence: Evidence) -> list[str]:
    """WhatsApp and Twilio have reported each copy when all is quiet."""
    shown = dict(evidence.machine.sql("SELECT id, delivery_state FROM messages"))
    reporting = [m for m, lane, _ in evidence.accepted.messages.values() if lane.channel in ("WHATSAPP", "TWILIO")]
    left = evidence.machine.sql("SELECT provider_id FROM deliveries WHERE NOT applied AND message_id IS NOT NULL")
    wrong = [f"{name} was reported and is not shown" for (name,) in left]
    return wrong + [f"{name} is {shown.get(name)}" for name in reporting if shown.get(name) != "delivered"]


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


CHECKS = [each_message_arrived, what_is_reported_is_shown, order_is_kept, each_mail_arrived_once]
