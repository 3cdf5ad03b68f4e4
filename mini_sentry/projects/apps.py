from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "mini_sentry.projects"
    label = "projects"
    default_auto_field = "django.db.models.BigAutoField"
