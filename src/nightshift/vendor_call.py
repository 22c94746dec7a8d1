"""Calls to vendors as an operator sees them: each is counted, logged and traced, by what came of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nightshift import metrics, tracing
from nightshift.errors import BadCredential, NightshiftError, PermanentError, TemporaryError
from nightshift.logs import log


@dataclass
class VendorCall:
    """`status`: of the HTTP answer, once there is one."""

    status: int | None = None


@contextmanager
def vendor_call(vendor: str) -> Iterator[VendorCall]:
    """The block calls a vendor and reads its answer: it raises what that means.

    What came of it: accepted; busy (we are asked to wait), temporary, permanent, credential (the account is refused);
    unreachable, unknown (the answer was lost); interrupted (a stop, a time limit, an error of ours).
    """
    begun, call, answer = time.monotonic(), VendorCall(), "interrupted"
    with tracing.span(vendor, "CLIENT") as span:
        try:
            yield call
            answer = "accepted"
        except NightshiftError as error:
            answer = _meaning(error, call.status)
            raise
        finally:
            metrics.count(metrics.ANSWERS, vendor, answer)
            span.set(answer=answer, status=call.status or 0)
            took = int((time.monotonic() - begun) * 1000)
            log("vendor", vendor=vendor, answer=answer, status=call.status, ran_ms=took)


def _meaning(error: NightshiftError, status: int | None) -> str:
    if isinstance(error, PermanentError):
        return "credential" if isinstance(error, BadCredential) else "permanent"
    if status is None:
        return "unknown" if isinstance(error, TemporaryError) and error.answer_lost else "unreachable"
    return "busy" if isinstance(error, TemporaryError) and error.retry_after_seconds is not None else "temporary"
