"""What a value looks like in a document: one module for each family of types."""

from rapyer.types.define import define_field_type as define_field_type
from rapyer.types.marking import FieldTypeMarker as FieldTypeMarker
from rapyer.types.marking import mark as mark
from rapyer.types.table import FieldType as FieldType
