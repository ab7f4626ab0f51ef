//! GitLab, by the CloudEvents adapter document. Where that says "new UUID" the sender's own id is
//! taken, so that a repetition is recognised.

use crate::Clue::{Has, Header, Is};
use crate::{Clue, Spec};

const fn row(
    name: &'static str,
    clues: &'static [Clue<'static>],
    ty: &'static [&'static str],
    subject: &'static [&'static str],
) -> Spec<'static> {
    Spec {
        name,
        after: "CloudEvents adapter document gitlab",
        clues,
        id: &["{@x-gitlab-event-uuid|@idempotency-key|@webhook-id|#}"],
        // System hooks name what they are about, and the instance in a header.
        source: &[
            "{repository.homepage|project.web_url|project.homepage|object_attributes.target.web_url|object_attributes.target.homepage|object_attributes.target.http_url}",
            "{@x-gitlab-instance}/{path_with_namespace|project_path_with_namespace|full_path|group_path}",
            "{@x-gitlab-instance}",
            "{path_with_namespace|project_path_with_namespace|full_path|group_path}",
            "https://gitlab.com",
        ],
        ty,
        subject,
        time: &["{object_attributes.created_at|updated_at|created_at}"],
        ..Spec::NONE
    }
}

/// System hooks name pushes otherwise.
const KIND: &str = "object_kind|event_name";
/// Early versions name the project of a merge request in its target only.
const GITLAB: Clue<'static> = Has(
    "project.web_url|project.homepage|repository.homepage|object_attributes.target.web_url|object_attributes.target.http_url",
);

pub(super) const SPECS: &[Spec<'static>] = &[
    row(
        "gitlab-push",
        &[GITLAB, Is(KIND, "push")],
        &["com.gitlab.push"],
        &["{checkout_sha}"],
    ),
    row(
        "gitlab-tag-push",
        &[GITLAB, Is(KIND, "tag_push")],
        &["com.gitlab.tag_push"],
        &["{ref}"],
    ),
    row(
        "gitlab-issue",
        &[GITLAB, Is(KIND, "issue")],
        &[
            "com.gitlab.issue.{object_attributes.state}",
            "com.gitlab.issue",
        ],
        &["{object_attributes.iid}"],
    ),
    row(
        "gitlab-note",
        &[GITLAB, Is(KIND, "note")],
        &[
            "com.gitlab.note.{object_attributes.noteable_type~lower}",
            "com.gitlab.note",
        ],
        &["{object_attributes.id}"],
    ),
    row(
        "gitlab-merge-request",
        &[GITLAB, Is(KIND, "merge_request")],
        &[
            "com.gitlab.merge_request.{object_attributes.action}",
            "com.gitlab.merge_request",
        ],
        &["{object_attributes.iid}"],
    ),
    row(
        "gitlab-wiki-page",
        &[GITLAB, Is(KIND, "wiki_page")],
        &[
            "com.gitlab.wiki_page.{object_attributes.action}",
            "com.gitlab.wiki_page",
        ],
        &["{object_attributes.slug}"],
    ),
    row(
        "gitlab-pipeline",
        &[GITLAB, Is(KIND, "pipeline")],
        &[
            "com.gitlab.pipeline.{object_attributes.status}",
            "com.gitlab.pipeline",
        ],
        &["{object_attributes.id}"],
    ),
    row(
        "gitlab-job",
        &[GITLAB, Is(KIND, "build")],
        &["com.gitlab.job.{build_status}", "com.gitlab.job"],
        &["{build_id}"],
    ),
    row(
        "gitlab",
        &[Header("x-gitlab-event")],
        &["com.gitlab.{object_kind|event_name}"],
        &["{object_attributes.id|deployment_id|tag|checkout_sha|project_id|group_id|user_id|id}"],
    ),
];
