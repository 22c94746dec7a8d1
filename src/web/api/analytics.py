"""Each day's figures."""

import re
from datetime import date
from typing import Annotated, Any

from flask import g
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from sqlalchemy.orm import Session

from nightshift.analytics import daily as days
from web.request_parsing import Parameters
from web.response_models import Count, ResponseModel
from web.routing import route

MAX_DAYS = 400
DAY = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)


def _written_as_day(text: str) -> str:
    if not DAY.fullmatch(text):
        raise ValueError("must be a day, like 2026-11-24")
    return text


Day = Annotated[date, BeforeValidator(_written_as_day)]


class DayQuery(Parameters):
    first: Annotated[Day, Field(alias="from", description="The first day (UTC), included")]
    last: Annotated[Day, Field(alias="to", description=f"The last day (UTC), included; at most {MAX_DAYS} days in all")]

    @field_validator("last")
    @classmethod
    def _check_order(cls, last: date, info: ValidationInfo) -> date:
        if "first" in info.data and not 0 <= (last - info.data["first"]).days < MAX_DAYS:
            raise ValueError(f"must be the day of `from` or later, at most {MAX_DAYS} days in all")
        return last


class DayFigures(ResponseModel):
    day: date
    conversations: Count
    messages_in: Count
    messages_out: Count
    messages_failed: Count
    handoffs: Count
    credits_used: Count
    docs_ready: Count


class Days(ResponseModel):
    items: list[DayFigures]


@route("GET", "/v1/analytics/daily", {200: Days})
def daily(session: Session, query: DayQuery) -> dict[str, Any]:
    """Each day's figures."""
    return {"items": days.daily(session, g.workspace_id, query.first, query.last)}
