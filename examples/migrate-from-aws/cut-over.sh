#!/bin/sh
# Moves a subscription to a member of its group by tenths, and back as soon as something is wrong.
#   cut-over.sh SUBSCRIPTION MEMBER
# PAUSE is how long each tenth is looked at, in seconds (default 60); TRADEWIND names the command.
set -eu
subscription=$1
member=$2
tradewind=${TRADEWIND:-tradewind}

# Its dead letters, by its account. Fails where nobody says.
dead() {
  all=$("$tradewind" subscriptions list) || return
  echo "$all" | awk -v name="$subscription" '$1 == name { print $8; found = 1 } END { exit !found }'
}

before=$(dead)
for percent in 10 20 30 40 50 60 70 80 90 100; do
  "$tradewind" cutover "$subscription" --to "$member" --percent "$percent"
  sleep "${PAUSE:-60}"
  if ! now=$(dead) || [ "$now" -gt "$before" ]; then
    "$tradewind" cutover "$subscription" --back
    echo "back: there are new dead letters at $percent %, or the gateway does not say" >&2
    exit 1
  fi
done
