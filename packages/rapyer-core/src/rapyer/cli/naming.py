"""Models as a command line names them: `package.module:Model`, or `package.module` for all."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from rapyer.base import BaseRedisModel, identity_of
from rapyer.cli.errors import UsageError
from rapyer.guards import is_class

_REMEDY: Final = (
    "Write `package.module:Model`, and run the command where Python can find the package."
)


def add_models(parser: ArgumentParser, *, required: bool) -> None:
    """Add the argument `models`, the names of models for `models_of`.

    Args:
        parser: Receives the argument.
        required: Whether at least one model has to be given.
    """
    parser.add_argument(
        "models",
        nargs="+" if required else "*",
        default=[],  # otherwise argparse counts it among the required arguments
        metavar="MODEL",
        help="`package.module:Model`, or `package.module` for all models that it defines",
    )


def models_of(
    targets: Sequence[str],
    *,
    only: Callable[[type[BaseRedisModel]], bool] | None = None,
    called: str = "with documents",
) -> list[type[BaseRedisModel]]:
    """Import the models that a command line names, each once and in that order.

    Args:
        targets: `package.module:Model`, or `package.module` for all models that the module
            defines or exports from its own package.
        only: Says which models of a whole module are meant; by default, all with documents.
        called: What those are called in messages, such as `"with indexed fields"`.

    Returns:
        The models.

    Raises:
        UsageError: A name refers to no module or no model, or a module cannot be imported.
    """
    found: dict[type[BaseRedisModel], None] = {}
    for target in targets:
        module_name, colon, path = target.partition(":")
        module = _imported(module_name, target)
        if colon:
            found[_model_at(module, path, target)] = None
            continue
        models = _models_in(module)
        chosen = [model for model in models if only is None or only(model)]
        if not chosen:
            what = called if models else "with documents"
            raise UsageError(f"{target!r} defines no models {what}.")
        found.update(dict.fromkeys(chosen))
    return list(found)


def _imported(name: str, target: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        raise UsageError(f"{target!r}: {_lost(name, str(exc.name))}") from exc
    except (ValueError, TypeError) as exc:  # a name that no module can have
        raise UsageError(f"{target!r} does not name a module: {exc}. {_REMEDY}") from exc
    except Exception as exc:  # whatever it does when it is imported
        raise UsageError(f"{target!r}: importing {name} failed with {exc!r}.") from exc


def _lost(name: str, missing: str) -> str:
    """Return which module is missing, and what was most likely meant."""
    said = f"there is no module {missing!r}."
    if missing != name and not name.startswith(f"{missing}."):
        return (
            f"importing {name} failed: {said} Install the package that provides it, or fix the "
            "import."
        )
    module, _, rest = name.rpartition(".")
    if rest == "py":
        return f"{said} Name the module without `.py`: {module!r}."
    if module and missing == name and hasattr(sys.modules.get(module), rest):
        return f"{said} Write '{module}:{rest}' for an attribute of the module {module!r}."
    return f"{said} {_REMEDY}"


def _model_at(module: Any, path: str, target: str) -> type[BaseRedisModel]:
    found: Any = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            names = [one.__name__ for one in _models_in(module)]
            there = f"Its models are {', '.join(names)}." if names else "It has no models."
            raise UsageError(
                f"{target!r}: the module {module.__name__!r} has no {path!r}. {there}"
            ) from None
    if not _is_model(found):
        raise UsageError(f"{target!r} is {found!r}, which is not a model with documents.")
    model: type[BaseRedisModel] = found
    return model


def _models_in(module: Any) -> list[type[BaseRedisModel]]:
    # a package also stands for what it exports
    head = f"{module.__name__}."
    names: list[str] = [*vars(module)]
    values = (getattr(module, name) for name in names)
    return [one for one in values if _is_model(one) and f"{one.__module__}.".startswith(head)]


def _is_model(value: Any) -> bool:
    if not (is_class(value) and issubclass(value, BaseRedisModel)):
        return False
    try:
        return bool(identity_of(value).prefix)
    except AttributeError:  # a class that models derive from, or are made of
        return False
