"""Who did what: records of authentications, refusals and changes, for a file and for a topic.

``trail.py`` takes events, ``rates.py`` bounds them, ``record.py`` makes them JSON, ``outlet.py`` queues them for ``file.py`` and ``topic.py``, and
``service.py`` puts that together. Whoever has something to tell knows only :class:`~chronik.security.audit_interfaces.IAuditTrail`.
"""
