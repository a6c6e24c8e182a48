#!/usr/bin/env bash
# Around the look at the log: the Pod must really have failed for want of credentials, and been started again.
set -euo pipefail

before() {
  echo "nothing to prepare"
}

newest() {
  kubectl get pods --namespace carts --selector app.kubernetes.io/component=service \
    --sort-by=.metadata.creationTimestamp -o "jsonpath={.items[-1:].$1}"
}

after() {
  # Six minutes at most: the pauses between two starts grow up to five.
  for attempt in $(seq 1 36); do
    restarts=$(newest 'status.containerStatuses[0].restartCount')
    echo "attempt $attempt: $restarts restarts"
    if [ "${restarts:-0}" -gt 0 ]; then
      pod=$(newest metadata.name)
      if kubectl logs --namespace carts --previous "$pod" | grep -q 'Unable to load credentials'; then
        echo "$pod failed for want of credentials"
        return 0
      fi
    fi
    sleep 10
  done
  echo "The newest Pod of carts has not failed for want of credentials:"
  kubectl describe pods --namespace carts --selector app.kubernetes.io/component=service | tail -n 30
  exit 1
}

case "${1:-}" in
  before | after) "$1" ;;
  *)
    echo "usage: $0 before|after" >&2
    exit 2
    ;;
esac
