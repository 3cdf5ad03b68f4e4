"""Mini Sentry: a self-hosted, Sentry-compatible error tracker."""

__version__ = "0.1.0"
