#!/usr/bin/env bash
# Around the restart of the carts Deployment: the next step asks how it went, so it must have had its chance.
set -euo pipefail

before() {
  echo "nothing to prepare"
}

after() {
  # Right after the restart the old Pod still makes the Deployment available: let the rollout begin before asking.
  sleep 10
  kubectl --namespace carts wait deployment/carts --for=condition=available --timeout=120s
}

case "${1:-}" in
  before | after) "$1" ;;
  *)
    echo "usage: $0 before|after" >&2
    exit 2
    ;;
esac
