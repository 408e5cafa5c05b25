"""Paths, with operations on documents by key."""

from typing import TYPE_CHECKING

from rapyer.paths.dict import DictPath
from rapyer.paths.field import FieldPath, Readable, Selectable, col
from rapyer.paths.geo import GeoPath
from rapyer.paths.list import ListPath

if TYPE_CHECKING:  # for type checkers only
    from rapyer.paths.dict import K as K
    from rapyer.paths.dict import KeyedPath as KeyedPath
    from rapyer.paths.list import Items as Items
    from rapyer.paths.list import ModelListPath as ModelListPath
    from rapyer.paths.list import TuplePath as TuplePath

__all__ = ["DictPath", "FieldPath", "GeoPath", "ListPath", "Readable", "Selectable", "col"]
