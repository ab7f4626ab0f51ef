//! Where brokers keep the attributes of an event.

/// How one kind of broker carries events in binary mode.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// What stands before the names of attributes; the first is written, all are read.
    pub(super) prefixes: &'static [&'static str],
    /// Whether the names are read whatever their case.
    pub(super) any_case: bool,
    /// Whether values are percent-encoded as in HTTP.
    pub(super) percent: bool,
    /// Whether `datacontenttype` is carried like other attributes: then the content type of a message says only
    /// whether it is structured.
    pub(super) data_content_type: bool,
}

impl Binding {
    /// Kafka (binding 1.0.2 §3.2.3). The header `content-type` is the content type.
    pub const KAFKA: Self = Self {
        prefixes: &["ce_"],
        any_case: false,
        percent: false,
        data_content_type: false,
    };
    /// AMQP 1.0 (binding 1.0.2 §3.1.3.1; `cloudEvents_` is of 1.0.3-wip).
    pub const AMQP: Self = Self {
        prefixes: &["cloudEvents:", "cloudEvents_"],
        any_case: false,
        percent: false,
        data_content_type: false,
    };
    /// RabbitMQ, which is AMQP 0.9.1 (binding of Knative §3.1.3.1; what its AMQP 1.0 plugin translates is read, too).
    pub const RABBITMQ: Self = Self {
        prefixes: &["ce-", "cloudEvents:", "cloudEvents_"],
        any_case: false,
        percent: false,
        data_content_type: false,
    };
    /// MQTT 5: user properties with bare names (binding 1.0.2 §3.1.3). Those that cannot be attributes are somebody
    /// else's.
    pub const MQTT: Self = Self {
        prefixes: &[""],
        any_case: false,
        percent: false,
        data_content_type: false,
    };
    /// NATS with headers (binding 1.0.3-wip §3.1).
    pub const NATS: Self = Self {
        prefixes: &["ce-"],
        any_case: true,
        percent: true,
        data_content_type: true,
    };

    /// The attribute that a name stands for.
    pub(super) fn attribute<'a>(&self, name: &'a str) -> Option<&'a str> {
        let strip = |prefix: &&'static str| {
            let (head, tail) = name.split_at_checked(prefix.len())?;
            let same = match self.any_case {
                true => head.eq_ignore_ascii_case(prefix),
                false => head == *prefix,
            };
            same.then_some(tail)
        };
        let attribute = self.prefixes.iter().find_map(strip)?;
        let bare = self.prefixes.contains(&"");
        let possible = |name: &str| {
            let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            !name.is_empty() && name.bytes().all(letter)
        };
        (!bare || possible(attribute)).then_some(attribute)
    }

    pub(super) fn name(&self, attribute: &str) -> String {
        let prefix = self.prefixes.first().copied().unwrap_or_default();
        format!("{prefix}{attribute}")
    }
}
