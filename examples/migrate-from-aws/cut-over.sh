#!/bin/sh
# Moves a subscription to a member of its group by tenths, and back as soon as something is wrong.
#   cut-over.sh SUBSCRIPTION MEMBER
# PAUSE is how long each tenth is looked at, in seconds (default 60); TRADEWIND names the command.
set -eu
subscription=$1
member=$2
tradewind=${TRADEWIND:-tradewind}

dead() {
  "$tradewind" dead-letters list "$subscription" --limit 1000 --output json | grep -c '"position"' || true
}

before=$(dead)
for percent in 10 20 30 40 50 60 70 80 90 100; do
  "$tradewind" cutover "$subscription" --to "$member" --percent "$percent"
  sleep "${PAUSE:-60}"
  if [ "$(dead)" -gt "$before" ]; then
    "$tradewind" cutover "$subscription" --back
    echo "back: there are new dead letters at $percent %" >&2
    exit 1
  fi
done
