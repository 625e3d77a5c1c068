#!/usr/bin/env bash
# The kubectl side: the upgrade loop of the reference workload's README, as it stands there, without its optional pauses.
# `kubectl delete` waits until the pod with that uid is gone; the new one may not be there yet when `kubectl wait` asks for
# it, which then fails: the loop there has no answer to that, this one asks again.
set -euo pipefail
n() { "$KUBECTL" -n "$NAMESPACE" "$@" >/dev/null; }

n set image statefulset/shard shard="$IMAGE"
for ((i = SHARDS - 1; i >= 0; i--)); do
  n delete pod "shard-$i"
  until n wait --for=condition=ready "pod/shard-$i" --timeout=600s 2>/dev/null; do :; done
done
