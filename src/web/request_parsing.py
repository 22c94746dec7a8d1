"""What a request says: its body, query and headers as models."""

import base64
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import RequestEntityTooLarge

from nightshift import clock
from nightshift.knowledge.text import clean
from web.error_responses import SENTENCES, Problem, invalid, invalid_fields, not_found
from web.response_models import adapter

MAX_FILE_BYTES = 50 << 20
MAX_FORM_BYTES = MAX_FILE_BYTES + (64 << 10)  # a file and the form around it
MAX_JSON_BYTES = 10 << 20
MAX_FIELDS_BYTES = 1 << 20  # of a page's form without files
MAX_FIELDS = 100  # no body or form has so many: each that is unknown costs an error


class RequestBody(BaseModel):
    """A request's body: camelCase outside, no unknown field."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class Form(BaseModel):
    """A multipart form, with files. Unknown fields are ignored."""


class Parameters(BaseModel):
    """Parameters of a query or of headers, each named by its alias. Unknown ones are ignored."""

    model_config = ConfigDict(alias_generator=to_camel)


def tidy(value: Any) -> Any:
    """One clean line of a string; anything else unchanged, for the model to refuse."""
    return " ".join(clean(value).split()) if isinstance(value, str) else value


def written_as(pattern: str, form: str) -> tuple[BeforeValidator, StringConstraints]:
    """A string like `pattern`; any other one "must be `form`"."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not re.search(pattern, value):
            raise ValueError(f"must be {form}")
        return value

    return BeforeValidator(check), StringConstraints(pattern=pattern)


def _readable(value: Any) -> Any:
    if value == "":
        raise ValueError("must not be empty")
    return clean(value) if isinstance(value, str) else value


def decode(text: str) -> str:
    """What a cursor stands for. Raises ValueError."""
    try:
        last = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        last = ""
    if not last.isprintable() or not last:
        raise ValueError("must be a nextCursor from this list")
    return last


def _decode_number(text: str) -> int:
    last = decode(text)
    if not last.isdecimal() or len(last) > 18:
        raise ValueError("must be a nextCursor from this list")
    return int(last)


def _moment(until: bool, written: Any) -> datetime:
    """The day or time as the moment from which on, or before which, something is. Without a zone it is UTC."""
    try:
        moment = clock.parse(written)
    except (TypeError, ValueError):
        raise ValueError("must be a day or a time, like 2026-11-24 or 2026-11-24T09:30:00Z") from None
    length = timedelta(days=1) if _is_day(written) else timedelta(milliseconds=1)
    try:
        return moment.astimezone(UTC) + length * until
    except OverflowError:  # at one of the two ends of time
        return (datetime.min if moment.year < 2000 else datetime.max).replace(tzinfo=UTC)


def _is_day(written: str) -> bool:
    with suppress(ValueError):
        return bool(date.fromisoformat(written))
    return False


Line = Annotated[str, BeforeValidator(tidy), StringConstraints(min_length=1, max_length=500)]
Prose = Annotated[str, BeforeValidator(_readable)]
A_MOMENT = WithJsonSchema({"type": "string", "format": "date-time"})
Since = Annotated[datetime, PlainValidator(partial(_moment, False)), A_MOMENT]  # included, as the other one is
Until = Annotated[datetime, PlainValidator(partial(_moment, True)), A_MOMENT]
NumberCursor = Annotated[int, PlainValidator(_decode_number), WithJsonSchema({"type": "string"})]
CURSOR = Field(description="`nextCursor` of the page before")


class Limited(Parameters):
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PageQuery(Limited):
    """Which part of a list. The cursor is the id of the last row of the page before."""

    cursor: Annotated[Annotated[str, AfterValidator(decode)] | None, CURSOR] = None


class WithoutEmpty(BaseModel):
    """What a form of a page sends, without the fields that nobody has filled in."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if value != ""}


class FilteredQuery(WithoutEmpty, PageQuery):
    """A PageQuery of a list that is filtered by a form."""


class NumberedPageQuery(Limited):
    """The same where the rows are numbered."""

    cursor: Annotated[NumberCursor | None, CURSOR] = None


def refuse_nul() -> None:
    """Raises 404 or 400 for NUL, which Postgres cannot store."""
    if "\0" in request.path:
        raise not_found()
    if any("\0" in value for _, value in request.args.items(multi=True)):
        raise Problem(400, "The query contains a NUL character.")


def form_fields() -> dict[str, str]:
    """The fields of a page's form, of each the first. Raises 400 for NUL in any."""
    if any("\0" in value for _, value in request.form.items(multi=True)):
        raise Problem(400, "The form contains a NUL character.")
    return request.form.to_dict()


def read_body(max_form_bytes: int) -> None:
    """Read the whole body, before the transaction: a slow sender must not hold a connection. 0: it takes no form.

    Raises 413, also for a body without a length, which Werkzeug would cut off at the limit, and 400 for one that ends early.
    """
    is_form = max_form_bytes and request.mimetype == "multipart/form-data"
    is_fields = request.mimetype == "application/x-www-form-urlencoded"
    limit = max_form_bytes if is_form else MAX_FIELDS_BYTES if is_fields else MAX_JSON_BYTES
    request.max_content_length = limit
    said, got = request.content_length or 0, len(request.files) if is_form else len(request.get_data())
    too_large = request.environ["wsgi.input"].read(1)
    if too_large and not (is_form and 0 < said <= limit):
        raise RequestEntityTooLarge
    if too_large or (got < said and not is_form):
        raise Problem(400, SENTENCES[400])


def read_raw(max_bytes: int) -> bytes:
    """The bytes of the body, whatever its type. Raises 413."""
    request.max_content_length = max_bytes
    body = request.get_data(cache=False)
    if request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    return body


def parse_body(model: Any, form: type[Form] | None) -> Any:
    """The JSON body as `model`, or the multipart form as `form`. Raises 400, 415 and 422."""
    if form is not None and request.mimetype == "multipart/form-data":
        return parse(form, {**request.form, **request.files})
    if not request.is_json:
        raise Problem(415, "Send JSON, with the header Content-Type: application/json.")
    try:
        value = request.get_json()
    except RecursionError:
        raise Problem(400, "The JSON is nested too deeply.") from None
    if not isinstance(value, dict):
        raise invalid("body", "must be a JSON object")
    return parse(model, value)


def parse_headers(model: type[Parameters], fields: Mapping[str, str]) -> Any:
    """The headers that `model` names; a form's `fields` may stand in for them. Raises 422."""
    names = [str(field.alias) for field in model.model_fields.values()]
    found = {name: request.headers.get(name, fields.get(name)) for name in names}
    return parse(model, {name: value for name, value in found.items() if value is not None})


def parse(model: Any, values: dict[str, Any]) -> Any:
    """The values as `model`. Raises 422, naming every field that is invalid."""
    if len(values) > MAX_FIELDS:
        raise invalid("body", f"must have at most {MAX_FIELDS} fields")
    try:
        return adapter(model).validate_python(values)
    except ValidationError as error:
        is_union = not isinstance(model, type)
        errors = [{"field": _field(e, is_union), "message": _message(e)} for e in error.errors()]
    raise invalid_fields(errors)


def _message(error: Any) -> str:
    """What is wrong. Of a text that a validator of ours read first, pydantic would count "items"."""
    of_text = error.get("ctx", {}).get("field_type") == "Value"
    if of_text and error["type"] == "too_short":
        return "must not be empty"
    if of_text and error["type"] == "too_long":
        return f"must have at most {error['ctx']['max_length']:,} characters"
    return str(error["msg"]).removeprefix("Value error, ")


def _field(error: Any, is_union: bool) -> str:
    """The field as the caller wrote it. In a union the first part of its location is the kind of body, not a field."""
    location = error["loc"][1:] if is_union else error["loc"]
    return ".".join(map(str, location)) or str(error.get("ctx", {}).get("discriminator", "body")).strip("'")
