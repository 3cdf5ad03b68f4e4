"""Who is asking."""

from django.contrib.auth import get_user
from rest_framework.request import Request


def acting(request: Request) -> str:
    """The e-mail address of the person who is signed in, or "": while sign-in is not asked for, nobody needs to be."""
    user = get_user(request._request)
    return user.email if user.is_authenticated else ""
