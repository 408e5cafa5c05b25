"""What plugin authors need in their tests.

    from rapyer.testing import check_plugin, record_commands, use_plugins

None of it needs pytest.
"""

from rapyer.testing.contract import check_plugin as check_plugin
from rapyer.testing.contract import check_plugin_with_server as check_plugin_with_server
from rapyer.testing.hosts import use_plugins as use_plugins
from rapyer.testing.recording import SentCommand as SentCommand
from rapyer.testing.recording import record_commands as record_commands
