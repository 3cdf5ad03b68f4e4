"""Those who use an installation."""

from mini_sentry.accounts.models import Role, User


def make_owner(email: str = "owner@example.com") -> User:
    return User.objects.create_superuser(email, "correct horse")


def make_teammate(email: str = "teammate@example.com") -> User:
    return User.objects.create_user(email, "correct horse", role=Role.MEMBER)
