//! What a delivery tells of and how far it came, in the words of the wire, the API and the table.
//! It sends nothing and stores nothing.

/// What is told. A server that was set back meets words of a later one, which it shows as unknown.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub enum DeliveryEvent {
    #[serde(rename = "alert.opened")]
    AlertOpened,
    #[serde(rename = "alert.updated")]
    AlertUpdated,
    #[serde(rename = "alert.state")]
    AlertState,
    #[serde(rename = "alert.escalated")]
    AlertEscalated,
    #[serde(rename = "case.late")]
    CaseLate,
    #[serde(rename = "certificate.expires")]
    CertificateExpires,
    /// A person's own messages.
    #[serde(rename = "messages")]
    Messages,
    #[serde(rename = "test")]
    Test,
    #[serde(rename = "unknown", other)]
    Unknown,
}

impl DeliveryEvent {
    #[cfg(test)]
    const ALL: [Self; 9] = [
        Self::AlertOpened,
        Self::AlertUpdated,
        Self::AlertState,
        Self::AlertEscalated,
        Self::CaseLate,
        Self::CertificateExpires,
        Self::Messages,
        Self::Test,
        Self::Unknown,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::AlertOpened => "alert.opened",
            Self::AlertUpdated => "alert.updated",
            Self::AlertState => "alert.state",
            Self::AlertEscalated => "alert.escalated",
            Self::CaseLate => "case.late",
            Self::CertificateExpires => "certificate.expires",
            Self::Messages => "messages",
            Self::Test => "test",
            Self::Unknown => "unknown",
        }
    }
}

/// How far it came.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Waiting,
    Delivered,
    /// Given up.
    Failed,
}

impl DeliveryState {
    pub fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_written_as_it_is_read() {
        for event in DeliveryEvent::ALL {
            let told = serde_json::to_value(event).unwrap();
            assert_eq!(told, event.code());
            assert_eq!(serde_json::from_value::<DeliveryEvent>(told).unwrap(), event);
        }
        for state in [DeliveryState::Waiting, DeliveryState::Delivered, DeliveryState::Failed] {
            let told = serde_json::to_value(state).unwrap();
            assert_eq!(told, state.code());
            assert_eq!(serde_json::from_value::<DeliveryState>(told).unwrap(), state);
        }
    }

    #[test]
    fn a_word_of_a_later_server_is_unknown() {
        let later = serde_json::from_str::<DeliveryEvent>("\"clue.late\"").unwrap();
        assert_eq!(later, DeliveryEvent::Unknown);
    }
}
