//! Asks the broker's rules for every connection, publication and subscription.
//!
//! Decides on names and hashes alone; never sees a payload.

use std::sync::Arc;

use async_trait::async_trait;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::types::{AuthResult, ConnectInfo, PublishAclResult, SubscribeAclResult};

use super::Passwords;
use crate::broker::{SERVER, allowed_filter, allowed_topic};
use crate::clock::clip;

/// Letters of a refused name in the log: a name may have 65,535.
const SHOWN: usize = 120;

pub(super) struct Guard {
    passwords: Arc<Passwords>,
}

impl Guard {
    pub(super) fn new(passwords: Arc<Passwords>) -> Self {
        Self { passwords }
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
        let passwords = Arc::clone(&self.passwords);
        let good = tokio::task::spawn_blocking(move || {
            if user == SERVER {
                passwords.server_password_is(&password)
            } else {
                // What can be no box has no password here.
                user.parse().is_ok_and(|device| passwords.device_password_is(&device, &password))
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
                    let filter = clip(&subscribe.topic_filter, SHOWN);
                    let client = session.id.username_ref();
                    tracing::warn!(client, %filter, "subscription to a foreign topic refused");
                    SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
                };
                (false, Some(HookResult::SubscribeAclResult(answer)))
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                let answer = if allowed_topic(session.id.username_ref(), &publish.topic) {
                    PublishAclResult::allow()
                } else {
                    let topic = clip(&publish.topic, SHOWN);
                    let client = session.id.username_ref();
                    tracing::warn!(client, %topic, "publish on a foreign topic refused");
                    PublishAclResult::rejected(false, Some("own topics only".into()))
                };
                (false, Some(HookResult::PublishAclResult(answer)))
            }
            _ => (true, before),
        }
    }
}
