"""An audit log for rapyer: who wrote which document, in the same step as the write."""

from rapyer_audit.actor import Actor as Actor
from rapyer_audit.actor import acting_as as acting_as
from rapyer_audit.log import AuditEntry as AuditEntry
from rapyer_audit.log import AuditMixin as AuditMixin
