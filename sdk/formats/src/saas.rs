//! Services and tools that send webhooks, by their own documentation.

mod gitlab;

use crate::Clue::{Begins, Has, Header, Is};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

pub(crate) const SPECS: &[&[Spec<'static>]] = &[gitlab::SPECS, OTHERS];

const OTHERS: &[Spec<'static>] = &[
    Spec {
        name: "stripe",
        after: "Stripe API reference, \"The Event object\"",
        clues: &[
            Is("object", "event"),
            Has("id"),
            Has("type"),
            Has("created"),
        ],
        id: &["{id}"],
        source: &["https://api.stripe.com/{account}", "https://api.stripe.com"],
        ty: &["com.stripe.{type}"],
        subject: &["{data.object.id}"],
        time: &["{created}"],
        ..NONE
    },
    Spec {
        name: "slack",
        after: "Slack Events API, \"Callback field overview\"",
        clues: &[Has("team_id"), Has("event_id"), Has("event.type")],
        id: &["{event_id}"],
        source: &["https://slack.com/{team_id}"],
        ty: &["com.slack.{event.type}"],
        subject: &["{event.channel|event.item.channel|event.user}"],
        time: &["{event_time}"],
        ..NONE
    },
    Spec {
        name: "shopify",
        after: "Shopify documentation, \"Webhooks, headers\"",
        clues: &[Header("x-shopify-topic")],
        id: &["{@x-shopify-webhook-id|@x-shopify-event-id|#}"],
        source: &["https://{@x-shopify-shop-domain}"],
        ty: &["com.shopify.{@x-shopify-topic}"],
        subject: &["{id}"],
        time: &["{@x-shopify-triggered-at|updated_at|created_at}"],
        ..NONE
    },
    Spec {
        name: "sendgrid",
        after: "SendGrid documentation, \"Event Webhook reference\"",
        clues: &[Has("0.sg_event_id"), Has("0.event")],
        each: Some(""),
        id: &["{sg_event_id}"],
        source: &["https://sendgrid.com"],
        ty: &["com.sendgrid.{event}"],
        subject: &["{email}"],
        time: &["{timestamp}"],
        ..NONE
    },
    Spec {
        name: "square",
        after: "Square documentation, \"Webhook events\"",
        clues: &[Has("merchant_id"), Has("event_id"), Has("type")],
        id: &["{event_id}"],
        source: &["https://squareup.com/{merchant_id}"],
        ty: &["com.squareup.{type}"],
        subject: &["{data.id}"],
        time: &["{created_at}"],
        ..NONE
    },
    Spec {
        name: "zoom",
        after: "Zoom documentation, \"Webhooks\"",
        clues: &[Has("event"), Has("event_ts")],
        source: &["https://zoom.us/{payload.account_id}", "https://zoom.us"],
        ty: &["us.zoom.{event}"],
        subject: &["{payload.object.id|payload.object.uuid}"],
        time: &["{event_ts}"],
        ..NONE
    },
    Spec {
        name: "discord",
        after: "Discord documentation, \"Interactions\"",
        clues: &[Has("application_id"), Has("token"), Has("version")],
        id: &["{id}"],
        source: &["https://discord.com/applications/{application_id}"],
        ty: &["com.discord.interaction.{type}"],
        subject: &["{channel_id}"],
        ..NONE
    },
    Spec {
        name: "discord-event",
        after: "Discord documentation, \"Webhook Events\"",
        clues: &[Has("application_id"), Has("event.type"), Has("version")],
        source: &["https://discord.com/applications/{application_id}"],
        ty: &["com.discord.{event.type~lower}"],
        subject: &["{event.data.user.id|event.data.user_id}"],
        time: &["{event.timestamp}"],
        ..NONE
    },
    Spec {
        name: "twilio",
        after: "Twilio documentation, \"TwiML Voice\" and \"Messaging webhooks\", parameters of a request",
        clues: &[Begins("AccountSid", "AC")],
        source: &["https://api.twilio.com/2010-04-01/Accounts/{AccountSid}"],
        ty: &[
            "com.twilio.message.{MessageStatus|SmsStatus}",
            "com.twilio.call.{CallStatus}",
            "com.twilio.{EventType~lower}",
            "com.twilio.webhook",
        ],
        subject: &["{MessageSid|SmsSid|CallSid|ConversationSid}"],
        ..NONE
    },
    Spec {
        name: "twitter",
        after: "X documentation, \"Account Activity API\"",
        clues: &[Has("for_user_id")],
        source: &["https://api.x.com/users/{for_user_id}"],
        ty: &["com.twitter.account-activity"],
        ..NONE
    },
    Spec {
        name: "slack-rate-limited",
        after: "Slack Events API, \"Rate limiting\"",
        clues: &[Is("type", "app_rate_limited"), Has("team_id")],
        source: &["https://slack.com/{team_id}"],
        ty: &["com.slack.{type}"],
        time: &["{minute_rate_limited}"],
        ..NONE
    },
    Spec {
        name: "paypal",
        after: "PayPal documentation, \"Webhook event notifications\"",
        clues: &[Has("event_type"), Has("resource_type"), Has("id")],
        id: &["{id}"],
        source: &["https://api.paypal.com"],
        ty: &["com.paypal.{event_type}"],
        subject: &["{resource.id}"],
        time: &["{create_time}"],
        ..NONE
    },
    Spec {
        name: "bitbucket",
        after: "Bitbucket Cloud documentation, \"Event payloads\"",
        clues: &[Header("x-event-key")],
        id: &["{@x-request-uuid|#}"],
        source: &["{repository.links.html.href|repository.full_name}"],
        ty: &["org.bitbucket.{@x-event-key}"],
        subject: &["{pullrequest.id|issue.id|push.changes.0.new.name}"],
        time: &["{pullrequest.updated_on|push.changes.0.new.target.date}"],
        ..NONE
    },
    Spec {
        name: "alertmanager",
        after: "Prometheus documentation, \"Alertmanager, webhook_config\"",
        clues: &[Has("groupKey"), Has("alerts.0.status")],
        source: &["{externalURL}"],
        ty: &["io.prometheus.alertmanager.{status}"],
        subject: &["{groupKey}"],
        time: &["{alerts.0.startsAt}"],
        ..NONE
    },
    Spec {
        name: "docker-registry",
        after: "Distribution documentation, \"Notifications\"",
        clues: &[Has("events.0.action"), Has("events.0.target.repository")],
        each: Some("events"),
        id: &["{id}"],
        source: &["//{request.host}", "docker:registry"],
        ty: &["com.docker.distribution.{action}"],
        subject: &[
            "{target.repository}:{target.tag}",
            "{target.repository}@{target.digest}",
            "{target.repository}",
        ],
        time: &["{timestamp}"],
        ..NONE
    },
    Spec {
        name: "minio",
        after: "MinIO documentation, \"Bucket notifications\"; its records are those of S3",
        clues: &[Is("Records.0.eventSource", "minio:s3")],
        each: Some("Records"),
        id: &[
            "{responseElements.x-amz-request-id}.{s3.object.sequencer}.{#}",
            "{#}",
        ],
        source: &[
            "{responseElements.x-minio-origin-endpoint}/{s3.bucket.name}",
            "minio:s3.{s3.bucket.name}",
        ],
        ty: &["com.min.{eventName}"],
        subject: &["{s3.object.key}"],
        time: &["{eventTime}"],
        ..NONE
    },
    Spec {
        name: "kubernetes",
        after: "Kubernetes API reference, \"Event v1 core\"",
        clues: &[Is("kind", "Event"), Has("involvedObject.kind")],
        id: &["{metadata.uid}.{metadata.resourceVersion}", "{#}"],
        source: &["/api/v1/namespaces/{metadata.namespace}"],
        ty: &["io.k8s.core.Event.{type}"],
        subject: &["{involvedObject.kind}/{involvedObject.name}"],
        time: &["{lastTimestamp|eventTime|metadata.creationTimestamp}"],
        ..NONE
    },
];
