"""Send a message that did not get through, or that waits behind another one to the same customer.

Rung when the try inside the request failed, and for each message that had to wait. Raises what stopped it: a permanent
error (a blocked customer, a refused token) ends it at once; anything else is tried again after 5, 20, 80, 320 and 1280 s,
which with the waits a vendor may ask for stays within an hour of the first try. The try inside the request is the first
run: its job starts 5 s later, with the four waits that are left.
"""

from rq import Retry

from jobs.attempt import attempt
from jobs.spec import JobSpec
from nightshift.channels import accounts, messages
from nightshift.channels.send import send

QUEUE = "webhook-retry"
RETRY = Retry(max=5, interval=[5, 20, 80, 320, 1280])


def retry_send(
    message_id: str,
    *,
    channel_type: str = "",
    customer_id: str = "",
    content: str = "",
    workspace_id: str = "",
    agent_id: str = "",
) -> None:
    """Bring one message to its customer, or say in its row why not. All but the id is for people to see: the row wins."""
    attempt(JOB, message_id, send)


JOB = JobSpec(accounts.JOB, QUEUE, RETRY, retry_send, messages.failed, messages.replay, messages.PAYLOAD)
