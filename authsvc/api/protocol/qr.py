"""What a camera is to read: an address or a key as a QR code (ISO/IEC 18004), drawn by segno.

It is made here and sent in the JSON answer that holds the text, so that the text is never part of an address that is
asked for, of a log, or of what a cache keeps (docs/decisions/qr-codes.md).
"""

import io

import segno

# Light modules around it: a reader needs four (ISO/IEC 18004, 6.3.8), also on a dark page.
_QUIET_MODULES = 4


def svg(text: str) -> str:
    """An SVG document, dark on light, one unit a module; whoever shows it says how large."""
    drawn = io.BytesIO()
    segno.make_qr(text, error="m").save(
        drawn, kind="svg", border=_QUIET_MODULES, light="#fff", omitsize=True, xmldecl=False, nl=False, svgclass=None,
        lineclass=None,
    )  # fmt: skip
    return drawn.getvalue().decode()
