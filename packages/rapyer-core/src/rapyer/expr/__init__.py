"""Paths into documents: what `User.address.city` is on a model class. Pure: no Redis here."""

from rapyer.expr.paths import FieldPath as FieldPath
