"""Models as a command line names them: `package.module:Model`, or `package.module` for all."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from rapyer.base import BaseRedisModel, identity_of
from rapyer.cli.errors import UsageError
from rapyer.guards import is_class


def add_models(parser: ArgumentParser, *, required: bool) -> None:
    """Add the argument `models`, the names of models for `models_of`.

    Args:
        parser: Takes the argument.
        required: Whether one has to be given at least.
    """
    parser.add_argument(
        "models",
        nargs="+" if required else "*",
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
        targets: `package.module:Model`, or `package.module` for all models that the module defines,
            or exports of its own package.
        only: Says which models of a whole module are meant; all with documents if not given.
        called: How those are called in messages, such as `"of which something is indexed"`.

    Returns:
        The models.

    Raises:
        UsageError: One names no module or no model, or a module that cannot be imported.
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
    remedy = "Write `package.module:Model`, and run it where Python finds the package."
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        raise UsageError(f"{target!r}: there is no module {exc.name!r}. {remedy}") from exc
    except (ValueError, TypeError) as exc:  # a name that no module can have
        raise UsageError(f"{target!r} names no module: {exc}. {remedy}") from exc
    except Exception as exc:  # whatever it does when it is imported
        raise UsageError(f"{target!r}: importing {name} failed with {exc!r}.") from exc


def _model_at(module: Any, path: str, target: str) -> type[BaseRedisModel]:
    found: Any = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            models = ", ".join(model.__name__ for model in _models_in(module)) or "none"
            raise UsageError(
                f"{target!r}: there is no {path!r} in {module.__name__}. Its models are: {models}."
            ) from None
    if not _is_model(found):
        raise UsageError(f"{target!r} is {found!r}, and no model with documents.")
    model: type[BaseRedisModel] = found
    return model


def _models_in(module: Any) -> list[type[BaseRedisModel]]:
    # a package stands for what it exports, too
    head = f"{module.__name__}."
    names: list[str] = [*vars(module)]
    values = (getattr(module, name) for name in names)
    return [one for one in values if _is_model(one) and f"{one.__module__}.".startswith(head)]


def _is_model(value: Any) -> bool:
    if not (is_class(value) and issubclass(value, BaseRedisModel)):
        return False
    try:
        return bool(identity_of(value).prefix)
    except AttributeError:  # one that models derive from, or are made of
        return False
