"""Reads untrusted zip files and their XML: unpacked bytes are counted while reading, declared sizes are not trusted."""

import io
import posixpath
from urllib.parse import unquote
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from lxml import etree

from nightshift.errors import PermanentError

MAX_UNPACKED_BYTES = 200 << 20  # of all parts read; an upload has at most 50 MB
MAX_PART_BYTES = 64 << 20  # of one part held in memory, whose XML tree takes about ten times as much

_TOO_BIG = "This file unpacks to more than the allowed size. Split it into smaller files and upload those."


class Archive:
    """An open zip file. A damaged one raises the errors of zipfile and lxml, never OSError.

    Names are found without regard to case (OPC 6.3.5), and with the backslashes of some Windows programs.
    """

    def __init__(self, data: bytes, budget: list[int] | None = None) -> None:
        self._zip = ZipFile(io.BytesIO(data))
        self._left = budget or [MAX_UNPACKED_BYTES]
        if any(info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for info in self._zip.infolist()):
            raise BadZipFile  # documents use no others, and zipfile unpacks those without a limit
        self._parts = {plain_name(info.filename): info for info in self._zip.infolist()}

    def within(self, data: bytes) -> "Archive":
        """A zip file that is a part of this one: both together unpack to no more than one may."""
        return Archive(data, self._left)

    def read(self, name: str, limit: int = MAX_PART_BYTES) -> bytes:
        """The part's bytes. Raises KeyError if it is missing, PermanentError if it is too large."""
        limit = min(self._left[0], limit)
        with self._zip.open(self._parts[plain_name(name)]) as part:
            data = part.read(limit + 1)
        if len(data) > limit:
            raise PermanentError(_TOO_BIG)
        self._left[0] -= len(data)
        return data

    def has(self, name: str) -> bool:
        return plain_name(name) in self._parts

    def xml(self, name: str, limit: int = MAX_PART_BYTES) -> etree._Element:
        """The root of an XML part, without resolving entities, fetching anything, or comments."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        return etree.fromstring(self.read(name, limit), parser)

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """The relationships of an Office part ("" for the file itself): id to (last word of the type, related part).

        Targets that are not in the file, such as addresses and missing parts, are left out.
        """
        folder, name = posixpath.split(part)
        rels = posixpath.join(folder, "_rels", f"{name}.rels")
        found = self.xml(rels) if self.has(rels) else ()
        named = [(rel.get("Id"), rel.get("Type", ""), target(part, rel.get("Target", ""))) for rel in found]
        return {key: (kind.rpartition("/")[2], name) for key, kind, name in named if self.has(name)}

    def related(self, part: str, kind: str) -> list[str]:
        """The related parts of one kind."""
        return [name for found, name in self.relations(part).values() if found == kind]

    def main_part(self) -> str:
        """The main part of an Office file. Raises IndexError if there is none."""
        return self.related("", "officeDocument")[0]


def plain_name(name: str) -> str:
    return name.replace("\\", "/").lower()


def target(part: str, reference: str) -> str:
    """The part that `reference` in `part` points to: relative to its folder, or to the root if it begins with a slash."""
    path = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(part), path)).lstrip("/")


def local(element: etree._Element) -> str:
    """The element's name without its namespace (Office has two for each); "" for anything but an element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute_of(element: etree._Element, name: str) -> str:
    """The attribute `name` in any namespace, but not without one: a slide has both id and r:id."""
    return next((value for key, value in element.attrib.items() if key.endswith("}" + name)), "")
