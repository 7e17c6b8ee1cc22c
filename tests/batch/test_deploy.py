"""The files under ``deploy/`` are valid, open nothing, and hold no credentials."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def test_the_cluster_file_is_what_ray_expects() -> None:
    spec = importlib.util.find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    schema = Path(spec.origin).parent / "autoscaler" / "ray-schema.json"
    (cluster,) = documents("ray-cluster.yaml")
    jsonschema.validate(cluster, json.loads(schema.read_text()))
    assert cluster["head_node_type"] in cluster["available_node_types"]
    assert cluster["available_node_types"]["head"]["resources"] == {"CPU": 0}


def test_the_job_runs_a_batch_on_an_autoscaling_cluster() -> None:
    account, policy, job = documents("kuberay.yaml")
    assert [each["kind"] for each in (account, policy, job)] == [
        "ServiceAccount",
        "NetworkPolicy",
        "RayJob",
    ]
    spec = job["spec"]
    assert spec["rayClusterSpec"]["enableInTreeAutoscaling"] is True
    head = spec["rayClusterSpec"]["headGroupSpec"]["template"]
    workers = [each["template"] for each in spec["rayClusterSpec"]["workerGroupSpecs"]]
    matched = policy["spec"]["podSelector"]["matchLabels"]
    for pod in (head, *workers, spec["submitterPodTemplate"]):
        assert matched.items() <= pod["metadata"]["labels"].items()
    for pod in (head, *workers):
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["runAsNonRoot"] is True
            assert container["resources"]["limits"]["memory"]


def test_the_commands_in_them_are_ours() -> None:
    """Every option that a deployment names is one of ``unfade batch``."""
    from unfade.cli.batch import command

    known = {name for option in command.params for name in option.opts}
    for name in ("ray-cluster.yaml", "kuberay.yaml"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        for call in re.findall(r"unfade batch [^\"']*", text):
            assert set(re.findall(r"(--[\w-]+)", call)) <= known, call


def test_no_credentials() -> None:
    for path in (p for p in DEPLOY.rglob("*") if p.is_file()):
        assert not re.search(r"(?i)(secret_access|AKIA|\bpassword:|\btoken:)", path.read_text())
