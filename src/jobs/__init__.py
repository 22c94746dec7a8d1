"""When work is done: five queues, and one small module a job. RQ enters the house here.

Payloads are JSON. RQ falls back to pickle in places that take no serializer (any default Queue, `rq info`, the
dashboard), and whoever can write to Redis could then run code; so pickle is replaced before anything else happens.
"""

import rq.serializers

rq.serializers.DefaultSerializer = rq.serializers.PickleSerializer = rq.serializers.JSONSerializer
rq.serializers.SERIALIZER_ALIASES["pickle"] = rq.serializers.JSONSerializer
