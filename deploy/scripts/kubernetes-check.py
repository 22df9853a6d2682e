#!/usr/bin/env python3
"""Whether the manifests in deploy/kubernetes fit together, as far as that can be said without a cluster.

    deploy/scripts/kubernetes-check.py [PROGRAM]        needs python3-yaml

PROGRAM (.build/release/sessionizer) must take the settings in the ConfigMap, where it is there.
"""
import os
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "deploy", "kubernetes")
problems = []


def expect(holds, text):
    if not holds:
        problems.append(text)


documents = {}
for name in sorted(os.listdir(FOLDER)):
    if name.endswith(".yaml"):
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                expect(document and "apiVersion" in document and "kind" in document, f"{name}: no kind of object")
                documents.setdefault(document["kind"], []).append((name, document))

deployment = documents["Deployment"][0][1]
job = documents["Job"][0][1]
settings_text = documents["ConfigMap"][0][1]["data"]["sessionizer.yaml"]
settings = yaml.safe_load(settings_text)
secrets = {d["metadata"]["name"]: d["stringData"] for _, d in documents["Secret"]}
pods = [("deployment", deployment["spec"]["template"]), ("migrate-job", job["spec"]["template"])]

labels = deployment["spec"]["template"]["metadata"]["labels"]
selector = deployment["spec"]["selector"]["matchLabels"]
expect(selector.items() <= labels.items(), "the Deployment does not select its own pods")
expect(documents["PodDisruptionBudget"][0][1]["spec"]["selector"]["matchLabels"] == selector, "the budget selects others")
chosen = documents["NetworkPolicy"][0][1]["spec"]["podSelector"]["matchExpressions"][0]["values"]
for name, pod in pods:
    expect(pod["metadata"]["labels"]["app.kubernetes.io/name"] in chosen, f"{name}: no network policy is for it")
    spec = pod["spec"]
    volumes = {v["name"]: v for v in spec["volumes"]}
    expect(spec["securityContext"]["runAsNonRoot"] is True, f"{name}: may run as root")
    for container in spec["containers"] + spec.get("initContainers", []):
        which = f"{name}, {container['name']}"
        security = container["securityContext"]
        expect(security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"], f"{which}: may write")
        expect(security["capabilities"] == {"drop": ["ALL"]}, f"{which}: has capabilities")
        expect("memory" in container["resources"]["limits"], f"{which}: no limit of memory")
        mounts = {m["mountPath"]: m["name"] for m in container["volumeMounts"]}
        for mount in mounts.values():
            expect(mount in volumes, f"{which}: no volume {mount}")
        for variable in container.get("env", []):
            # Each file that a variable names is in a secret that is mounted there.
            folder, key = os.path.split(variable["value"])
            secret = volumes.get(mounts.get(folder, ""), {}).get("secret", {}).get("secretName")
            expect(key in secrets.get(secret, {}), f"{which}: {variable['name']} names no key of a mounted secret")
            expect(variable["name"].endswith("_FILE"), f"{which}: {variable['name']} is no file")
container = deployment["spec"]["template"]["spec"]["containers"][0]
port = int(settings["http"]["listen"].rsplit(":", 1)[1])
expect(container["ports"][0]["containerPort"] == port, "the container's port is not http.listen's")
annotations = deployment["spec"]["template"]["metadata"]["annotations"]
expect(annotations["prometheus.io/port"] == str(port), "Prometheus is sent to another port")
for probe, path in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]:
    expect(container[probe]["httpGet"]["path"] == path, f"{probe}: not {path}")
grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
expect(grace > settings["shutdown"]["grace_seconds"], "the pod is killed before the grace time is over")
expect(deployment["spec"]["replicas"] <= settings["amqp"]["partitions"], "more replicas than partitions")
for name in next(d for _, d in documents["Kustomization"])["resources"]:
    expect(os.path.exists(os.path.join(FOLDER, name)), f"kustomization.yaml: no {name}")

program = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, ".build", "release", "sessionizer")
if os.path.exists(program):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(settings_text)
        file.flush()
        # Nobody listens there, so 1 is what it comes to; 2 would be settings that cannot be used.
        done = subprocess.run(
            [program, "check-config", "--config", file.name, "--amqp", "amqp://127.0.0.1:1", "--store",
             "postgres://127.0.0.1:1/none"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        expect(done.returncode == 1, f"the program refuses the ConfigMap's settings: {done.stdout}")
else:
    print(f"{program} is missing: the ConfigMap's settings were not shown to it")

for problem in problems:
    print(problem)
print(f"{sum(len(d) for d in documents.values())} objects; " + ("they fit together" if not problems else "see above"))
sys.exit(1 if problems else 0)
