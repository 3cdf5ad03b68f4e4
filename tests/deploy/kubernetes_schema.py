"""JSON schemas of the kinds of Kubernetes objects that our manifests use, and of no more: a field that is not here is a mistake
until somebody looks it up and adds it.

Spec: https://kubernetes.io/docs/reference/kubernetes-api/
"""

from typing import Any, Final

Schema = dict[str, Any]

_NAME: Final[Schema] = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
_LABEL: Final[Schema] = {"type": "string", "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"}
_QUANTITY: Final[Schema] = {"type": "string", "pattern": r"^[0-9]+(m|Ki|Mi|Gi|Ti)?$"}
_PORT_NUMBER: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 65535}
_PORT_NAME: Final[Schema] = {"type": "string", "pattern": "^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$"}
_PORT: Final[Schema] = {"anyOf": [_PORT_NUMBER, _PORT_NAME]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_SECONDS: Final[Schema] = {"type": "integer", "minimum": 1}
_STRING: Final[Schema] = {"type": "string", "minLength": 1}
_FLAG: Final[Schema] = {"type": "boolean"}
_ENV_NAME: Final[Schema] = {"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$"}


def record(*required: str, **fields: Schema) -> Schema:
    """An object with these fields and no others."""
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def several(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


def mapping(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values, "minProperties": 1}


def one_of(*words: str) -> Schema:
    return {"enum": list(words)}


_LABELS: Final = {"type": "object", "additionalProperties": _LABEL, "minProperties": 1}
_METADATA: Final = record("name", name=_NAME, namespace=_NAME, labels=_LABELS, annotations=mapping({"type": "string"}))
_SELECTOR: Final = record("matchLabels", matchLabels=_LABELS)
_REQUIREMENT: Final = record(
    "key", "operator", key=_STRING, operator=one_of("In", "NotIn", "Exists", "DoesNotExist"), values=several(_LABEL)
)
_POD_SELECTOR: Final = record(matchLabels=_LABELS, matchExpressions=several(_REQUIREMENT))
_REFERENCE: Final = record("name", name=_NAME)

_PROBE: Final = record(
    "httpGet",
    httpGet=record("path", "port", path={"type": "string", "pattern": "^/"}, port=_PORT),
    periodSeconds=_SECONDS,
    timeoutSeconds=_SECONDS,
    failureThreshold=_SECONDS,
    initialDelaySeconds=_COUNT,
)
_CONTAINER_SECURITY: Final = record(
    "allowPrivilegeEscalation",
    "readOnlyRootFilesystem",
    "capabilities",
    allowPrivilegeEscalation={"const": False},
    readOnlyRootFilesystem={"const": True},
    capabilities=record("drop", drop={"const": ["ALL"]}),
)
_CONTAINER: Final = record(
    "name",
    "image",
    "command",
    "securityContext",
    "resources",
    name=_NAME,
    image=_STRING,
    command=several(_STRING),
    envFrom=several(record(configMapRef=_REFERENCE, secretRef=_REFERENCE) | {"minProperties": 1, "maxProperties": 1}),
    env=several(record("name", "value", name=_ENV_NAME, value={"type": "string"})),
    securityContext=_CONTAINER_SECURITY,
    ports=several(record("containerPort", name=_PORT_NAME, containerPort=_PORT_NUMBER, protocol=one_of("TCP", "UDP"))),
    startupProbe=_PROBE,
    livenessProbe=_PROBE,
    readinessProbe=_PROBE,
    lifecycle=record(preStop=record("exec", exec=record("command", command=several(_STRING)))),
    resources=record(
        "requests",
        "limits",
        requests=record("cpu", "memory", cpu=_QUANTITY, memory=_QUANTITY),
        limits=record("memory", cpu=_QUANTITY, memory=_QUANTITY),
    ),
    volumeMounts=several(
        record("name", "mountPath", name=_NAME, mountPath={"type": "string", "pattern": "^/"}, readOnly=_FLAG)
    ),
)
_VOLUME: Final = record(
    "name",
    name=_NAME,
    emptyDir=record(sizeLimit=_QUANTITY),
    persistentVolumeClaim=record("claimName", claimName=_NAME),
) | {"minProperties": 2, "maxProperties": 2}
_POD: Final = record(
    "containers",
    "securityContext",
    "automountServiceAccountToken",
    automountServiceAccountToken=_FLAG,
    securityContext=record(
        "runAsNonRoot",
        "runAsUser",
        "seccompProfile",
        runAsNonRoot={"const": True},
        runAsUser={"type": "integer", "minimum": 1},
        runAsGroup={"type": "integer", "minimum": 1},
        fsGroup={"type": "integer", "minimum": 1},
        seccompProfile=record("type", type={"const": "RuntimeDefault"}),
    ),
    terminationGracePeriodSeconds=_SECONDS,
    initContainers=several(_CONTAINER),
    containers=several(_CONTAINER),
    volumes=several(_VOLUME),
    restartPolicy=one_of("Always", "OnFailure", "Never"),
)
_TEMPLATE: Final = record("metadata", "spec", metadata=record("labels", labels=_LABELS), spec=_POD)
_CLAIM: Final = record(
    "accessModes",
    "resources",
    accessModes=several(one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
    resources=record("requests", requests=record("storage", storage=_QUANTITY)),
    storageClassName=_NAME,
)


def _kind(version: str, kind: str, *required: str, **fields: Schema) -> Schema:
    return record(
        "apiVersion",
        "kind",
        "metadata",
        *required,
        apiVersion={"const": version},
        kind={"const": kind},
        metadata=_METADATA,
        **fields,
    )


_INGRESS_PATH: Final = record(
    "path",
    "pathType",
    "backend",
    path={"type": "string", "pattern": "^/"},
    pathType=one_of("Exact", "Prefix", "ImplementationSpecific"),
    backend=record(
        "service", service=record("name", "port", name=_NAME, port=record(name=_PORT_NAME, number=_PORT_NUMBER))
    ),
)

KINDS: Final[dict[str, Schema]] = {
    "Namespace": _kind("v1", "Namespace"),
    "ConfigMap": _kind("v1", "ConfigMap", "data", data=mapping({"type": "string"})),
    "Secret": _kind("v1", "Secret", "stringData", type={"const": "Opaque"}, stringData=mapping({"type": "string"})),
    "PersistentVolumeClaim": _kind("v1", "PersistentVolumeClaim", "spec", spec=_CLAIM),
    "Service": _kind(
        "v1",
        "Service",
        "spec",
        spec=record(
            "selector",
            "ports",
            selector=_LABELS,
            clusterIP={"const": "None"},
            publishNotReadyAddresses=_FLAG,
            ports=several(record("port", name=_PORT_NAME, port=_PORT_NUMBER, targetPort=_PORT)),
        ),
    ),
    "Deployment": _kind(
        "apps/v1",
        "Deployment",
        "spec",
        spec=record(
            "selector",
            "template",
            replicas=_COUNT,
            selector=_SELECTOR,
            strategy=record("type", type=one_of("Recreate", "RollingUpdate")),
            template=_TEMPLATE,
        ),
    ),
    "StatefulSet": _kind(
        "apps/v1",
        "StatefulSet",
        "spec",
        spec=record(
            "selector",
            "serviceName",
            "template",
            serviceName=_NAME,
            replicas=_COUNT,
            podManagementPolicy=one_of("OrderedReady", "Parallel"),
            selector=_SELECTOR,
            template=_TEMPLATE,
            volumeClaimTemplates=several(record("metadata", "spec", metadata=_METADATA, spec=_CLAIM)),
        ),
    ),
    "Job": _kind(
        "batch/v1",
        "Job",
        "spec",
        spec=record("template", backoffLimit=_COUNT, ttlSecondsAfterFinished=_COUNT, template=_TEMPLATE),
    ),
    "PodDisruptionBudget": _kind(
        "policy/v1", "PodDisruptionBudget", "spec", spec=record("selector", maxUnavailable=_COUNT, selector=_SELECTOR)
    ),
    "NetworkPolicy": _kind(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "spec",
        spec=record(
            "podSelector",
            "policyTypes",
            podSelector=_POD_SELECTOR,
            policyTypes=several(one_of("Ingress", "Egress")),
            ingress=several(
                record(
                    **{"from": several(record(namespaceSelector=_POD_SELECTOR, podSelector=_POD_SELECTOR))},
                    ports=several(record("port", port=_PORT, protocol=one_of("TCP", "UDP"))),
                )
            ),
        ),
    ),
    "Ingress": _kind(
        "networking.k8s.io/v1",
        "Ingress",
        "spec",
        spec=record(
            "rules",
            ingressClassName=_NAME,
            rules=several(
                record("host", "http", host=_STRING, http=record("paths", paths=several(_INGRESS_PATH))),
            ),
            tls=several(record("hosts", "secretName", hosts=several(_STRING), secretName=_NAME)),
        ),
    ),
    "Kustomization": record(
        "apiVersion",
        "kind",
        "resources",
        apiVersion={"const": "kustomize.config.k8s.io/v1beta1"},
        kind={"const": "Kustomization"},
        namespace=_NAME,
        labels=several(record("pairs", pairs=_LABELS, includeSelectors=_FLAG)),
        resources=several(_STRING),
        images=several(record("name", name=_STRING, newName=_STRING, newTag=_STRING)),
    ),
}
"""By kind."""
