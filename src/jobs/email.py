"""Send one mail: low credit, handoff, invoice ready.

Rung when its cause is committed. Raises what stopped it: a permanent error (a bad address, a bad key, a used-up quota)
ends it at once; anything else is tried three more times, 10 s apart each, which outlasts a restart on Resend's side and
still brings a handoff to a person within the minute.
"""

from rq import Retry

from jobs.attempt import attempt
from jobs.spec import JobSpec
from nightshift.mail import delivery, outbox

QUEUE = "email"
RETRY = Retry(max=3, interval=[10, 10, 10])


def send(email_id: str, *, to: str = "", subject: str = "", html: str = "") -> None:
    """Bring one mail to SENT, or say in its row why not. The row wins: the payload is there to be looked at."""
    attempt(JOB, email_id, delivery.send)


JOB = JobSpec(outbox.JOB, QUEUE, RETRY, send, delivery.failed, outbox.replay, delivery.PAYLOAD)
