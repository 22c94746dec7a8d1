"""Customers: forgetting one."""

from typing import Any

from flask import g
from redis.exceptions import RedisError
from sqlalchemy import Row
from sqlalchemy.orm import Session

from nightshift.analytics.forgetting import forget_customer
from nightshift.channels import CHANNELS
from runner.forget import forget_jobs
from runner.registry import JOBS
from web.error_responses import not_found, unavailable
from web.request_parsing import tidy
from web.response_models import Count, ResponseModel
from web.routing import route


class Forgotten(ResponseModel):
    messages: Count
    inbound: Count
    handoffs: Count
    emails: Count


@route("DELETE", "/v1/customers/<channel_type>/<path:customer_id>", {200: Forgotten})
def forget(session: Session, channel_type: str, customer_id: str) -> Row[Any]:
    """Delete a customer's words and ids; what was to be sent to them is not sent. The daily figures stay."""
    if channel_type not in CHANNELS:
        raise not_found()
    customer_id = CHANNELS[channel_type].customer(tidy(customer_id))
    gone = forget_customer(session, list(JOBS), g.workspace_id, channel_type, customer_id)
    try:
        forget_jobs(session, gone.jobs or ())  # before the commit: nothing is half done
    except RedisError:
        raise unavailable("Redis") from None
    return gone
