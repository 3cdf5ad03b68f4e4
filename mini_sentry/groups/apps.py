from django.apps import AppConfig


class GroupsConfig(AppConfig):
    name = "mini_sentry.groups"
    label = "groups"
    default_auto_field = "django.db.models.BigAutoField"
