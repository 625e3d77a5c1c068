#!/usr/bin/env bash
# The kubectl side: "option 1" of the reference workload's README for maintenance, as it stands there: the budget one lower,
# kubectl drain, the budget as it was. kubectl asks every 5 s while the budget says no.
set -euo pipefail
n() { "$KUBECTL" -n "$NAMESPACE" "$@" >/dev/null 2>&1; }

n patch pdb shard --type merge -p "{\"spec\":{\"minAvailable\":$((SHARDS - 1))}}"
n drain "$NODE" --ignore-daemonsets --delete-emptydir-data --timeout=600s
n patch pdb shard --type merge -p "{\"spec\":{\"minAvailable\":$SHARDS}}"
