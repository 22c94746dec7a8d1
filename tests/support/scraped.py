"""/metrics as Prometheus reads it."""

import requests
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(base_url: str) -> Samples:
    """Each sample by its name and its labels."""
    text = requests.get(f"{base_url}/metrics", timeout=40).text
    families = text_string_to_metric_families(text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of the samples that have these labels, whatever others."""
    return sum(
        value for (found, there), value in samples.items() if found == name and labels.items() <= dict(there).items()
    )
