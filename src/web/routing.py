"""Routes: a handler with everything that is declared about it. They are found by walking the packages of `web`."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from web.idempotency import OptionalKey
from web.request_parsing import Form

Access = Literal[
    "workspace", "operator", "either", "vendor", "public", "developer", "console", "console-operator", "console-either"
]


@dataclass(frozen=True)
class AfterCommit:
    """A response that is known only after the commit, when `act` returns it. Until then, and if Postgres becomes
    unavailable before, it is `so_far`."""

    so_far: Any
    act: Callable[[], Any]


@dataclass(frozen=True, eq=False)
class Route:
    """One operation of the API, or one page (media type text/html)."""

    handler: Callable[..., Any]
    method: str
    path: str
    responses: Mapping[int, Any]
    access: Access = "workspace"
    media_type: str = "application/json"
    on_repeat: Callable[..., Any] | None = None
    raw_bytes: int = 0
    form_bytes: int = 0
    nav: tuple[int, str] | None = None

    @cached_property
    def name(self) -> str:
        """Flask's endpoint: module and function."""
        return f"{self.handler.__module__.removeprefix('web.')}.{self.handler.__name__}"

    @cached_property
    def summary(self) -> str:
        return (inspect.getdoc(self.handler) or "").partition("\n")[0].removesuffix(".")

    @cached_property
    def group(self) -> tuple[str, str]:
        """The name of its module, and what that is about."""
        module = self.handler.__module__
        name = module.rpartition(".")[2].capitalize()
        about = (inspect.getdoc(importlib.import_module(module)) or "").partition("\n")[0].removeprefix(f"{name}: ")
        return name, about[:1].upper() + about[1:]

    @property
    def is_page(self) -> bool:
        return self.media_type == "text/html"

    @cached_property
    def takes(self) -> dict[str, Any]:
        """The handler's parameters, by name their types."""
        hints = get_type_hints(self.handler, include_extras=True)
        return {name: hints[name] for name in inspect.signature(self.handler).parameters}

    @cached_property
    def query(self) -> Any:
        return self.takes.get("query")

    @cached_property
    def headers(self) -> Any:
        keyed = self.method == "POST" and self.access not in ("public", "vendor")
        return self.takes.get("headers", OptionalKey if keyed else None)

    @cached_property
    def body(self) -> Any:
        """The model of the JSON body."""
        return Union[tuple(kind for kind in self._bodies if kind is not self.form)] if self._bodies else None  # noqa: UP007

    @cached_property
    def form(self) -> type[Form] | None:
        """The model of the form: of a page's, or of the multipart form that may be sent instead of JSON."""
        kinds = (self.takes.get("form"), *self._bodies)
        return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Form)), None)

    @cached_property
    def _bodies(self) -> tuple[Any, ...]:
        """The members of the body's type if that is a union, else the type itself."""
        body = self.takes.get("body")
        is_union = get_origin(body) in (Union, UnionType)
        return get_args(body) if is_union else (body,) if body else ()


def route(
    method: str, path: str, responses: Mapping[int, Any], **options: Any
) -> Callable[[Callable[..., Any]], Route]:
    """Declare a handler's route. `responses`: status to response model (None: text, or nothing); the first status is the default.

    Options: `access`, who may call it (workspace, operator, either of them, public, developer; vendor: its signature is checked
    by the handler; console..: a session of a workspace, of an operator, of either); `media_type`; `on_repeat`, which returns the
    response to a repeated request while the AfterCommit of the first one has not ended; `raw_bytes`: the handler gets the body as
    it is, `raw`, of at most so many bytes; `form_bytes`: how long a form may be; `nav`: where a page is in the navigation.

    The handler's docstring is the summary. It gets the path's parameters, and of these those that it names:
    `session`: it runs in one transaction, and a POST honors Idempotency-Key;
    `body`: a RequestBody or a union of them, one of which may be a Form; `query` and `headers`: Parameters; `form`, of a page: a
    Form, which may carry the Idempotency-Key as a field.
    It returns, as in Flask, a value, or (value, status), or (value, status, headers). The value is a response model, or what
    one can be read from: a row, a dict; without a model it is text. A handler without `session` may return a flask.Response.
    """
    return lambda handler: Route(handler, method, path, responses, **options)


def declared() -> list[Route]:
    """Every route of every module in a package of `web`, by path."""
    packages = pkgutil.iter_modules(importlib.import_module(__package__).__path__, f"{__package__}.")
    routes: list[Route] = []
    for package in [importlib.import_module(found.name) for found in packages if found.ispkg]:
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            routes += (value for value in vars(module).values() if isinstance(value, Route))
    return sorted(routes, key=lambda route: route.path)
