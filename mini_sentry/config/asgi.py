"""The web process's one ASGI application: the edge and the event stream answer themselves, the rest goes to Django.

Django runs as WSGI in a small thread pool, because it costs several times more under ASGI.
"""
