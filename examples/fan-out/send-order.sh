#!/bin/sh
# An order in dollars, as a CloudEvent in structured mode.
curl --silent --show-error --include http://127.0.0.1:8080/events \
  --header 'content-type: application/cloudevents+json' \
  --data '{
    "specversion": "1.0",
    "id": "order-7",
    "source": "/shop",
    "type": "com.example.order.placed",
    "subject": "7",
    "datacontenttype": "application/json",
    "data": { "id": "7", "total": 4200, "currency": "USD" }
  }'
