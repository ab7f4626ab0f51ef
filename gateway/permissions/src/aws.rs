//! Policies of IAM.

use crate::Grant;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use tradewind_adapter::{Caller, Permission};

/// What settings leave open.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Region of resources that are named without one.
    pub region: Option<String>,
    /// Account of resources that are named without one.
    pub account: Option<String>,
}

/// Who calls AWS, and what it needs for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Identity {
    /// Who.
    pub caller: Caller,
    /// What it must be allowed.
    pub statements: Vec<Statement>,
    /// What it is not allowed, on purpose.
    pub withheld: Vec<Withheld>,
    /// Of a role: who may assume it. The principal is to be put in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<Value>,
    /// Resources of which region or account is not known.
    pub open: Vec<String>,
}

/// One statement: calls of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Statement {
    /// Its name in the policy.
    pub sid: String,
    /// Whom it is for, and why.
    pub reasons: Vec<String>,
    /// What is called.
    pub actions: Vec<String>,
    /// Of what.
    pub resource: String,
}

/// What is not granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Withheld {
    /// The action.
    pub action: String,
    /// On what.
    pub resource: String,
    /// Why not.
    pub why: String,
}

/// The identities that call AWS, each with the least that it needs.
pub fn aws(grants: &[Grant], place: &Place) -> Vec<Identity> {
    let mut all: BTreeMap<Caller, Identity> = BTreeMap::new();
    for Grant { object, permission } in grants {
        if permission.cloud != "aws" {
            continue;
        }
        let caller = &permission.caller;
        identity(&mut all, caller).add(object, permission, place);
        if let Some(role) = &caller.role {
            let base = Caller {
                credentials: caller.credentials.clone(),
                ..Caller::default()
            };
            let reason = format!("{object}: calls with the role");
            identity(&mut all, &base).state("AssumeRole", reason, &["sts:AssumeRole"], role);
        }
    }
    all.into_values().collect()
}

fn identity<'a>(all: &'a mut BTreeMap<Caller, Identity>, caller: &Caller) -> &'a mut Identity {
    all.entry(caller.clone()).or_insert_with(|| Identity {
        caller: caller.clone(),
        statements: Vec::new(),
        withheld: Vec::new(),
        trust: caller.role.is_some().then(|| trust(caller.external_id)),
        open: Vec::new(),
    })
}

/// Who may assume a role.
fn trust(external_id: bool) -> Value {
    let mut statement = json!({
        "Sid": "Gateway",
        "Effect": "Allow",
        "Principal": { "AWS": "ARN-OF-THE-GATEWAY" },
        "Action": "sts:AssumeRole",
    });
    if external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": "EXTERNAL-ID" } });
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

impl Identity {
    fn add(&mut self, object: &str, permission: &Permission, place: &Place) {
        let resource = concrete(&permission.resource, place);
        if resource.split(':').skip(3).take(2).any(|part| part == "*") {
            self.open.push(format!("{object}: {resource}"));
        }
        let reason = format!("{object}: {}", permission.why);
        self.state(object, reason, &permission.actions, &resource);
        for (action, why) in permission.withheld {
            let one = Withheld {
                action: (*action).into(),
                resource: resource.clone(),
                why: (*why).into(),
            };
            if !self.withheld.contains(&one) {
                self.withheld.push(one);
            }
        }
    }

    fn state(&mut self, wanted: &str, reason: String, actions: &[&str], resource: &str) {
        let same = |known: &&mut Statement| {
            known.resource == resource && known.actions.iter().eq(actions.iter())
        };
        if let Some(known) = self.statements.iter_mut().find(same) {
            known.reasons.push(reason);
            return;
        }
        let plain = camel(wanted);
        let mut sid = plain.clone();
        let mut number = 2;
        while self.statements.iter().any(|known| known.sid == sid) {
            sid = format!("{plain}{number}");
            number += 1;
        }
        self.statements.push(Statement {
            sid,
            reasons: vec![reason],
            actions: actions.iter().map(ToString::to_string).collect(),
            resource: resource.to_owned(),
        });
    }

    /// The policy, as IAM takes it.
    pub fn policy(&self) -> Value {
        let statements = self.statements.iter().map(|statement| {
            json!({
                "Sid": statement.sid,
                "Effect": "Allow",
                "Action": statement.actions,
                "Resource": statement.resource,
            })
        });
        json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
    }

    /// In words.
    pub fn who(&self) -> String {
        match &self.caller.role {
            Some(role) => format!("the role {role}, assumed by {}", self.caller.credentials),
            None => self.caller.credentials.clone(),
        }
    }

    /// A name for infrastructure code.
    fn name(&self) -> String {
        let who = match &self.caller.role {
            Some(role) => role.rsplit(['/', ':']).next().unwrap_or_default(),
            None => self.caller.credentials.trim_start_matches("the "),
        };
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        };
        format!("tradewind_{}", who.chars().map(plain).collect::<String>())
    }
}

/// Region and account filled in.
fn concrete(resource: &str, place: &Place) -> String {
    let mut parts: Vec<&str> = resource.splitn(6, ':').collect();
    for (at, known) in [(3, &place.region), (4, &place.account)] {
        if let (Some(part), Some(known)) = (parts.get_mut(at), known)
            && *part == "*"
        {
            *part = known;
        }
    }
    parts.join(":")
}

/// `sources.orders-new` is `SourcesOrdersNew`.
fn camel(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

/// Names, each once.
fn named(identities: &[Identity]) -> Vec<(String, &Identity)> {
    let mut all: Vec<(String, &Identity)> = Vec::new();
    for identity in identities {
        let plain = identity.name();
        let mut name = plain.clone();
        let mut number = 2;
        while all.iter().any(|(known, _)| *known == name) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        all.push((name, identity));
    }
    all
}

/// Policy documents for Terraform.
pub fn terraform(identities: &[Identity]) -> String {
    let mut out = String::new();
    for (name, identity) in named(identities) {
        if !out.is_empty() {
            out.push('\n');
        }
        writeln!(out, "# {}", line(&identity.who())).ok();
        for one in &identity.withheld {
            let (action, resource) = (&one.action, &one.resource);
            writeln!(
                out,
                "# not granted: {action} on {}: {}",
                line(resource),
                one.why
            )
            .ok();
        }
        writeln!(out, "data \"aws_iam_policy_document\" \"{name}\" {{").ok();
        for statement in &identity.statements {
            for reason in &statement.reasons {
                writeln!(out, "  # {}", line(reason)).ok();
            }
            let actions: Vec<String> = statement.actions.iter().map(|text| quoted(text)).collect();
            writeln!(
                out,
                "  statement {{\n    sid       = {}\n    actions   = [{}]\n    resources = [{}]\n  }}",
                quoted(&statement.sid),
                actions.join(", "),
                quoted(&statement.resource),
            )
            .ok();
        }
        out.push_str("}\n");
        if identity.trust.is_some() {
            let condition = match identity.caller.external_id {
                true => {
                    "    condition {\n      test     = \"StringEquals\"\n      variable = \"sts:ExternalId\"\n      values   = [var.tradewind_external_id]\n    }\n"
                }
                false => "",
            };
            writeln!(
                out,
                "\n# who may assume it\ndata \"aws_iam_policy_document\" \"{name}_trust\" {{\n  statement {{\n    sid     = \"Gateway\"\n    actions = [\"sts:AssumeRole\"]\n    \
                 principals {{\n      type        = \"AWS\"\n      identifiers = [var.tradewind_principal]\n    }}\n{condition}  }}\n}}",
            )
            .ok();
        }
    }
    out
}

/// The same in Terraform's JSON syntax.
pub fn terraform_json(identities: &[Identity]) -> Value {
    let mut documents = Map::new();
    for (name, identity) in named(identities) {
        let statements = identity.statements.iter().map(|statement| {
            json!({
                "//": statement.reasons.join("; "),
                "sid": statement.sid,
                "actions": statement.actions.iter().map(|text| escaped(text)).collect::<Vec<_>>(),
                "resources": [escaped(&statement.resource)],
            })
        });
        let document = json!({ "//": identity.who(), "statement": statements.collect::<Vec<_>>() });
        documents.insert(name.clone(), document);
        if identity.trust.is_some() {
            let mut statement = json!({
                "sid": "Gateway",
                "actions": ["sts:AssumeRole"],
                "principals": [{ "type": "AWS", "identifiers": ["${var.tradewind_principal}"] }],
            });
            if identity.caller.external_id {
                statement["condition"] = json!([{
                    "test": "StringEquals",
                    "variable": "sts:ExternalId",
                    "values": ["${var.tradewind_external_id}"],
                }]);
            }
            let document = json!({ "//": "who may assume it", "statement": [statement] });
            documents.insert(format!("{name}_trust"), document);
        }
    }
    json!({ "data": { "aws_iam_policy_document": documents } })
}

/// A text in which nothing is a template.
fn escaped(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

fn quoted(text: &str) -> String {
    Value::from(escaped(text)).to_string()
}

fn line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(object: &str, actions: &[&'static str], resource: &str, role: Option<&str>) -> Grant {
        Grant {
            object: object.into(),
            permission: Permission {
                cloud: "aws",
                actions: actions.to_vec(),
                resource: resource.into(),
                why: "it is so",
                caller: Caller {
                    credentials: "the machine".into(),
                    role: role.map(str::to_owned),
                    external_id: role.is_some(),
                },
                withheld: &[("a:Look", "nobody looks")],
            },
        }
    }

    const ROLE: &str = "arn:aws:iam::123456789012:role/tw";
    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:q";

    #[test]
    fn one_statement_for_the_same_calls_and_a_role_of_its_own() {
        let grants = [
            grant("subscriptions.a-b", &["sqs:SendMessage"], QUEUE, None),
            grant("subscriptions.c", &["sqs:SendMessage"], QUEUE, None),
            grant(
                "subscriptions.a.b",
                &["lambda:InvokeFunction"],
                "arn:aws:lambda:*:*:function:f",
                None,
            ),
            grant("sources.q", &["sqs:ReceiveMessage"], QUEUE, Some(ROLE)),
        ];
        let place = Place {
            region: Some("eu-west-1".into()),
            account: Some("123456789012".into()),
        };
        let all = aws(&grants, &place);
        let [machine, role] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!(
            machine.policy()["Statement"],
            json!([
                { "Sid": "SubscriptionsAB", "Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": QUEUE },
                { "Sid": "SubscriptionsAB2", "Effect": "Allow", "Action": ["lambda:InvokeFunction"],
                  "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:f" },
                { "Sid": "AssumeRole", "Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": ROLE },
            ])
        );
        assert_eq!(machine.statements[0].reasons.len(), 2);
        assert!(machine.open.is_empty() && machine.trust.is_none());
        assert_eq!(role.caller.role.as_deref(), Some(ROLE));
        let condition = &role.trust.as_ref().unwrap()["Statement"][0]["Condition"];
        assert!(condition["StringEquals"]["sts:ExternalId"].is_string());
        let open = aws(&grants, &Place::default());
        assert_eq!(
            open[0].open,
            ["subscriptions.a.b: arn:aws:lambda:*:*:function:f"]
        );
        let code = terraform(&all);
        for part in [
            "data \"aws_iam_policy_document\" \"tradewind_machine\" {",
            "  # subscriptions.a-b: it is so\n  # subscriptions.c: it is so\n  statement {",
            "data \"aws_iam_policy_document\" \"tradewind_tw_trust\" {",
            "# not granted: a:Look on",
        ] {
            assert!(code.contains(part), "{part}\n{code}");
        }
        let json = terraform_json(&all);
        let documents = &json["data"]["aws_iam_policy_document"];
        assert_eq!(
            documents["tradewind_tw"]["statement"][0]["resources"],
            json!([QUEUE])
        );
    }

    #[test]
    fn a_name_is_no_template_of_terraform() {
        let all = aws(
            &[grant("s", &["a:B"], "arn:${file(\"x\")}\n", None)],
            &Place::default(),
        );
        assert!(
            terraform(&all).contains(r#"["arn:$${file(\"x\")}\n"]"#),
            "{}",
            terraform(&all)
        );
    }
}
