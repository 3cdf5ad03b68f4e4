from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "mini_sentry.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
