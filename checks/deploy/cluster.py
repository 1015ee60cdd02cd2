"""The manifests of Kubernetes: by their published schemas, and by what this host needs of a pod."""

import json

from common import Broken, Skip, run

# One that clusters run, and the newest that the package has.
VERSIONS = ("1.30", "1.37")
OBJECTS = {"Namespace", "ServiceAccount", "ConfigMap", "Service", "NetworkPolicy", "StatefulSet"}
READ = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)"


def documents(deploy, python):
    done = run(python, "-c", READ, deploy / "kubernetes/aisoc.yaml")
    if done.returncode:
        raise Broken(f"it is no YAML: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def by_schema(deploy, python):
    if python is None:
        raise Skip("the schemas cannot be had")
    for version in VERSIONS:
        done = run(python, "-m", "kubernetes_validate", "--strict", "-k", version, deploy / "kubernetes/aisoc.yaml")
        if done.returncode:
            raise Broken(f"Kubernetes {version}: {(done.stdout + done.stderr).strip()[-600:]}")
    found = documents(deploy, python)
    kinds = {document["kind"] for document in found}
    if kinds != OBJECTS:
        raise Broken(f"there are {sorted(kinds)}, and {sorted(OBJECTS)} are expected")
    return f"{len(found)} objects, by the schemas of Kubernetes {' and '.join(VERSIONS)}"


def need(holds, what):
    if not holds:
        raise Broken(what)


def by_what_is_needed(deploy, python):
    """What the schema lets pass, and this host does not."""
    if python is None:
        raise Skip("nothing here reads YAML")
    found = {document["kind"]: document for document in documents(deploy, python)}
    need(found["Namespace"]["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") == "restricted", "no standard of pods is enforced")
    pod = found["StatefulSet"]["spec"]["template"]["spec"]
    need(found["StatefulSet"]["spec"]["replicas"] == 1, "more than one host would share a volume")
    of_pod = pod["securityContext"]
    need(of_pod.get("runAsNonRoot") is True and of_pod.get("runAsUser", 0) > 0, "the pod runs as root")
    need(of_pod.get("seccompProfile") == {"type": "Localhost", "localhostProfile": "aisoc/host.json"}, "the pod has not our profile")
    need(pod.get("automountServiceAccountToken") is False, "the pod is given a token of the cluster")
    need(not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")), "the pod shares namespaces of its node")
    settings = found["ConfigMap"]["data"]
    need(settings.get("AISOC_SANDBOX") == "require", "confinement is not required")
    need(settings.get("AISOC_PLUGIN_MODE") == "production", "the lock does not decide")
    for container in [*pod["initContainers"], *pod["containers"]]:
        within, name = container.get("securityContext", {}), container["name"]
        need(within.get("allowPrivilegeEscalation") is False and within.get("privileged") is False, f"{name} may get rights")
        need(within.get("readOnlyRootFilesystem") is True, f"{name} may write to its image")
        need(within.get("capabilities") == {"drop": ["ALL"]}, f"{name} has capabilities")
        need({"cpu", "memory"} <= set(container.get("resources", {}).get("limits", {})), f"{name} has no limits")
        for mount in container["volumeMounts"]:
            is_secret = any(volume["name"] == mount["name"] and "secret" in volume for volume in pod["volumes"])
            need(not is_secret or mount.get("readOnly") is True, f"{name} may write to {mount['name']}")
    (host,) = pod["containers"]
    for kind, path in (("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
        asked = host.get(kind, {}).get("httpGet", {})
        need(asked.get("path") == path and asked.get("scheme") == "HTTPS", f"{kind} does not ask {path} over TLS")
        names = [header["value"] for header in asked.get("httpHeaders", []) if header["name"] == "Host"]
        need(names == ["aisoc.aisoc.svc"], f"{kind} names no host: it would be refused")
    secrets = {volume["name"] for volume in pod["volumes"] if "secret" in volume}
    need(secrets == {"keys", "tokens", "tls"}, f"the secrets are {sorted(secrets)}")
    return "one pod, without rights, with limits, probes, secrets that nobody writes, and one volume"
