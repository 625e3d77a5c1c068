#!/usr/bin/env bash
# The kubectl side: the facts that a careful verify script asks for, a call each, as such scripts do (about 25 calls).
# It prints and judges nothing, and asks no name servers: on a real cluster that would cost an exec a name on top.
set -euo pipefail
k() { "$KUBECTL" "$@" >/dev/null; }
n() { k -n "$NAMESPACE" "$@"; }

k version
k get namespace "$NAMESPACE"
n get statefulset shard -o jsonpath='{.spec.replicas}'
n get statefulset shard -o jsonpath='{.status.readyReplicas}'
n get statefulset shard -o jsonpath='{.spec.updateStrategy.type}'
n get statefulset shard -o jsonpath='{.status.updateRevision}'
n get controllerrevisions
n get pods -l app=shard -o wide
n get pods -l app=shard -o jsonpath='{range .items[*]}{.metadata.name}{"\t"}{.status.phase}{"\n"}{end}'
n get pods -l app=shard -o jsonpath='{range .items[*]}{.metadata.name}{"\t"}{.status.qosClass}{"\n"}{end}'
n get pods -l app=shard -o jsonpath='{range .items[*]}{.metadata.name}{"\t"}{.spec.nodeName}{"\n"}{end}'
n get pods -l app=shard -o jsonpath='{range .items[*]}{.metadata.name}{"\t"}{.metadata.annotations}{"\n"}{end}'
k get nodes -o wide
k get nodes -o jsonpath='{range .items[*]}{.metadata.name}{"\t"}{.spec.taints}{"\n"}{end}'
n get persistentvolumeclaims
k get persistentvolumes
k get storageclasses
k get volumeattachments
n get services
n get endpointslices
n get poddisruptionbudgets
n get poddisruptionbudget shard -o jsonpath='{.status.disruptionsAllowed}'
n get events
n get leases
n get horizontalpodautoscalers
k -n kube-system get pods -l k8s-app=kube-dns
