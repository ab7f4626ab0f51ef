//! The published table: what each event's attributes are read from.
//!
//! CloudEvents, "GitHub CloudEvents Adapter". Where the document says "current time" there is no
//! time here: a repetition would get another one. Where it is unfinished: `repository_dispatch` and
//! `repository_ruleset` have a dot before the action like all others, `status` has its state after
//! the dot that the document ends with.

/// One event's row. Paths are dotted, into the payload.
#[derive(Debug)]
pub(super) struct Row {
    /// The value of `X-GitHub-Event`.
    pub(super) event: &'static str,
    pub(super) source: Source,
    /// What follows `com.github.<event>` in the type, each with a dot before it, where present.
    pub(super) suffix: &'static [&'static str],
    /// Where the subject is; none where empty.
    pub(super) subject: &'static str,
    /// Where the time may be: the first that is there. `x=path` counts only if the action is `x`.
    pub(super) time: &'static [&'static str],
}

/// How `source` comes about. What is not there is replaced by [`FALLBACK`].
#[derive(Debug)]
pub(super) enum Source {
    /// The value at this path.
    At(&'static str),
    /// Both values, with a slash between.
    Joined(&'static str, &'static str),
    /// The value at this path without its last segment.
    ParentOf(&'static str),
    /// This text.
    Fixed(&'static str),
}

/// Where the source is for events without a row, or whose own place is empty.
pub(super) const FALLBACK: [&str; 4] = [
    "repository.url",
    "organization.url",
    "installation.account.url",
    "sender.url",
];

/// Stands for GitHub itself where a payload names nobody; the document's text for advisories.
pub(super) const ANYWHERE: &str = "github.com";

/// For events without a row, among them `ping`.
pub(super) static UNKNOWN: Row = row("", REPOSITORY, ACTION, "", NOW);

const REPOSITORY: Source = Source::At("repository.url");
const OWNER: Source = Source::At("repository.owner.url");
const ACCOUNT: Source = Source::At("installation.account.url");
const ORGANIZATION: Source = Source::At("organization.url");
const DEPLOYMENT: Source = Source::At("deployment.url");
const PULL_REQUEST: Source = Source::At("pull_request.url");
const ACTION: &[&str] = &["action"];
const NONE: &[&str] = &[];
const NOW: &[&str] = &[];
/// "`release.*_at` value based on action"
const RELEASE_TIME: &[&str] = &[
    "published=release.published_at",
    "released=release.published_at",
    "prereleased=release.published_at",
    "created=release.created_at",
    "edited=release.updated_at",
];

const fn row(
    event: &'static str,
    source: Source,
    suffix: &'static [&'static str],
    subject: &'static str,
    time: &'static [&'static str],
) -> Row {
    Row {
        event,
        source,
        suffix,
        subject,
        time,
    }
}

/// Sorted by event.
#[rustfmt::skip]
pub(super) static TABLE: [Row; 71] = [
    row("branch_protection_configuration", REPOSITORY, ACTION, "", NOW),
    row("branch_protection_rule", REPOSITORY, ACTION, "rule.id", &["rule.updated_at"]),
    row("check_run", REPOSITORY, ACTION, "check_run.id", &["check_run.completed_at", "check_run.started_at"]),
    row("check_suite", REPOSITORY, ACTION, "check_suite.id", &["check_suite.updated_at"]),
    row("code_scanning_alert", REPOSITORY, ACTION, "alert.number", NOW),
    row("commit_comment", Source::Joined("comment.url", "comment.commit_id"), ACTION, "comment.id", &["comment.updated_at"]),
    row("content_reference", REPOSITORY, ACTION, "content_reference.id", NOW),
    row("create", REPOSITORY, &["ref_type"], "ref", NOW),
    row("custom_property", REPOSITORY, ACTION, "definition.property_name", NOW),
    row("custom_property_values", REPOSITORY, ACTION, "", NOW),
    row("delete", REPOSITORY, &["ref_type"], "ref", NOW),
    row("dependabot_alert", REPOSITORY, ACTION, "alert.id", NOW),
    row("deploy_key", REPOSITORY, ACTION, "key.id", &["key.deleted_at", "key.created_at"]),
    row("deployment", REPOSITORY, NONE, "deployment.id", &["deployment.updated_at"]),
    row("deployment_protection_rule", DEPLOYMENT, ACTION, "deployment.id", NOW),
    row("deployment_review", DEPLOYMENT, ACTION, "workflow_run.id", NOW),
    row("deployment_status", DEPLOYMENT, &["deployment_status.state"], "deployment_status.url", &["deployment_status.updated_at"]),
    row("discussion", REPOSITORY, ACTION, "discussion.id", NOW),
    row("discussion_comment", REPOSITORY, ACTION, "discussion.id", &["comment.updated_at"]),
    row("fork", REPOSITORY, NONE, "forkee.url", &["forkee.created_at"]),
    row("github_app_authorization", Source::At("sender.url"), NONE, "", NOW),
    row("gollum", REPOSITORY, NONE, "", NOW),
    row("installation", ACCOUNT, ACTION, "installation.id", &["installation.updated_at"]),
    row("installation_repositories", ACCOUNT, ACTION, "installation.id", &["installation.updated_at"]),
    row("installation_target", ACCOUNT, ACTION, "installation.id", NOW),
    row("issue_comment", Source::At("issue.url"), ACTION, "comment.id", &["comment.updated_at"]),
    row("issues", REPOSITORY, ACTION, "issue.number", &["issue.updated_at"]),
    row("label", REPOSITORY, ACTION, "label.name", NOW),
    row("marketplace_purchase", Source::ParentOf("sender.url"), ACTION, "marketplace_purchase.account.login", &["effective_date"]),
    row("member", REPOSITORY, ACTION, "member.login", NOW),
    row("membership", Source::At("team.url"), &["scope", "action"], "member.login", NOW),
    row("merge_group", REPOSITORY, ACTION, "merge_group.head_ref", NOW),
    row("meta", REPOSITORY, ACTION, "hook_id", &["hook.updated_at"]),
    row("milestone", REPOSITORY, ACTION, "milestone.number", &["milestone.updated_at"]),
    row("org_block", ORGANIZATION, ACTION, "blocked_user.login", NOW),
    row("organization", ORGANIZATION, ACTION, "membership.user.login", NOW),
    row("package", REPOSITORY, ACTION, "package.id", &["package.updated_at", "package.created_at"]),
    row("page_build", REPOSITORY, NONE, "build.url", &["pusher.updated_at"]),
    row("project", REPOSITORY, ACTION, "project.id", &["project.updated_at"]),
    row("project_card", REPOSITORY, ACTION, "project_card.id", &["project_card.updated_at"]),
    row("project_column", REPOSITORY, ACTION, "project_column.id", &["project_column.updated_at"]),
    row("projects_v2", REPOSITORY, ACTION, "projects_v2.id", &["projects_v2.updated_at"]),
    row("projects_v2_item", REPOSITORY, ACTION, "projects_v2_item.id", &["projects_v2_item.updated_at"]),
    row("projects_v2_status_update", REPOSITORY, ACTION, "projects_v2_status_update.id", &["projects_v2_status_update.updated_at"]),
    row("public", OWNER, NONE, "repository.name", &["repository.updated_at"]),
    row("pull_request", REPOSITORY, ACTION, "number", &["pull_request.updated_at"]),
    row("pull_request_review", PULL_REQUEST, ACTION, "review.id", &["review.submitted_at"]),
    row("pull_request_review_comment", PULL_REQUEST, ACTION, "comment.id", &["pull_request.updated_at"]),
    row("pull_request_review_thread", PULL_REQUEST, ACTION, "pull_request.id", NOW),
    row("push", REPOSITORY, NONE, "ref", NOW),
    row("registry_package", REPOSITORY, ACTION, "registry_package.html_url", &["registry_package.updated_at"]),
    row("release", REPOSITORY, ACTION, "release.id", RELEASE_TIME),
    row("repository", OWNER, ACTION, "repository.name", &["repository.updated_at"]),
    row("repository_advisory", REPOSITORY, ACTION, "repository_advisory.ghsa_id", &["repository_advisory.updated_at"]),
    row("repository_dispatch", OWNER, ACTION, "", NOW),
    row("repository_import", OWNER, NONE, "repository.name", &["repository.updated_at"]),
    row("repository_ruleset", OWNER, ACTION, "repository.name", &["repository.updated_at"]),
    row("repository_vulnerability_alert", REPOSITORY, ACTION, "alert.id", NOW),
    row("secret_scanning_alert", REPOSITORY, ACTION, "alert.number", &["alert.updated_at", "alert.created_at"]),
    row("secret_scanning_alert_location", REPOSITORY, ACTION, "alert.number", &["alert.updated_at", "alert.created_at"]),
    row("security_advisory", Source::Fixed(ANYWHERE), ACTION, "security_advisory.ghsa_id", &["security_advisory.updated_at"]),
    row("security_and_analysis", REPOSITORY, NONE, "", NOW),
    row("sponsorship", REPOSITORY, ACTION, "sponsorship.sponsor.login", NOW),
    row("star", REPOSITORY, ACTION, "", &["starred_at"]),
    row("status", REPOSITORY, &["state"], "sha", &["updated_at"]),
    row("team", REPOSITORY, ACTION, "team.id", &["updated_at"]),
    row("team_add", REPOSITORY, ACTION, "team.id", NOW),
    row("watch", REPOSITORY, ACTION, "", NOW),
    row("workflow_dispatch", REPOSITORY, NONE, "workflow", NOW),
    row("workflow_job", REPOSITORY, ACTION, "workflow_job.name", NOW),
    row("workflow_run", REPOSITORY, ACTION, "workflow.name", NOW),
];
