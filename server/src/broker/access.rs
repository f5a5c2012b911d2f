//! Who may connect, publish and subscribe: a box on its own topics only, the server on all.
//!
//! Decides on names and hashes alone; never sees a payload.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::topic::{Channel, Topic};
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::types::{AuthResult, ConnectInfo, PublishAclResult, SubscribeAclResult};

/// The name under which this server connects to its own broker.
pub(crate) const SERVER: &str = "zaigang-server";

/// Answers whether a password is right. Called for every connection, never with a log of the
/// password.
pub trait Credentials: Send + Sync {
    fn server_password_is(&self, password: &[u8]) -> bool;
    fn device_password_is(&self, device: &str, password: &[u8]) -> bool;
}

/// A box may publish on its own upward channels.
pub fn allowed_topic(user: &str, topic: &str) -> bool {
    user == SERVER
        || topic
            .parse::<Topic>()
            .is_ok_and(|t| t.device.as_str() == user && Channel::UP.contains(&t.channel))
}

/// A box may listen to its own downward channels, without wildcards.
pub fn allowed_filter(user: &str, filter: &str) -> bool {
    user == SERVER
        || filter
            .parse::<Topic>()
            .is_ok_and(|t| t.device.as_str() == user && Channel::DOWN.contains(&t.channel))
}

pub(super) struct Guard {
    credentials: Arc<dyn Credentials>,
}

impl Guard {
    pub(super) fn new(credentials: Arc<dyn Credentials>) -> Self {
        Self { credentials }
    }

    async fn authenticate(&self, info: &ConnectInfo) -> AuthResult {
        let (Some(user), Some(password)) = (info.username(), info.password()) else {
            return AuthResult::NotAuthorized;
        };
        let (user, password) = (user.to_string(), password.to_vec());
        // A box that could take another's client id could end the other's connection.
        if user != SERVER && *info.client_id() != user {
            return AuthResult::NotAuthorized;
        }
        if will_topic(info).is_some_and(|topic| !allowed_topic(&user, &topic)) {
            return AuthResult::NotAuthorized;
        }
        let credentials = Arc::clone(&self.credentials);
        let good = tokio::task::spawn_blocking(move || {
            if user == SERVER {
                credentials.server_password_is(&password)
            } else {
                credentials.device_password_is(&user, &password)
            }
        })
        .await;
        if good.unwrap_or(false) {
            AuthResult::Allow(false, None)
        } else {
            AuthResult::BadUsernameOrPassword
        }
    }
}

fn will_topic(info: &ConnectInfo) -> Option<String> {
    match info {
        ConnectInfo::V3(_, connect) => connect.last_will.as_ref().map(|w| w.topic.to_string()),
        ConnectInfo::V5(_, connect) => connect.last_will.as_ref().map(|w| w.topic.to_string()),
    }
}

#[async_trait]
impl Handler for Guard {
    async fn hook(&self, parameter: &Parameter, before: Option<HookResult>) -> ReturnType {
        match parameter {
            Parameter::ClientAuthenticate(info) => {
                (false, Some(HookResult::AuthResult(self.authenticate(info).await)))
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                let answer = if allowed_filter(session.id.username_ref(), &subscribe.topic_filter) {
                    SubscribeAclResult::new_success(subscribe.opts.qos(), None)
                } else {
                    tracing::warn!(client = session.id.username_ref(), filter = %subscribe.topic_filter, "subscription to a foreign topic refused");
                    SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
                };
                (false, Some(HookResult::SubscribeAclResult(answer)))
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                let answer = if allowed_topic(session.id.username_ref(), &publish.topic) {
                    PublishAclResult::allow()
                } else {
                    tracing::warn!(client = session.id.username_ref(), topic = %publish.topic, "publish on a foreign topic refused");
                    PublishAclResult::rejected(false, Some("own topics only".into()))
                };
                (false, Some(HookResult::PublishAclResult(answer)))
            }
            _ => (true, before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_speaks_upward_and_listens_downward_on_its_own_topics_only() {
        for (topic, publish, subscribe) in [
            ("zaigang/v1/box-1/findings", true, false),
            ("zaigang/v1/box-1/status", true, false),
            ("zaigang/v1/box-1/receipts", false, true),
            ("zaigang/v1/box-1/knowledge", false, true),
            ("zaigang/v1/box-2/findings", false, false),
            ("zaigang/v1/box-2/knowledge", false, false),
            ("zaigang/v1/+/findings", false, false),
            ("zaigang/v1/box-1/#", false, false),
            ("#", false, false),
            ("$SYS/broker", false, false),
        ] {
            assert_eq!(allowed_topic("box-1", topic), publish, "publish {topic}");
            assert_eq!(allowed_filter("box-1", topic), subscribe, "subscribe {topic}");
        }
        assert!(
            allowed_filter(SERVER, "zaigang/v1/+/findings")
                && allowed_topic(SERVER, "zaigang/v1/box-1/receipts")
        );
    }
}
