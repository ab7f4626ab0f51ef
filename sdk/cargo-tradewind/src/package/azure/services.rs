//! Azure has several services of a kind: which one is meant is said when a program is packed, not in its code.

use crate::failure::Failure;
use crate::package::manifest::Need;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Queues of a storage account, topics of Event Grid, and whatever there is one of.
    Usual,
    /// Azure Service Bus.
    Bus,
}

/// `KIND=SERVICE`, as it is asked for.
const CHOICES: [(&str, &str, Service); 4] = [
    ("queue", "storage", Service::Usual),
    ("queue", "service-bus", Service::Bus),
    ("topic", "event-grid", Service::Usual),
    ("topic", "service-bus", Service::Bus),
];

/// What was chosen.
#[derive(Debug)]
pub(super) struct Services(Vec<(&'static str, Service)>);

impl Services {
    pub(super) fn parse(asked: &[String]) -> Result<Self, Failure> {
        let mut chosen: Vec<(&str, Service)> = Vec::new();
        for asked in asked {
            let of =
                |(kind, service, _): &&(&str, &str, Service)| *asked == format!("{kind}={service}");
            let Some((kind, _, service)) = CHOICES.iter().find(of) else {
                let all: Vec<_> = CHOICES
                    .iter()
                    .map(|(kind, service, _)| format!("{kind}={service}"))
                    .collect();
                return Err(Failure::usage(format!("`{asked}` is no service of Azure"))
                    .hint(format!("there are {}", all.join(", "))));
            };
            if chosen.iter().any(|(known, _)| known == kind) {
                return Err(Failure::usage(format!("two services of the kind `{kind}`")));
            }
            chosen.push((kind, *service));
        }
        Ok(Self(chosen))
    }

    pub(super) fn of(&self, kind: &str) -> Service {
        let chosen = self.0.iter().find(|(known, _)| *known == kind);
        chosen.map_or(Service::Usual, |(_, service)| *service)
    }

    /// A need as the chosen service knows it.
    pub(super) fn need(&self, need: &Need) -> Need {
        match self.of(&need.kind) {
            Service::Usual => need.clone(),
            Service::Bus => Need {
                kind: format!("service-bus-{}", need.kind),
                ..need.clone()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_chosen_once_for_each_kind() {
        let parse = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|one| (*one).to_owned()).collect();
            Services::parse(&asked).map_err(|failure| failure.to_string())
        };
        let chosen = parse(&["queue=service-bus", "topic=event-grid"]).unwrap();
        assert_eq!(chosen.of("queue"), Service::Bus);
        assert_eq!(chosen.of("topic"), Service::Usual);
        assert_eq!(chosen.of("stream"), Service::Usual);
        for (wrong, why) in [
            (vec!["queue=kafka"], "there are queue=storage"),
            (vec!["stream=service-bus"], "no service of Azure"),
            (vec!["service-bus"], "no service of Azure"),
            (vec!["queue=storage", "queue=service-bus"], "two services"),
        ] {
            let refused = parse(&wrong).unwrap_err();
            assert!(refused.contains(why), "{wrong:?}: {refused}");
        }
    }
}
