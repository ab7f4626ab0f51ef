#!/bin/sh
# What GitHub sends for a push, signed with the secret that tradewind.yaml falls back to.
curl --silent --show-error --include http://127.0.0.1:8080/in/github \
  --header 'content-type: application/json' \
  --header 'x-github-event: push' \
  --header 'x-github-delivery: 2c1e6a34-7d5f-4b0e-9a83-5d6c0f1b7e42' \
  --header 'x-hub-signature-256: sha256=1c9612afd6236c9df7a5bf38664d6bd82c93e79fb1a347f87e6d33721d35a151' \
  --data-binary @push.json
