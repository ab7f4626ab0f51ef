//! Every scheme that is known by name.

use crate::{Algorithm, Encoding, KeyFormat, Piece, Place, Places, Scheme, Stamp};
use std::time::Duration;

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const ID_TIMESTAMP_BODY: &[Piece<'static>] = &[
    Piece::Id,
    Piece::Text("."),
    Piece::Timestamp,
    Piece::Text("."),
    Piece::Body,
];
const V0: &[Piece<'static>] = &[
    Piece::Text("v0:"),
    Piece::Timestamp,
    Piece::Text(":"),
    Piece::Body,
];

/// All of them.
pub const ALL: &[Scheme<'static>] = &[
    GITHUB,
    STANDARD_WEBHOOKS,
    STANDARD_WEBHOOKS_ASYMMETRIC,
    STRIPE,
    SLACK,
    ZOOM,
    SHOPIFY,
    BITBUCKET,
    GITLAB_TOKEN,
    TWILIO,
    SQUARE,
    SENDGRID,
    DISCORD,
    TWITTER,
    EVENT_GRID,
];

/// GitHub. No timestamp is signed: repetitions are recognised by the delivery id alone. The SHA-1
/// header `X-Hub-Signature` is never looked at.
pub const GITHUB: Scheme<'static> = Scheme {
    name: "github",
    places: &[Places::header("x-hub-signature-256")],
    prefix: "sha256=",
    ..Scheme::BODY
};

/// Standard Webhooks, symmetric: several signatures in one header. Svix sends the same under names of
/// its own.
pub const STANDARD_WEBHOOKS: Scheme<'static> = Scheme {
    name: "standard-webhooks",
    places: &[
        standard(["webhook-signature", "webhook-id", "webhook-timestamp"]),
        standard(["svix-signature", "svix-id", "svix-timestamp"]),
    ],
    prefix: "v1,",
    separator: Some(' '),
    encoding: Encoding::Base64,
    key: KeyFormat::Base64 {
        prefix: "whsec_",
        bytes: (24, 64),
    },
    signed: ID_TIMESTAMP_BODY,
    tolerance: FIVE_MINUTES,
    ..Scheme::BODY
};

/// Standard Webhooks with Ed25519; the secret is the public key (`whpk_…`).
pub const STANDARD_WEBHOOKS_ASYMMETRIC: Scheme<'static> = Scheme {
    name: "standard-webhooks-v1a",
    prefix: "v1a,",
    algorithm: Algorithm::Ed25519,
    key: KeyFormat::Base64 {
        prefix: "whpk_",
        bytes: (32, 32),
    },
    ..STANDARD_WEBHOOKS
};

/// Stripe. The key is the whole `whsec_…` as text; the tag `v0` of its test mode opens nothing.
pub const STRIPE: Scheme<'static> = Scheme {
    name: "stripe",
    places: &[Places {
        signature: Place::Header("stripe-signature"),
        id: None,
        timestamp: Some(Stamp::Part("t=")),
    }],
    prefix: "v1=",
    separator: Some(','),
    signed: &[Piece::Timestamp, Piece::Text("."), Piece::Body],
    tolerance: FIVE_MINUTES,
    ..Scheme::BODY
};

/// Slack.
pub const SLACK: Scheme<'static> = Scheme {
    name: "slack",
    places: &[Places::header("x-slack-signature").at("x-slack-request-timestamp")],
    prefix: "v0=",
    signed: V0,
    tolerance: FIVE_MINUTES,
    ..Scheme::BODY
};

/// Zoom.
pub const ZOOM: Scheme<'static> = Scheme {
    name: "zoom",
    places: &[Places::header("x-zm-signature").at("x-zm-request-timestamp")],
    ..SLACK
};

/// Shopify.
pub const SHOPIFY: Scheme<'static> = Scheme {
    name: "shopify",
    places: &[Places::header("x-shopify-hmac-sha256")],
    encoding: Encoding::Base64,
    ..Scheme::BODY
};

/// Bitbucket. Its header has the name of GitHub's old one, and SHA-256 in it.
pub const BITBUCKET: Scheme<'static> = Scheme {
    name: "bitbucket",
    places: &[Places::header("x-hub-signature")],
    prefix: "sha256=",
    ..Scheme::BODY
};

/// GitLab's secret token; its newer signing token is [`STANDARD_WEBHOOKS`].
pub const GITLAB_TOKEN: Scheme<'static> = Scheme {
    name: "gitlab-token",
    places: &[Places::header("x-gitlab-token")],
    algorithm: Algorithm::Token,
    signed: &[],
    ..Scheme::BODY
};

/// Twilio, by HMAC-SHA1: the only one that every account has.
pub const TWILIO: Scheme<'static> = Scheme {
    name: "twilio",
    places: &[Places::header("x-twilio-signature")],
    algorithm: Algorithm::HmacSha1,
    encoding: Encoding::Base64,
    signed: &[Piece::Url, Piece::Form],
    ..Scheme::BODY
};

/// Square.
pub const SQUARE: Scheme<'static> = Scheme {
    name: "square",
    places: &[Places::header("x-square-hmacsha256-signature")],
    encoding: Encoding::Base64,
    signed: &[Piece::Url, Piece::Body],
    ..Scheme::BODY
};

/// SendGrid's event webhook; the secret is the verification key that it shows.
pub const SENDGRID: Scheme<'static> = Scheme {
    name: "sendgrid",
    places: &[Places::header("x-twilio-email-event-webhook-signature")
        .at("x-twilio-email-event-webhook-timestamp")],
    algorithm: Algorithm::EcdsaP256,
    encoding: Encoding::Base64,
    key: KeyFormat::Base64 {
        prefix: "",
        bytes: (65, 128),
    },
    signed: &[Piece::Timestamp, Piece::Body],
    tolerance: Duration::from_secs(600),
    ..Scheme::BODY
};

/// Discord; the secret is the application's public key.
pub const DISCORD: Scheme<'static> = Scheme {
    name: "discord",
    places: &[Places::header("x-signature-ed25519").at("x-signature-timestamp")],
    algorithm: Algorithm::Ed25519,
    key: KeyFormat::Hex { bytes: (32, 32) },
    signed: &[Piece::Timestamp, Piece::Body],
    tolerance: FIVE_MINUTES,
    ..Scheme::BODY
};

/// X, once Twitter.
pub const TWITTER: Scheme<'static> = Scheme {
    name: "twitter",
    places: &[Places::header("x-twitter-webhooks-signature")],
    prefix: "sha256=",
    encoding: Encoding::Base64,
    ..Scheme::BODY
};

/// Azure Event Grid signs nothing; the secret stands in the query of the endpoint that it was given,
/// as `code`.
pub const EVENT_GRID: Scheme<'static> = Scheme {
    name: "azure-event-grid",
    places: &[Places {
        signature: Place::Query("code"),
        id: None,
        timestamp: None,
    }],
    algorithm: Algorithm::Token,
    signed: &[],
    ..Scheme::BODY
};

const fn standard(names: [&'static str; 3]) -> Places<'static> {
    let [signature, id, timestamp] = names;
    Places {
        signature: Place::Header(signature),
        id: Some(id),
        timestamp: Some(Stamp::Header(timestamp)),
    }
}
