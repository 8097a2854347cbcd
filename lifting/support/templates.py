"""Cards and reports from templates: `<wing>/templates/*.j2`, in jinja2's language."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(wing: str, name: str, **values: Any) -> str:
    """The text that the template `name` of a wing, such as "lifting.training", makes of `values`.

    A line that holds nothing but a `{% ... %}` leaves no line behind. In a template `x | number(".1%")` writes a number
    as Python's `format` does.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
        jinja2.UndefinedError: the template uses a name that `values` lacks.
    """
    environment = Environment(
        loader=PackageLoader(wing),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format
    return environment.get_template(name).render(values)
