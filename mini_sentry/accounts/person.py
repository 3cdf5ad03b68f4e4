"""Who is asking."""

from rest_framework.request import Request


def acting(request: Request) -> str:
    """The e-mail address of the person who is signed in, or "": while sign-in is not asked for, nobody needs to be."""
    user = getattr(request._request, "user", None)
    return str(user.email) if user is not None and user.is_authenticated else ""
