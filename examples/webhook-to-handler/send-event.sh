#!/bin/sh
# A CloudEvent in binary mode: attributes in headers, data in the body.
curl --silent --show-error --include http://127.0.0.1:8080/events \
  --header 'ce-specversion: 1.0' \
  --header 'ce-id: greeting-1' \
  --header 'ce-source: /try/me' \
  --header 'ce-type: com.example.greeting' \
  --header 'content-type: application/json' \
  --data '{"text": "hello, handler"}'
