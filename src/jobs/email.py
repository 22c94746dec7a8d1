"""Send one mail: low credit, handoff, invoice ready."""

from nightshift.mail import delivery, mailbox
from nightshift.outbox import current_lease
from runner import Retry, job

RETRY = Retry(max=3, interval=[10, 10, 10])


@job(
    "email", RETRY, on_failure=delivery.failed, retry_failed=mailbox.retry, payload=delivery.PAYLOAD,
    doubtful=mailbox.DOUBTFUL,
)  # fmt: skip
def send(email_id: str, *, to: str = "", subject: str = "", html: str = "") -> None:
    """Bring one mail to SENT, or say in its row why not. All arguments but the id are for people to see.

    A permanent error (a bad address, a bad key, a used-up quota) ends it at once; anything else is retried three times, 10 s
    apart, which outlasts a restart on Resend's side and still brings a handoff to a person within the minute.
    """
    delivery.send(current_lease())
