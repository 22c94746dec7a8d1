"""What can be added as knowledge: bodies of a request, and the source that is made of one."""

import hashlib
import io
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema
from werkzeug.datastructures import FileStorage

from nightshift.address import check_form
from nightshift.errors import PermanentError
from nightshift.knowledge import sniff
from nightshift.knowledge.documents import Source
from web.error_responses import Problem
from web.request_parsing import MAX_FILE_BYTES, Form, Line, Prose, RequestBody, tidy

UNSUPPORTED = (
    "Unsupported file type (judged by its content){}. Supported: PDF, DOCX, DOC, PPTX, PPT, XLSX, XLS, ODS, EPUB, HTML, CSV, "
    "Markdown, mail (EML, MHTML), plain text."
)


class TextSource(RequestBody):
    type: Literal["text"]
    title: Line
    text: Prose


class QaSource(RequestBody):
    type: Literal["qa"]
    question: Line
    answer: Prose


class UrlSource(RequestBody):
    type: Literal["url"]
    url: Annotated[str, AfterValidator(check_form)]


JsonSource = Annotated[TextSource | UrlSource | QaSource, Field(discriminator="type")]


def _file(value: Any) -> FileStorage:
    if not isinstance(value, FileStorage):
        raise ValueError("must be a file")
    return value


class Upload(Form):
    """A file. Its title, if none is given, is the file's name."""

    file: Annotated[FileStorage, PlainValidator(_file), WithJsonSchema({"type": "string", "format": "binary"})]
    title: str | None = None


def source_of(body: TextSource | UrlSource | QaSource | Upload) -> Source:
    """The same source has the same digest. Raises 413 and 415 for a file."""
    return _of_file(body) if isinstance(body, Upload) else _of_text(body)


def _of_text(body: TextSource | UrlSource | QaSource) -> Source:
    if isinstance(body, UrlSource):
        kind, title, hashed_title, text = "url", body.url, "", body.url
    elif isinstance(body, TextSource):
        kind, title, hashed_title, text = "text", body.title, body.title, body.text
    else:
        kind, title, hashed_title, text = "text", body.question, body.question, f"{body.question}\n\n{body.answer}"
    data = text.encode()
    return Source(body.type, kind, title, _digest(body.type, hashed_title, hashlib.sha256(data)), io.BytesIO(data))


def _of_file(body: Upload) -> Source:
    stream, filename = body.file.stream, body.file.filename or ""
    if stream.seek(0, io.SEEK_END) > MAX_FILE_BYTES:
        raise Problem(413, "The file is larger than 50 MB.")
    try:
        kind = sniff.kind_of(stream, filename)
    except PermanentError as unsupported:
        raise Problem(415, str(unsupported)) from None
    if kind is None:
        known = sniff.known_as(stream)
        raise Problem(415, UNSUPPORTED.format(f": {known}" if known else ""))
    title = tidy(" ".join((body.title or filename).split())[:500] or "Untitled")
    digest = _digest("file", kind, hashlib.file_digest(cast(Any, stream), "sha256"))
    stream.seek(0)
    return Source("file", kind, title, digest, stream)


def _digest(kind: str, title: str, content: Any) -> bytes:
    return hashlib.sha256(f"{kind}\n{title}\n".encode() + content.digest()).digest()
