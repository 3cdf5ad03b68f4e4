from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "mini_sentry.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"
