//! Small events of our own making, in the form that each provider documents.

use super::providers::Asks::{Body, Header, Member, Nothing, Signature};
use super::providers::Event;

type Headers = &'static [(&'static str, &'static str)];

const JSON: Headers = &[("content-type", "application/json")];

const fn json(name: &'static str, body: &'static str) -> Event {
    Event::json(name, JSON, body)
}

pub(super) const GITHUB: &[Event] = &[
    Event::json(
        "push",
        &[
            ("content-type", "application/json"),
            ("x-github-event", "push"),
            ("x-github-delivery", "tw-%"),
        ],
        r#"{"ref":"refs/heads/main","before":"0000000000000000000000000000000000000000","after":"5c1f0a7d%","repository":{"id":1,"full_name":"acme/app","url":"https://api.github.com/repos/acme/app"},"pusher":{"name":"dev"},"commits":[]}"#,
    ),
    Event::json(
        "ping",
        &[
            ("content-type", "application/json"),
            ("x-github-event", "ping"),
            ("x-github-delivery", "tw-%"),
        ],
        r#"{"zen":"made up","hook_id":%,"repository":{"full_name":"acme/app","url":"https://api.github.com/repos/acme/app"}}"#,
    ),
    Event::json(
        "pull_request",
        &[
            ("content-type", "application/json"),
            ("x-github-event", "pull_request"),
            ("x-github-delivery", "tw-%"),
        ],
        r#"{"action":"opened","number":7,"pull_request":{"id":%,"updated_at":"@t","url":"https://api.github.com/repos/acme/app/pulls/7"},"repository":{"full_name":"acme/app","url":"https://api.github.com/repos/acme/app"}}"#,
    ),
    Event::json(
        "issues",
        &[
            ("content-type", "application/json"),
            ("x-github-event", "issues"),
            ("x-github-delivery", "tw-%"),
        ],
        r#"{"action":"opened","issue":{"number":9,"updated_at":"@t"},"repository":{"full_name":"acme/app","url":"https://api.github.com/repos/acme/app"}}"#,
    ),
];

pub(super) const STRIPE: &[Event] = &[
    json(
        "invoice.paid",
        r#"{"id":"evt_%","object":"event","api_version":"2025-01-27","created":@s,"type":"invoice.paid","livemode":false,"data":{"object":{"id":"in_1","object":"invoice","amount_paid":1230,"currency":"eur"}}}"#,
    ),
    json(
        "checkout.session.completed",
        r#"{"id":"evt_%","object":"event","created":@s,"type":"checkout.session.completed","livemode":false,"data":{"object":{"id":"cs_1","object":"checkout.session","amount_total":4200,"currency":"eur"}}}"#,
    ),
];

pub(super) const SLACK: &[Event] = &[
    json(
        "app_mention",
        r#"{"token":"made-up","team_id":"T0001","api_app_id":"A0001","type":"event_callback","event_id":"Ev%","event_time":@s,"event":{"type":"app_mention","user":"U0001","text":"<@U0002> deploy","ts":"@s.000100","channel":"C0001","event_ts":"@s.000100"}}"#,
    ),
    json(
        "challenge",
        r#"{"token":"made-up","challenge":"made-up-challenge","type":"url_verification"}"#,
    )
    .asking(Body("made-up-challenge")),
];

pub(super) const SHOPIFY: &[Event] = &[Event::json(
    "orders/create",
    &[
        ("content-type", "application/json"),
        ("x-shopify-topic", "orders/create"),
        ("x-shopify-shop-domain", "acme.myshopify.com"),
        ("x-shopify-webhook-id", "tw-%"),
        ("x-shopify-api-version", "2025-01"),
    ],
    r#"{"id":%,"name":"1001","total_price":"12.30","currency":"EUR","created_at":"@t"}"#,
)];

const PUSH: &str = r#"{"object_kind":"push","event_name":"push","checkout_sha":"da15608%","ref":"refs/heads/main","project":{"id":1,"web_url":"https://gitlab.example.com/acme/app"},"repository":{"name":"app","homepage":"https://gitlab.example.com/acme/app"},"total_commits_count":1,"commits":[]}"#;
const MERGE: &str = r#"{"object_kind":"merge_request","project":{"id":1,"web_url":"https://gitlab.example.com/acme/app"},"object_attributes":{"id":%,"iid":3,"action":"open","created_at":"@t","state":"opened"}}"#;

pub(super) const GITLAB: &[Event] = &[
    Event::json(
        "push",
        &[
            ("content-type", "application/json"),
            ("x-gitlab-event", "Push Hook"),
            ("x-gitlab-event-uuid", "tw-%"),
        ],
        PUSH,
    ),
    Event::json(
        "merge_request",
        &[
            ("content-type", "application/json"),
            ("x-gitlab-event", "Merge Request Hook"),
            ("x-gitlab-event-uuid", "tw-%"),
        ],
        MERGE,
    ),
];

pub(super) const GITLAB_SIGNED: &[Event] = &[
    Event::json(
        "push",
        &[
            ("content-type", "application/json"),
            ("x-gitlab-event", "Push Hook"),
            ("webhook-id", "tw-%"),
        ],
        PUSH,
    ),
    Event::json(
        "merge_request",
        &[
            ("content-type", "application/json"),
            ("x-gitlab-event", "Merge Request Hook"),
            ("webhook-id", "tw-%"),
        ],
        MERGE,
    ),
];

pub(super) const BITBUCKET: &[Event] = &[
    Event::json(
        "repo:push",
        &[
            ("content-type", "application/json"),
            ("x-event-key", "repo:push"),
            ("x-request-uuid", "tw-%"),
        ],
        r#"{"repository":{"full_name":"acme/app","links":{"html":{"href":"https://bitbucket.org/acme/app"}}},"push":{"changes":[{"new":{"type":"branch","name":"main","target":{"hash":"709d658%","date":"@t"}}}]}}"#,
    ),
    Event::json(
        "pullrequest:created",
        &[
            ("content-type", "application/json"),
            ("x-event-key", "pullrequest:created"),
            ("x-request-uuid", "tw-%"),
        ],
        r#"{"repository":{"full_name":"acme/app","links":{"html":{"href":"https://bitbucket.org/acme/app"}}},"pullrequest":{"id":5,"title":"n%","updated_on":"@t"}}"#,
    ),
];

pub(super) const TWILIO: &[Event] = &[
    Event::json(
        "message",
        &[(
            "content-type",
            "application/x-www-form-urlencoded; charset=UTF-8",
        )],
        "MessageSid=SM%&SmsSid=SM%&AccountSid=AC0001&From=%2B15550100&To=%2B15550101&Body=caf%C3%A9+%26+more&SmsStatus=received&NumMedia=0",
    ),
    Event::json(
        "call",
        &[(
            "content-type",
            "application/x-www-form-urlencoded; charset=UTF-8",
        )],
        "CallSid=CA%&AccountSid=AC0001&From=%2B15550100&To=%2B15550101&CallStatus=completed&Direction=inbound",
    ),
];

pub(super) const SQUARE: &[Event] = &[json(
    "payment.updated",
    r#"{"merchant_id":"ML0001","type":"payment.updated","event_id":"tw-%","created_at":"@t","data":{"type":"payment","id":"pay-1","object":{"payment":{"id":"pay-1","status":"COMPLETED"}}}}"#,
)];

pub(super) const SENDGRID: &[Event] = &[json(
    "delivered",
    "[{\"email\":\"a@example.com\",\"event\":\"delivered\",\"sg_event_id\":\"tw-%\",\"sg_message_id\":\"m1\",\"timestamp\":@s}]\r\n",
)];

pub(super) const STANDARD: &[Event] = &[Event::json(
    "message",
    &[("content-type", "application/json"), ("webhook-id", "tw-%")],
    r#"{"type":"invoice.paid","timestamp":"@t","data":{"id":"%"}}"#,
)];

pub(super) const TWITTER: &[Event] = &[
    json(
        "tweet",
        r#"{"for_user_id":"2244994945","tweet_create_events":[{"id":%,"text":"made up"}]}"#,
    ),
    Event {
        method: "GET",
        headers: &[],
        query: "crc_token=made-up-token&nonce=n",
        signed: false,
        ..json("crc", "")
    }
    .asking(Signature("response_token", "sha256=", "made-up-token")),
];

pub(super) const ZOOM: &[Event] = &[
    json("meeting.started", r#"{"event":"meeting.started","event_ts":@s000,"payload":{"account_id":"acc1","object":{"id":"%","uuid":"u1","topic":"made up"}}}"#),
    json("endpoint.url_validation", r#"{"event":"endpoint.url_validation","event_ts":@s000,"payload":{"plainToken":"madeUpToken"}}"#)
        .asking(Signature("encryptedToken", "", "madeUpToken")),
];

pub(super) const DISCORD: &[Event] = &[
    json(
        "interaction",
        r#"{"version":1,"application_id":"12345","type":2,"token":"made-up","id":"%","channel_id":"55","data":{"id":"1","name":"deploy","type":1}}"#,
    ),
    json(
        "entitlement",
        r#"{"version":1,"application_id":"12345","type":1,"event":{"type":"ENTITLEMENT_CREATE","timestamp":"@t","data":{"id":"%","user_id":"77"}}}"#,
    ),
    json(
        "ping",
        r#"{"version":1,"application_id":"12345","type":1,"token":"made-up","id":"%"}"#,
    )
    .asking(Member("type", "1")),
    json(
        "event-ping",
        r#"{"version":1,"application_id":"12345","type":0}"#,
    )
    .asking(Nothing),
];

pub(super) const EVENT_GRID: &[Event] = &[
    Event::json("blob-created", &[("content-type", "application/json; charset=utf-8"), ("aeg-event-type", "Notification")],
        r#"[{"id":"tw-%","topic":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a","subject":"/blobServices/default/containers/c/blobs/b","eventType":"Microsoft.Storage.BlobCreated","eventTime":"@t","data":{"api":"PutBlob","contentLength":12},"dataVersion":"","metadataVersion":"1"}]"#),
    Event::json("blob-created-cloud-event", &[("content-type", "application/cloudevents+json; charset=utf-8"), ("aeg-event-type", "Notification")],
        r#"{"specversion":"1.0","id":"tw-%","source":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a","subject":"/blobServices/default/containers/c/blobs/b","type":"Microsoft.Storage.BlobCreated","time":"@t","data":{"api":"PutBlob","contentLength":12}}"#),
    Event::json("validation", &[("content-type", "application/json; charset=utf-8"), ("aeg-event-type", "SubscriptionValidation")],
        r#"[{"id":"tw-%","topic":"/subscriptions/s","subject":"","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","eventTime":"@t","data":{"validationCode":"512d38b6-made-up"},"dataVersion":"2","metadataVersion":"1"}]"#)
        .asking(Member("validationResponse", "512d38b6-made-up")),
    Event {
        method: "OPTIONS",
        ..Event::json("options", &[("webhook-request-origin", "eventgrid.azure.net"), ("webhook-request-rate", "120")], "")
    }
    .asking(Header("webhook-allowed-origin", "eventgrid.azure.net")),
];

pub(super) const EVENT_GRID_TOKEN: &[Event] = &[
    EVENT_GRID[0],
    EVENT_GRID[1],
    EVENT_GRID[2],
    // Consent opens nothing where each delivery shows a token, so that nobody signs it.
    Event {
        signed: false,
        ..EVENT_GRID[3]
    },
];

const fn sns(name: &'static str, headers: Headers, message: &'static str) -> Event {
    Event::json(name, headers, message)
}

/// What was published; the message around it is made when it is signed.
pub(super) const SNS: &[Event] = &[
    sns(
        "notification",
        &[
            ("content-type", "text/plain; charset=UTF-8"),
            ("x-amz-sns-message-type", "Notification"),
        ],
        r#"{"order":"o-%","total":12.30}"#,
    ),
    sns(
        "subscription-confirmation",
        &[
            ("content-type", "text/plain; charset=UTF-8"),
            ("x-amz-sns-message-type", "SubscriptionConfirmation"),
        ],
        "You have chosen to subscribe to a topic that is made up",
    )
    .asking(Body("")),
    sns(
        "unsubscribe-confirmation",
        &[
            ("content-type", "text/plain; charset=UTF-8"),
            ("x-amz-sns-message-type", "UnsubscribeConfirmation"),
        ],
        "You have chosen to deactivate a subscription that is made up",
    )
    .asking(Body("")),
];

pub(super) const PAYPAL: &[Event] = &[
    json(
        "PAYMENT.CAPTURE.COMPLETED",
        r#"{"id":"WH-%","event_version":"1.0","create_time":"@t","resource_type":"capture","resource_version":"2.0","event_type":"PAYMENT.CAPTURE.COMPLETED","summary":"made up","resource":{"id":"cap-%","status":"COMPLETED","amount":{"value":"12.30","currency_code":"EUR"}}}"#,
    ),
    json(
        "CHECKOUT.ORDER.APPROVED",
        r#"{"id":"WH-%","event_version":"1.0","create_time":"@t","resource_type":"checkout-order","resource_version":"2.0","event_type":"CHECKOUT.ORDER.APPROVED","summary":"made up","resource":{"id":"ord-%","intent":"CAPTURE","status":"APPROVED"}}"#,
    ),
];

pub(super) const PUBSUB: &[Event] = &[
    json(
        "message",
        r#"{"message":{"attributes":{"kind":"made-up"},"data":"aGVsbG8=","messageId":"%","message_id":"%","publishTime":"@t","publish_time":"@t"},"subscription":"projects/simulated/subscriptions/simulated"}"#,
    ),
    Event::json(
        "message-unwrapped",
        &[
            ("content-type", "text/plain"),
            ("x-goog-pubsub-message-id", "%"),
            (
                "x-goog-pubsub-subscription-name",
                "projects/simulated/subscriptions/simulated",
            ),
            ("x-goog-pubsub-publish-time", "@t"),
        ],
        "hello",
    ),
];
