"""What is a template, and who answers? The models of config, and the check of a template's text. Pure.

A template is a small language on purpose: text, ``{{ name }}``, a few filters, ``{% if %}``. Loops, calls,
attributes and arithmetic are refused when the config is loaded, so a template cannot run away with the
processor or the memory, nor reach out of its sandbox.

Only `default_templates` reads anything: the file that comes with the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Annotated, Final

import yaml
from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2 import Template as Compiled
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.models import Process
from bot.rules import Intent

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")
_LONGEST_TEMPLATE: Final = 5_000
_DEEPEST: Final = 20

WORDS: Final = ("name", "brand", "signature", "contact", "network", "kind", "lang")
"""What a template may name. All are strings, "" where unknown: the person's name (cleaned), the brand's,
the signature, where to write to in private, the network, the kind of mention, the draft's language."""

_FILTERS: Final = frozenset({"capitalize", "default", "lower", "trim", "upper"})
_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Filter),
)
# Security fixes of the sandbox came with Jinja 3.1.6 (CVE-2025-27516).
_SANDBOX: Final = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)
_SANDBOX.globals.clear()


def check(text: str) -> str | None:
    """What is wrong with a template's text, in words for its author; `None` where nothing is."""
    if len(text) > _LONGEST_TEMPLATE:
        return f"it has {len(text)} characters; {_LONGEST_TEMPLATE} are allowed"
    try:
        tree = _SANDBOX.parse(text)
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    except RecursionError:
        return "it is nested too deeply"
    return _first_fault(tree, _DEEPEST)


def _first_fault(node: nodes.Node, depth: int) -> str | None:
    where, what = f"line {node.lineno}: ", type(node).__name__.lower()
    if not isinstance(node, _ALLOWED):
        return f"{where}{what} has no place in a reply; use text, {{{{ name }}}} and {{% if %}}"
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        return f"{where}the filter {node.name!r} is not among {', '.join(sorted(_FILTERS))}"
    if isinstance(node, nodes.Name) and node.name not in WORDS:
        return f"{where}{node.name!r} is unknown; a template may name {', '.join(WORDS)}"
    if not depth:
        return f"{where}it is nested too deeply"
    return next(filter(None, (_first_fault(child, depth - 1) for child in node.iter_child_nodes())), None)


def _only_says_name(node: nodes.Node) -> bool:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Name) and child.name == "name":
            if not isinstance(node, nodes.Output | nodes.If | nodes.Not):
                return False
        elif not _only_says_name(child):
            return False
    return True


def _sound(text: str) -> str:
    if not text.strip():
        raise ValueError("the template is empty")
    if fault := check(text):
        raise ValueError(fault)
    return text


class Template(BaseModel):
    """Words for a reply, and for which mentions they are meant: what it does not name, it does not ask for.

    A template may have one name in several languages, so that a rule can name it once for all.
    """

    model_config = _STRICT
    name: str = Field(min_length=1, description="A rule names it by this")
    intents: tuple[Intent, ...] = Field(default=(), description="Any of these holds. Default: any intent")
    languages: tuple[str, ...] = Field(default=(), description="ISO 639-1 codes. Default: any language")
    networks: tuple[str, ...] = Field(default=(), description="Names of networks. Default: any network")
    process: Process | None = Field(default=None, description="The process decided on. Default: any")
    holding: bool = Field(
        default=False,
        description="It only says that somebody will look into it: it answers nothing and stops no clock",
    )
    by_rule: bool = Field(default=False, description="Offered only where a rule names it")
    text: Annotated[str, AfterValidator(_sound)] = Field(
        description=f"The words. They may name {', '.join(WORDS)} in double braces, and use {{% if %}}"
    )

    @cached_property
    def compiled(self) -> Compiled:
        """Ready to render. Compiled at first use: a start with a hundred templates costs nothing."""
        return _SANDBOX.from_string(self.text.strip())

    @cached_property
    def only_says_name(self) -> bool:
        """Does it only say the person's name as it is, or ask whether there is one? Then all else of it
        can be rendered before the name is known."""
        return _only_says_name(_SANDBOX.parse(self.text))

    @cached_property
    def special(self) -> int:
        """How much it asks for beyond the language: a network outweighs a process, that an intent. More
        special templates are offered first; of equals, the one that stands first."""
        return 4 * bool(self.networks) + 2 * bool(self.process) + bool(self.intents)


def _told_apart(templates: tuple[Template, ...]) -> tuple[Template, ...]:
    seen: set[tuple[str, str]] = set()
    for template in templates:
        for lang in template.languages or ("",):
            if (template.name, lang) in seen:
                where = f"in {lang}" if lang else "in any language"
                raise ValueError(f"two templates are called {template.name!r} {where}")
            seen.add((template.name, lang))
    return templates


Templates = Annotated[tuple[Template, ...], AfterValidator(_told_apart)]
"""The templates of config; no two have the same name in the same language."""


@cache
def default_templates() -> tuple[Template, ...]:
    """The templates that come with the package (French and English), to be offered after those of config."""
    text = resources.files("bot").joinpath("templates.yaml").read_text(encoding="utf-8")
    return _told_apart(tuple(Template.model_validate(entry) for entry in yaml.safe_load(text)))


class Brand(BaseModel):
    """Who answers."""

    model_config = _STRICT
    name: str = Field(default="", description="The brand's name, as it stands in replies")
    languages: tuple[str, ...] = Field(
        default=("en",), min_length=1, description="It answers in these. The first is for people of any other"
    )
    signatures: Mapping[str, str] = Field(
        default_factory=dict,
        description="How replies are signed, by language. Default: L’équipe NAME in French, The NAME team in "
        "English, NAME in any other",
    )
    contact: str = Field(
        default="", description="Where to write to in private, for example an e-mail address"
    )

    def signature(self, lang: str) -> str:
        """How a reply in this language is signed."""
        usual = {"fr": f"L’équipe {self.name}", "en": f"The {self.name} team"} if self.name else {}
        return self.signatures.get(lang) or usual.get(lang, self.name)
