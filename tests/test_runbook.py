"""Alert rules, the dashboard, the runbook and the program say the same: names of metrics, of alerts and of errors."""

import ast
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from programs import needs

from nightshift.metrics import SERIES
from web.api.metrics import metrics

ROOT = Path(__file__).resolve().parents[1]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
]
PANELS = json.loads((ROOT / "deploy" / "grafana" / "nightshift.json").read_text())["panels"]
PARAGRAPH = re.compile(r"\*\*Means:\*\*\s.+\s\*\*Look at:\*\*\s.+\s\*\*Do:\*\*\s.+", re.DOTALL)


def errors() -> set[str]:
    """The events that the program logs at level ERROR."""
    found = set()
    for path in [*(ROOT / "src").rglob("*.py"), ROOT / "worker.py", ROOT / "scheduler.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.args[0] if node.args else None, ast.Constant):
                text = ast.unparse(node)
                if (text.startswith("log(") and "logging.ERROR" in text) or text.startswith("reporting.contained("):
                    found.add(str(ast.literal_eval(node.args[0])))
    return found


def test_every_alert_and_every_error_has_its_paragraph_and_no_other_is_there() -> None:
    sections = re.split(r"^##+ ", (ROOT / "docs" / "runbook.md").read_text(), flags=re.MULTILINE)
    paragraphs = dict(part.strip().split("\n\n", 1) for part in sections if "**Means:**" in part)
    alerts = [rule["alert"] for rule in RULES]
    assert len(errors()) > 10
    assert paragraphs.keys() == {*alerts, *errors()}
    for name, text in paragraphs.items():
        assert PARAGRAPH.match(text), name


def test_alerts_and_dashboard_ask_for_what_metrics_prints() -> None:
    text = metrics.handler()
    printed = {line.partition("{")[0].partition(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    printed |= {f"{series.name}_total" for series in SERIES.values() if not series.bounds}  # not counted yet
    asked = " ".join([*(rule["expr"] for rule in RULES), *(t["expr"] for panel in PANELS for t in panel["targets"])])
    names = set(re.findall(r"nightshift_\w+", asked))
    assert len(names) > 10 and names <= printed, names - printed


def test_promtool_accepts_the_rules_and_each_fires_when_it_should() -> None:
    needs("promtool")
    for command in (("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")):
        done = subprocess.run(["promtool", *command], cwd=ALERTS.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout
    tested = (ALERTS.parent / "alerts.test.yml").read_text()
    assert not [rule["alert"] for rule in RULES if rule["alert"] not in tested]
