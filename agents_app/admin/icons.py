"""Icons as inline SVG: no font is needed, no request, and no style that a Content Security Policy would refuse."""

from collections.abc import Mapping

from django.utils.html import format_html
from django.utils.safestring import SafeString

PATHS: Mapping[str, str] = {
    "alert": "M8 2 14.5 13.5 H1.5 Z M8 6.2 V9.4 M8 11.4 V11.5",
    "back": "M6.5 3.5 2.5 7.5 6.5 11.5 M2.5 7.5 H10 A3 3 0 0 1 13 10.5 V12.5",
    "check": "M2.5 8.5 6.2 12.2 13.5 4.2",
    "circle": "M8 3 A5 5 0 1 0 8.01 3 Z",
    "clock": "M8 2 A6 6 0 1 0 8.01 2 Z M8 4.8 V8.2 L10.4 9.8",
    "cross": "M3.5 3.5 12.5 12.5 M12.5 3.5 3.5 12.5",
    "flag": "M4 14 V2.5 H12.5 L10.5 5.5 12.5 8.5 H4",
    "hand": "M4.5 9 V4.6 M6.8 8 V3 M9.1 8 V3.2 M11.4 8.6 V4.8 M11.4 8.4 C11.4 12 10 14 7.8 14 C5.6 14 4.8 12.6 2.6 8.8",
    "pause": "M5.2 3.5 V12.5 M10.8 3.5 V12.5",
    "person": "M8 2.2 A2.8 2.8 0 1 0 8.01 2.2 Z M2.8 14 C2.8 10.6 5 9.4 8 9.4 C11 9.4 13.2 10.6 13.2 14",
    "play": "M4.5 3 12.5 8 4.5 13 Z",
    "question": "M5.4 6 C5.4 2.6 10.8 2.8 10.6 6 C10.5 8 8 8 8 10.2 M8 12.9 V13",
    "spark": "M8 1.8 9.6 6.4 14.2 8 9.6 9.6 8 14.2 6.4 9.6 1.8 8 6.4 6.4 Z",
    "speech": "M2.5 3 H13.5 V10.5 H7.5 L4.5 13.5 V10.5 H2.5 Z",
    "stop": "M8 2 A6 6 0 1 0 8.01 2 Z M3.9 12.1 12.1 3.9",
    "tool": "M13.4 4.2 11.2 6.4 9.6 4.8 11.8 2.6 A3.6 3.6 0 0 0 7 7.2 L2.6 11.6 A1.3 1.3 0 0 0 4.4 13.4 L8.8 9 "
    "A3.6 3.6 0 0 0 13.4 4.2 Z",
}


def icon(name: str) -> SafeString:
    """One icon in the colour of the text. It says nothing to a screen reader: the words beside it do."""
    return format_html(
        '<svg class="aa-icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" '
        'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        '<path d="{}"></path></svg>',
        PATHS[name],
    )
