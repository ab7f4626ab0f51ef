//! Services and tools that send webhooks, by their own documentation.

mod database;
mod forge;
mod gitlab;
mod kubernetes;

use crate::Clue::{Begins, Contains, Has, Header, Is};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

pub(crate) const SPECS: &[&[Spec<'static>]] =
    &[database::SPECS, kubernetes::SPECS, forge::SPECS, OTHERS];

/// Told by headers.
pub(crate) const BY_HEADER: &[&[Spec<'static>]] = &[forge::BY_HEADER, HEADERS, gitlab::SPECS];

const HEADERS: &[Spec<'static>] = &[Spec {
    name: "shopify",
    after: "Shopify documentation, \"Webhooks, headers\"",
    clues: &[Header("x-shopify-topic")],
    id: &["{@x-shopify-webhook-id|@x-shopify-event-id|#}"],
    source: &["https://{@x-shopify-shop-domain}", "https://shopify.com"],
    ty: &["com.shopify.{@x-shopify-topic}"],
    subject: &["{id}"],
    time: &["{@x-shopify-triggered-at|updated_at|created_at}"],
    ..NONE
}];

const OTHERS: &[Spec<'static>] = &[
    Spec {
        name: "stripe",
        after: "Stripe API reference, \"The Event object\"",
        clues: &[
            // `v2.core.event` in the newer API.
            Contains("object", "event"),
            Has("id"),
            Has("type"),
            Has("created"),
        ],
        id: &["{id}"],
        source: &[
            "https://api.stripe.com/{account|context}",
            "https://api.stripe.com",
        ],
        ty: &["com.stripe.{type}"],
        subject: &["{data.object.id|related_object.id}"],
        time: &["{created}"],
        ..NONE
    },
    Spec {
        name: "slack",
        after: "Slack Events API, \"Callback field overview\"",
        // What concerns a whole organization names no team.
        clues: &[
            Has("team_id|enterprise_id|api_app_id"),
            Has("event_id"),
            Has("event.type"),
        ],
        id: &["{event_id}"],
        source: &[
            "https://slack.com/{team_id|enterprise_id}",
            "https://slack.com",
        ],
        ty: &["com.slack.{event.type}"],
        subject: &["{event.channel|event.item.channel|event.user}"],
        time: &["{event_time}"],
        ..NONE
    },
    Spec {
        name: "sendgrid",
        after: "SendGrid documentation, \"Event Webhook reference\"",
        clues: &[Has("0.sg_event_id"), Has("0.event")],
        each: Some(""),
        id: &["{sg_event_id}", "{#}"],
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
        source: &["https://squareup.com/{merchant_id}", "https://squareup.com"],
        ty: &["com.squareup.{type}"],
        subject: &["{data.id}"],
        time: &["{created_at}"],
        ..NONE
    },
    Spec {
        name: "zoom",
        after: "Zoom documentation, \"Webhooks\"",
        // Older ones bear no time.
        clues: &[Has("event"), Has("event_ts|payload.account_id")],
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
        name: "slack-command",
        after: "Slack documentation, \"Slash commands\"",
        clues: &[Has("command"), Has("team_id"), Has("trigger_id")],
        id: &["{trigger_id}"],
        source: &["https://slack.com/{team_id}"],
        ty: &["com.slack.command"],
        subject: &["{channel_id}"],
        ..NONE
    },
    Spec {
        name: "slack-interaction",
        after: "Slack documentation, \"Interaction payloads\"",
        clues: &[
            Has("team.id|enterprise.id|user.team_id"),
            Has("type"),
            Has("user.id"),
            Has("trigger_id|callback_id|view.id"),
        ],
        source: &["https://slack.com/{team.id|enterprise.id|user.team_id}"],
        ty: &["com.slack.{type}"],
        subject: &["{channel.id|user.id}"],
        time: &["{action_ts}"],
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
        name: "alertmanager",
        after: "Prometheus documentation, \"Alertmanager, webhook_config\"",
        clues: &[
            Has("alerts.0.status"),
            Has("groupKey|alerts.0.labels.alertname"),
        ],
        source: &["{externalURL}", "alertmanager:{receiver}"],
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
        name: "ceph",
        after: "Ceph documentation, \"Bucket notifications\"; its records are those of S3",
        clues: &[Is("Records.0.eventSource", "ceph:s3")],
        each: Some("Records"),
        id: &["{responseElements.x-amz-request-id}.{#}", "{#}"],
        source: &["ceph:s3.{s3.bucket.name}"],
        ty: &["io.ceph.{eventName}"],
        subject: &["{s3.object.key}"],
        time: &["{eventTime}"],
        ..NONE
    },
    Spec {
        name: "docker-hub",
        after: "Docker Hub documentation, \"Webhooks\"",
        clues: &[Has("push_data.tag"), Has("repository.repo_name")],
        source: &["{repository.repo_url}", "https://hub.docker.com"],
        ty: &["com.docker.hub.push"],
        subject: &["{repository.repo_name}:{push_data.tag}"],
        time: &["{push_data.pushed_at}"],
        ..NONE
    },
];
