"""Send a message that did not get through, or that waits behind another one to the same customer."""

from nightshift.channels import bulk_retry, messages
from nightshift.channels.send import send
from nightshift.outbox import current_lease
from runner import Retry, job

RETRY = Retry(max=5, interval=[5, 20, 80, 320, 1280])


@job(
    "webhook-retry", RETRY, on_failure=messages.failed, retry_failed=messages.retry, payload=messages.PAYLOAD,
    doubtful=bulk_retry.DOUBTFUL.format(id="o.row_id"),
)  # fmt: skip
def retry_send(
    message_id: str,
    *,
    channel_type: str = "",
    customer_id: str = "",
    content: str = "",
    workspace_id: str = "",
    agent_id: str = "",
) -> None:
    """Bring one message to its customer, or say in its row why not. All arguments but the id are for people to see.

    The attempt inside the request is the first run. A permanent error (a blocked customer, a refused token) ends it at once;
    anything else is retried after 5, 20, 80, 320 and 1280 s, which with the waits a vendor may ask for stays within an hour
    of the first attempt.
    """
    send(current_lease())
