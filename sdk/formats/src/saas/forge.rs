//! Services that hold Git repositories, but GitHub and GitLab, which have documents of CloudEvents.

use crate::Clue::{Has, Header};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

/// Told by headers.
pub(super) const BY_HEADER: &[Spec<'static>] = &[
    Spec {
        name: "gitea",
        after: "Gitea documentation, \"Webhooks\"; Forgejo's are the same",
        clues: &[Header("x-gitea-event")],
        id: &["{@x-gitea-delivery|#}"],
        source: &[
            "{repository.html_url|organization.html_url|sender.html_url}",
            "gitea",
        ],
        ty: &[
            "io.gitea.{@x-gitea-event}.{action}",
            "io.gitea.{@x-gitea-event}",
        ],
        subject: &["{pull_request.number|issue.number|release.tag_name|ref}"],
        time: &[
            "{pull_request.updated_at|issue.updated_at|release.published_at|head_commit.timestamp}",
        ],
        ..NONE
    },
    // Gitea sends this header as well, and both send GitHub's.
    Spec {
        name: "gogs",
        after: "Gogs documentation, \"Webhooks\"",
        clues: &[Header("x-gogs-event")],
        id: &["{@x-gogs-delivery|#}"],
        source: &["{repository.html_url}", "gogs"],
        ty: &[
            "io.gogs.{@x-gogs-event}.{action}",
            "io.gogs.{@x-gogs-event}",
        ],
        subject: &["{pull_request.number|issue.number|release.tag_name|ref}"],
        time: &["{pull_request.updated_at|issue.updated_at|release.created_at}"],
        ..NONE
    },
    Spec {
        name: "bitbucket",
        after: "Bitbucket Cloud documentation, \"Event payloads\"",
        clues: &[Header("x-event-key")],
        id: &["{@x-request-uuid|#}"],
        // The server product has other links, and a test that names nothing.
        source: &[
            "{repository.links.html.href|repository.links.self.0.href|repository.links.self.href|pullRequest.toRef.repository.links.self.0.href}",
            "{new.links.self.0.href}",
            "{repository.full_name}",
            "{repository.project.key}/{repository.slug}",
            "{pullRequest.toRef.repository.project.key}/{pullRequest.toRef.repository.slug}",
            "https://bitbucket.org",
        ],
        ty: &["org.bitbucket.{@x-event-key}"],
        subject: &[
            "{pullrequest.id|pullRequest.id|issue.id|push.changes.0.new.name|changes.0.ref.id|push.changes.0.old.name}",
        ],
        time: &["{pullrequest.updated_on|issue.updated_on|push.changes.0.new.target.date|date}"],
        ..NONE
    },
];

pub(super) const SPECS: &[Spec<'static>] = &[Spec {
    name: "gitee",
    after: "Gitee documentation, \"WebHook\"",
    clues: &[Has("hook_name"), Has("hook_id")],
    source: &[
        "{repository.html_url|project.html_url}",
        "https://gitee.com",
    ],
    ty: &["com.gitee.{hook_name}.{action}", "com.gitee.{hook_name}"],
    subject: &["{pull_request.number|issue.number|ref|comment.id}"],
    time: &["{pull_request.updated_at|issue.updated_at|head_commit.timestamp|timestamp}"],
    ..NONE
}];
