"""What is wrong with a plugin is said with its name, distribution, version and the remedy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import rapyer
from rapyer import PluginError
from rapyer.__main__ import main
from rapyer.host import host_of
from rapyer.plugin import API_VERSION, Option, hookimpl
from rapyer.testing import use_plugins

HEAD = "from rapyer.plugin import hookimpl\nRAPYER_API_VERSION = 1\n"
MIXIN = """
from rapyer.base import BaseRedisModel
from rapyer.plugin import hookimpl
RAPYER_API_VERSION = 1

class {cls}(BaseRedisModel):
    {body}

@hookimpl
def rapyer_register_mixins(register):
    register({cls})
"""

#: What the plugin is, and what its error says beside who it is.
FAULTS = {
    "import error": ("import not_there", "could not be imported: ModuleNotFoundError: .*not_there"),
    "error of any kind": ("1 / 0", "could not be imported: ZeroDivisionError"),
    "another API version": (
        HEAD.replace("= 1", "= 99") + "@hookimpl\ndef rapyer_startup(): ...",
        f"was made for version 99 of the plugin API, .* rapyer-core has version {API_VERSION}",
    ),
    "no API version": (
        "from rapyer.plugin import hookimpl\n@hookimpl\ndef rapyer_startup(): ...",
        r"RAPYER_API_VERSION is None\)\. Write `RAPYER_API_VERSION = 1`",
    ),
    "unknown hook": (
        HEAD + "@hookimpl\ndef rapyer_model_creatd(model): ...",
        r"implements the hook 'rapyer_model_creatd', .*Did you mean 'rapyer_model_created'\?",
    ),
    "undecorated function": (
        HEAD + "def rapyer_startup(): ...",
        "has the function rapyer_startup without @hookimpl, so it would never be called. Mark",
    ),
    "async implementation": (
        HEAD + "@hookimpl\nasync def rapyer_startup(): ...",
        r"implements rapyer_startup as an `async def`.*"
        r"Write a plain function that returns the async function",
    ),
    "async implementation of a hook that awaits nothing": (
        HEAD + "@hookimpl\nasync def rapyer_model_created(model): ...",
        r"`async def`, .*in the function that `rapyer_startup` returns",
    ),
    "wrapper": (
        HEAD + "@hookimpl(wrapper=True)\ndef rapyer_startup():\n    return (yield)",
        "implements rapyer_startup with a `yield`, but these hooks cannot be wrappers",
    ),
    "renamed hook": (
        HEAD + "@hookimpl(specname='rapyer_startup')\ndef start(): ...",
        "implements rapyer_startup under the name start",
    ),
    "unknown parameter": (
        HEAD + "@hookimpl\ndef rapyer_model_created(cls): ...",
        r"the parameter 'cls', .*signature is rapyer_model_created\(model\)",
    ),
    "no hook at all": (HEAD, "implements no hook: the module has no function marked with @hook"),
    "import of AtomicRedisModel": (
        "from rapyer import AtomicRedisModel",
        r"uses rapyer\.AtomicRedisModel or .*BaseRedisModel from rapyer\.base",
    ),
    "import of EmbeddedModel": ("from rapyer import EmbeddedModel", "uses rapyer.AtomicRedis"),
    "use of AtomicRedisModel in a hook": (
        HEAD + "@hookimpl\ndef rapyer_register_mixins(register):\n"
        "    import rapyer\n    register(rapyer.AtomicRedisModel)",
        "uses rapyer.AtomicRedisModel or rapyer.EmbeddedModel while it is being loaded",
    ),
    "a method of core": (
        MIXIN.format(cls="Mine", body="def save(self): ..."),
        r"adds Mine\.save to all models, but SaveMixin\.save of the plugin 'core' \(",
    ),
    "a method of pydantic": (
        MIXIN.format(cls="Mine", body="def model_dump(self): ..."),
        r"adds Mine\.model_dump to all models, but BaseModel\.model_dump already exists\.",
    ),
    "an attribute of the base": (
        MIXIN.format(cls="Mine", body="pk = property(lambda self: 1)"),
        r"adds Mine\.pk to all models, but BaseRedisModel\.pk already exists\.",
    ),
    "a field in a mixin": (
        MIXIN.format(cls="Mine", body="made_at: int = 0"),
        "registers Mine, whose field 'made_at' would be part of the documents of all models",
    ),
    "settings of pydantic in a mixin": (
        MIXIN.format(cls="Mine", body="model_config = {'frozen': True}"),
        "registers Mine, whose model_config would apply to all models",
    ),
    "options in a mixin": (
        MIXIN.format(cls="Mine", body="class Config:\n        redis = None"),
        "Mine is a mixin, .* and cannot have options",
    ),
    "something else as a mixin": (
        HEAD + "@hookimpl\ndef rapyer_register_mixins(register): register(int)",
        "registers <class 'int'> as a mixin. Derive it from rapyer.base.BaseRedisModel",
    ),
    "a name in place of an option": (
        HEAD + "@hookimpl\ndef rapyer_register_options(register): register('ttl')",
        "registers 'ttl' as an option. Register an Option",
    ),
    "an option of core": (
        HEAD + "from rapyer.plugin import Option\n@hookimpl\n"
        "def rapyer_register_options(register): register(Option('prefix', str, default=''))",
        r"registers the option 'prefix', which already belongs to the plugin 'core' \(rapyer-core",
    ),
    "an option that cannot be written": (
        HEAD + "from rapyer.plugin import Option\n@hookimpl\n"
        "def rapyer_register_options(register): register(Option('_x', str, default=''))",
        "registers the option '_x', which is not a name that a `class Config` can set",
    ),
    "a class as the plugin": (
        HEAD + "class Hooks:\n    RAPYER_API_VERSION = 1\n"
        "    @hookimpl\n    def rapyer_startup(self): ...",
        r"names the class Hooks, .*`hooks = Hooks\(\)`",
    ),
}  # fmt: skip
TARGETS = {"a class as the plugin": "faulty_module:Hooks"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_the_plugin_its_distribution_its_version_and_the_remedy(
    install, fault
):
    code, message = FAULTS[fault]
    install("faulty", code, target=TARGETS.get(fault, ""))
    with pytest.raises(PluginError, match=f"(?s){message}") as caught, host_of([], installed=True):
        raise AssertionError("not refused")
    assert "plugin 'faulty' (rapyer-faulty 1.2.3)" in str(caught.value)
    assert (caught.value.plugin, caught.value.distribution, caught.value.version) == (
        "faulty", "rapyer-faulty", "1.2.3",
    )  # fmt: skip


def test_a_fault_that_no_line_of_code_mends_says_how_to_do_without_the_plugin(install):
    install("faulty", "import not_there")
    with (
        pytest.raises(PluginError, match="RAPYER_DISABLED_PLUGINS=faulty"),
        host_of([], installed=True),
    ):
        raise AssertionError("not refused")


@pytest.mark.parametrize("first", ["aa", "zz"])
def test_two_plugins_with_the_same_method_are_refused_with_both_owners(install, first):
    other = {"aa": "zz", "zz": "aa"}[first]
    install(first, MIXIN.format(cls="First", body="def shared(self): ..."))
    install(other, MIXIN.format(cls="Second", body="def shared(self): ..."), version="4.5")
    with pytest.raises(PluginError) as caught, host_of([], installed=True):
        raise AssertionError("not refused")
    assert "(rapyer-aa" in str(caught.value)
    assert "(rapyer-zz" in str(caught.value)
    assert "First.shared" in str(caught.value)
    assert "Second.shared" in str(caught.value)
    assert caught.value.plugin == "zz", "the later one in the order of names, on every machine"


def test_private_helpers_of_two_mixins_do_not_hide_each_other_either(install):
    install("aa", MIXIN.format(cls="First", body="def _helper(self): ..."))
    install("zz", MIXIN.format(cls="Second", body="def _helper(self): ..."))
    with pytest.raises(PluginError, match=r"adds Second\._helper"), host_of([], installed=True):
        raise AssertionError("not refused")


def test_two_distributions_with_a_plugin_of_the_same_name_are_refused(install):
    site = install("same", HEAD + "@hookimpl\ndef rapyer_startup(): ...")
    info = site / "other_dist-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-dist\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[rapyer]\nsame = same_module\n")
    with (
        pytest.raises(
            PluginError, match=r"\(rapyer-same 1.2.3\) has the same name as .*other-dist 2.0"
        ),
        host_of([], installed=True),
    ):
        raise AssertionError("not refused")


def test_a_plugin_that_comes_when_models_exist_is_refused():
    with use_plugins() as host, pytest.raises(PluginError, match=r"comes too late: rapyer\."):
        host.manager.register(object(), rapyer.host.CORE)


def test_an_object_without_a_hash_is_refused():
    class Unhashable:
        RAPYER_API_VERSION = 1
        __hash__ = None

        @hookimpl
        def rapyer_startup(self): ...

    with (
        pytest.raises(PluginError, match="is a Unhashable, which is not hashable"),
        use_plugins(Unhashable()),
    ):
        raise AssertionError("not refused")


def test_a_hook_of_a_later_version_may_be_marked_as_optional():
    class Later:
        RAPYER_API_VERSION = 1

        @hookimpl(optionalhook=True)
        def rapyer_of_tomorrow(self, something): ...

        @hookimpl
        def rapyer_register_options(self, register):
            register(Option("level", int, default=1))

    with use_plugins(Later()) as host:
        (later,) = (info for info in host.manager.plugins if info.name == "Later")
        assert host.manager.hooks_of(later) == ["rapyer_register_options"]


# -- in a process of its own ----------------------------------------------------------------------


def run(site: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(site), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


GOOD = MIXIN.format(cls="Good", body="def hello(self): return 'hello'")


@pytest.mark.parametrize(
    "code",
    [
        "import rapyer, good_module; model = rapyer.AtomicRedisModel",
        "import good_module; from rapyer import AtomicRedisModel as model",
        "import rapyer.base, good_module; from rapyer import *; model = AtomicRedisModel",
        "from rapyer import EmbeddedModel; import good_module; from rapyer import *; "
        "model = AtomicRedisModel",
    ],
)
def test_the_model_has_the_methods_whichever_package_is_imported_first(install, code):
    site = install("good", GOOD)
    done = run(site, f"{code}\nprint(model.hello)")
    assert done.returncode == 0, done.stderr
    assert "Good.hello" in done.stdout


@pytest.mark.parametrize("code", ["import faulty_module", "import rapyer; rapyer.AtomicRedisModel"])
def test_a_plugin_that_asks_for_models_is_named_whichever_package_is_imported_first(install, code):
    site = install("faulty", f"from rapyer import AtomicRedisModel\n{GOOD}")
    done = run(site, code)
    assert done.returncode == 1
    assert "PluginError: the plugin 'faulty' (rapyer-faulty 1.2.3) uses rapyer.Atom" in done.stderr


def test_a_package_around_the_plugin_may_not_ask_for_models_either(install):
    site = install("faulty", "", target="faulty_package.plugin")
    package = site / "faulty_package"
    package.mkdir()
    (package / "__init__.py").write_text("from rapyer import AtomicRedisModel\n")
    (package / "plugin.py").write_text(GOOD)
    for code in ("import faulty_package", "import rapyer; rapyer.AtomicRedisModel"):
        assert "plugin 'faulty' (rapyer-faulty 1.2.3) uses rapyer.Atom" in run(site, code).stderr


def test_models_are_composed_once_when_many_threads_ask_first(install):
    site = install("slow", "import time\ntime.sleep(0.2)\n" + GOOD)
    code = """
import threading, rapyer
models = []
ask = lambda: models.append(rapyer.AtomicRedisModel)
threads = [threading.Thread(target=ask) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(models) == 8 and len(set(models)) == 1 and models[0].hello, models
"""
    done = run(site, code)
    assert done.returncode == 0, done.stderr


def test_a_thread_that_imports_a_faulty_plugin_and_one_that_asks_first_do_not_wait_for_each_other(
    install,
):
    site = install("faulty", "import time\ntime.sleep(0.3)\nfrom rapyer import AtomicRedisModel")
    code = """
import threading, time
errors = []
def attempt(work):
    try:
        work()
    except Exception as exc:
        errors.append(type(exc).__name__)
def ask():
    import rapyer
    rapyer.AtomicRedisModel
def load():
    import faulty_module
threads = [threading.Thread(target=attempt, args=(work,), daemon=True) for work in (load, ask)]
for thread in threads:
    thread.start()
    time.sleep(0.1)
for thread in threads:
    thread.join(10)
print(errors)
"""
    assert run(site, code).stdout == "['PluginError', 'PluginError']\n"


def test_a_disabled_plugin_is_not_even_imported(install):
    site = install("faulty", "raise SystemExit('imported')")
    code = "import rapyer; print(rapyer.AtomicRedisModel)"
    assert "imported" in run(site, code).stderr
    done = run(site, code, RAPYER_DISABLED_PLUGINS=" other_one ,faulty")
    assert done.returncode == 0
    assert "'other_one', but no installed plugin has that name" in done.stderr


def test_a_method_of_a_disabled_plugin_of_the_project_says_that_it_is_disabled(install):
    site = install("query", GOOD, version="0.1.0")
    code = (
        "from rapyer import AtomicRedisModel\nclass U(AtomicRedisModel): ...\n"
        "assert not hasattr(U, 'find')\nU.find"
    )
    done = run(site, code, RAPYER_DISABLED_PLUGINS="query")
    assert "U.find is part of rapyer-query, which RAPYER_DISABLED_PLUGINS disables" in done.stderr


def test_a_command_of_a_plugin_that_is_not_there_says_how_to_get_it(install, monkeypatch, capsys):
    install("query", GOOD, version="0.1.0")
    monkeypatch.setenv("RAPYER_DISABLED_PLUGINS", "query")
    with pytest.raises(SystemExit, match="2"):
        main(["index", "list"])
    said = capsys.readouterr().err
    assert "index is part of rapyer-query, which RAPYER_DISABLED_PLUGINS disables" in said
    with pytest.raises(SystemExit, match="2"):
        main(["indexx", "list"])
    assert "invalid choice: 'indexx'" in capsys.readouterr().err


def test_calls_of_hooks_are_traced_to_standard_error(install):
    site = install("good", GOOD)
    code = "import rapyer; rapyer.AtomicRedisModel"
    assert "rapyer_register_mixins" not in run(site, code, RAPYER_TRACE_PLUGINS="0").stderr
    assert "rapyer_register_mixins" in run(site, code, RAPYER_TRACE_PLUGINS="1").stderr


def test_importing_rapyer_loads_no_plugin(install):
    site = install("faulty", "raise SystemExit('imported')")
    code = "import rapyer, rapyer.base, rapyer.plugin; rapyer.Field, rapyer.Key, rapyer.RapyerError"
    assert run(site, code).returncode == 0


# -- python -m rapyer plugins ---------------------------------------------------------------------


def test_plugins_are_listed_with_what_they_add(alone, install, capsys):
    install(
        "good",
        GOOD + "from rapyer.plugin import Option\n@hookimpl\n"
        "def rapyer_register_options(register): register(Option('greeting', str, default=''))",
    )
    assert main(["plugins", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert listing["api_version"] == API_VERSION
    core, good = listing["plugins"]
    assert good == {
        "name": "good", "distribution": "rapyer-good", "version": "1.2.3", "api": 1,
        "status": "loaded", "hooks": ["rapyer_register_mixins", "rapyer_register_options"],
        "methods": ["hello"], "options": ["greeting"], "field types": [],
    }  # fmt: skip
    assert core["distribution"] == "rapyer-core"
    assert core["version"] == rapyer.__version__
    assert set(core["methods"]) == {
        "save", "get", "load", "get_or_create", "delete", "delete_by_key", "exists", "path",
        "extract", "extract_fields", "extract_many", "aupdate", "aupdate_by_key", "changes",
        "save_changes", "rollback", "lock", "lock_by_key",
    }  # fmt: skip


def test_plugins_that_do_not_work_are_listed_with_their_fault(alone, install, monkeypatch, capsys):
    install("aa", MIXIN.format(cls="First", body="def shared(self): ..."))
    install("broken", "import not_there")
    install("off", "raise SystemExit")
    install("zz", MIXIN.format(cls="Second", body="def shared(self): ..."))
    monkeypatch.setenv("RAPYER_DISABLED_PLUGINS", "off")
    assert main(["plugins", "--json"]) == 1
    listing = json.loads(capsys.readouterr().out)["plugins"]
    assert [(plugin["name"], plugin["status"]) for plugin in listing] == [
        ("core", "loaded"), ("aa", "loaded"), ("broken", "fault"), ("zz", "fault"),
        ("off", "disabled"),
    ]  # fmt: skip
    assert "First.shared" in listing[3]["fault"]
    assert main(["plugins"]) == 1
    printed = capsys.readouterr()
    assert "not_there" in printed.err
    assert "rapyer-broken" in printed.out


@pytest.mark.parametrize("columns", [40, 80, 140, 300])
def test_what_plugins_add_is_wrapped_to_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["plugins"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].split() == ["name", "distribution", "version", "api", "status"]
    start = lines[0].index("status")
    rows = lines[: lines.index("")]
    assert all(row[start - 2 : start] == "  " for row in rows)
    parts = lines[lines.index("") :]
    assert all(len(line) <= columns or " " not in line.strip() for line in parts)
    methods = " ".join(out[out.index("  methods") : out.index("  options")].split())
    assert "aupdate, aupdate_by_key, changes, delete," in methods


def test_a_command_of_an_absent_plugin_of_the_project_says_what_to_install(alone, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["index", "list"])
    assert caught.value.code == 2
    message = (
        'index is part of rapyer-query, which is not installed. Run `pip install "rapyer[query]"`'
    )
    assert message in capsys.readouterr().err


def test_of_two_commands_of_one_name_the_later_is_refused_and_the_others_work(install, capsys):
    code = (
        HEAD + "from rapyer.plugin import Command\n@hookimpl\n"
        "def rapyer_register_commands(register): register(Command('plugins', '', print))"
    )
    install("faulty", code)
    assert main(["plugins"]) == 0
    printed = capsys.readouterr()
    assert (
        "registers the command 'plugins', which already belongs to the plugin 'core'" in printed.err
    )
    assert "rapyer-faulty" in printed.out, "the other commands work"
