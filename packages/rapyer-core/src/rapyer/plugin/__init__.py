"""What plugins are made with, including core's own parts.

    from rapyer.plugin import Option, RegisterOption, hookimpl

    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_register_options(register: RegisterOption) -> None:
        register(Option("audit_stream", str, default="audit"))

A plugin is a module, or an instance of a class, named by an entry point of the group `rapyer`.
`rapyer.plugin.spec` has every hook with its signature.
"""

from rapyer.hosting import extends as extends
from rapyer.options import Option as Option
from rapyer.plugin.info import API_VERSION as API_VERSION
from rapyer.plugin.info import PluginInfo as PluginInfo
from rapyer.plugin.spec import Check as Check
from rapyer.plugin.spec import Command as Command
from rapyer.plugin.spec import Finding as Finding
from rapyer.plugin.spec import RegisterCheck as RegisterCheck
from rapyer.plugin.spec import RegisterCommand as RegisterCommand
from rapyer.plugin.spec import RegisterFieldType as RegisterFieldType
from rapyer.plugin.spec import RegisterMixin as RegisterMixin
from rapyer.plugin.spec import RegisterOption as RegisterOption
from rapyer.plugin.spec import Shutdown as Shutdown
from rapyer.plugin.spec import Startup as Startup
from rapyer.plugin.spec import hookimpl as hookimpl
from rapyer.traffic.beside import key_beside as key_beside
from rapyer.traffic.policies import AccessPolicy as AccessPolicy
from rapyer.types import FieldType as FieldType
from rapyer.types import FieldTypeMarker as FieldTypeMarker
from rapyer.types import define_field_type as define_field_type
from rapyer.types import mark as mark
