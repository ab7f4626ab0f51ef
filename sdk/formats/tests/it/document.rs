//! The GitHub table once more, taken from the document by a program and not by hand, and a naive
//! evaluator of it: what the decoder is held against.

use serde_json::Value;

/// Event, source, parts of the type, subject, time (the first that is there). Dotted paths; what the
/// document leaves out is empty, and so is the time of a release, which has a test of its own.
#[rustfmt::skip]
pub(crate) const DOCUMENT: [(&str, &str, &str, &str, &str); 71] = [
    ("branch_protection_configuration", "repository.url", "action", "", ""),
    ("branch_protection_rule", "repository.url", "action", "rule.id", "rule.updated_at"),
    ("check_run", "repository.url", "action", "check_run.id", "check_run.completed_at check_run.started_at"),
    ("check_suite", "repository.url", "action", "check_suite.id", "check_suite.updated_at"),
    ("code_scanning_alert", "repository.url", "action", "alert.number", ""),
    ("commit_comment", "comment.url + comment.commit_id", "action", "comment.id", "comment.updated_at"),
    ("content_reference", "repository.url", "action", "content_reference.id", ""),
    ("create", "repository.url", "ref_type", "ref", ""),
    ("custom_property", "repository.url", "action", "definition.property_name", ""),
    ("custom_property_values", "repository.url", "action", "", ""),
    ("delete", "repository.url", "ref_type", "ref", ""),
    ("dependabot_alert", "repository.url", "action", "alert.id", ""),
    ("deploy_key", "repository.url", "action", "key.id", "key.deleted_at key.created_at"),
    ("deployment", "repository.url", "", "deployment.id", "deployment.updated_at"),
    ("deployment_protection_rule", "deployment.url", "action", "deployment.id", ""),
    ("deployment_review", "deployment.url", "action", "workflow_run.id", ""),
    ("deployment_status", "deployment.url", "deployment_status.state", "deployment_status.url", "deployment_status.updated_at"),
    ("discussion", "repository.url", "action", "discussion.id", ""),
    ("discussion_comment", "repository.url", "action", "discussion.id", "comment.updated_at"),
    ("fork", "repository.url", "", "forkee.url", "forkee.created_at"),
    ("github_app_authorization", "sender.url", "", "", ""),
    ("gollum", "repository.url", "", "", ""),
    ("installation", "installation.account.url", "action", "installation.id", "installation.updated_at"),
    ("installation_repositories", "installation.account.url", "action", "installation.id", "installation.updated_at"),
    ("installation_target", "installation.account.url", "action", "installation.id", ""),
    ("issue_comment", "issue.url", "action", "comment.id", "comment.updated_at"),
    ("issues", "repository.url", "action", "issue.number", "issue.updated_at"),
    ("label", "repository.url", "action", "label.name", ""),
    ("marketplace_purchase", "parent of sender.url", "action", "marketplace_purchase.account.login", "effective_date"),
    ("member", "repository.url", "action", "member.login", ""),
    ("membership", "team.url", "scope action", "member.login", ""),
    ("merge_group", "repository.url", "action", "merge_group.head_ref", ""),
    ("meta", "repository.url", "action", "hook_id", "hook.updated_at"),
    ("milestone", "repository.url", "action", "milestone.number", "milestone.updated_at"),
    ("org_block", "organization.url", "action", "blocked_user.login", ""),
    ("organization", "organization.url", "action", "membership.user.login", ""),
    ("package", "repository.url", "action", "package.id", "package.updated_at package.created_at"),
    ("page_build", "repository.url", "", "build.url", "pusher.updated_at"),
    ("project", "repository.url", "action", "project.id", "project.updated_at"),
    ("project_card", "repository.url", "action", "project_card.id", "project_card.updated_at"),
    ("project_column", "repository.url", "action", "project_column.id", "project_column.updated_at"),
    ("projects_v2", "repository.url", "action", "projects_v2.id", "projects_v2.updated_at"),
    ("projects_v2_item", "repository.url", "action", "projects_v2_item.id", "projects_v2_item.updated_at"),
    ("projects_v2_status_update", "repository.url", "action", "projects_v2_status_update.id", "projects_v2_status_update.updated_at"),
    ("public", "repository.owner.url", "", "repository.name", "repository.updated_at"),
    ("pull_request", "repository.url", "action", "number", "pull_request.updated_at"),
    ("pull_request_review", "pull_request.url", "action", "review.id", "review.submitted_at"),
    ("pull_request_review_comment", "pull_request.url", "action", "comment.id", "pull_request.updated_at"),
    ("pull_request_review_thread", "pull_request.url", "action", "pull_request.id", ""),
    ("push", "repository.url", "", "ref", ""),
    ("registry_package", "repository.url", "action", "registry_package.html_url", "registry_package.updated_at"),
    ("release", "repository.url", "action", "release.id", ""),
    ("repository", "repository.owner.url", "action", "repository.name", "repository.updated_at"),
    ("repository_advisory", "repository.url", "action", "repository_advisory.ghsa_id", "repository_advisory.updated_at"),
    ("repository_dispatch", "repository.owner.url", "action", "", ""),
    ("repository_import", "repository.owner.url", "", "repository.name", "repository.updated_at"),
    ("repository_ruleset", "repository.owner.url", "action", "repository.name", "repository.updated_at"),
    ("repository_vulnerability_alert", "repository.url", "action", "alert.id", ""),
    ("secret_scanning_alert", "repository.url", "action", "alert.number", "alert.updated_at alert.created_at"),
    ("secret_scanning_alert_location", "repository.url", "action", "alert.number", "alert.updated_at alert.created_at"),
    ("security_advisory", "=github.com", "action", "security_advisory.ghsa_id", "security_advisory.updated_at"),
    ("security_and_analysis", "repository.url", "", "", ""),
    ("sponsorship", "repository.url", "action", "sponsorship.sponsor.login", ""),
    ("star", "repository.url", "action", "", "starred_at"),
    ("status", "repository.url", "state", "sha", "updated_at"),
    ("team", "repository.url", "action", "team.id", "updated_at"),
    ("team_add", "repository.url", "action", "team.id", ""),
    ("watch", "repository.url", "action", "", ""),
    ("workflow_dispatch", "repository.url", "", "workflow", ""),
    ("workflow_job", "repository.url", "action", "workflow_job.name", ""),
    ("workflow_run", "repository.url", "action", "workflow.name", ""),
];

/// What an event should say of itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) source: String,
    pub(crate) ty: String,
    pub(crate) subject: Option<String>,
    pub(crate) time: Option<String>,
}

fn at(payload: &Value, path: &str) -> Option<String> {
    match payload.pointer(&format!("/{}", path.replace('.', "/")))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads the document on a payload. Events that are not in it have the type's usual form.
pub(crate) fn expected(event: &str, payload: &Value) -> Expected {
    let (_, source, parts, subject, time) = DOCUMENT
        .into_iter()
        .find(|(name, ..)| *name == event)
        .unwrap_or(("", "repository.url", "action", "", ""));
    let get = |path: &str| at(payload, path);
    let own = match source.split_once(' ') {
        None if source.starts_with('=') => Some(source[1..].to_owned()),
        None => get(source),
        Some((_, "of sender.url")) => get("sender.url").map(|url| {
            let end = url.rfind('/').unwrap();
            url[..end].to_owned()
        }),
        Some((one, other)) => get(one)
            .zip(get(&other[2..]))
            .map(|(a, b)| format!("{a}/{b}")),
    };
    let source = own
        .or_else(|| get("repository.url"))
        .or_else(|| get("organization.url"))
        .or_else(|| get("installation.account.url"))
        .or_else(|| get("sender.url"));
    let parts = parts
        .split(' ')
        .filter_map(get)
        .map(|part| format!(".{part}"));
    Expected {
        source: source.unwrap_or_else(|| "github.com".into()),
        ty: format!("com.github.{event}{}", parts.collect::<String>()),
        subject: get(subject),
        time: time.split(' ').find_map(get),
    }
}
