#!/usr/bin/env bash
# Around the rollout that must not succeed: it has to end by its time limit, not for another reason.
set -euo pipefail

before() {
  echo "nothing to prepare"
}

after() {
  if ! grep -q 'timed out waiting for the condition' <<< "$TEST_OUTPUT"; then
    echo "The rollout should have run out of time. Instead:"
    echo "$TEST_OUTPUT"
    exit 1
  fi
  # The next step shows a Pod that has failed: give it the time for it.
  sleep 10
}

case "${1:-}" in
  before | after) "$1" ;;
  *)
    echo "usage: $0 before|after" >&2
    exit 2
    ;;
esac
