//! Retained messages in memory. They are a convenience here: a box's last will is retained,
//! knowledge is sent again on every connection, and nothing that must survive a restart rests on
//! them.

use std::time::Duration;

use async_trait::async_trait;
use rmqtt::Result;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::types::{Retain, TopicFilter, TopicName};

/// More topics than this are not retained: seven channels for each of 20,000 boxes.
const MOST: isize = 140_000;

#[derive(Default)]
pub(super) struct InMemory {
    kept: DefaultRetainStorage,
}

#[async_trait]
impl RetainStorage for InMemory {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, retain: Retain, expiry: Option<Duration>) -> Result<()> {
        if self.kept.count().await >= MOST && !retain.publish.payload.is_empty() {
            tracing::warn!(%topic, "the broker retains {MOST} messages already: this one is not \
                retained");
            return Ok(());
        }
        self.kept.set_with_timeout(topic, retain, expiry).await
    }

    async fn get(&self, filter: &TopicFilter) -> Result<Vec<(TopicName, Retain)>> {
        self.kept.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.kept.count().await
    }

    async fn max(&self) -> isize {
        self.kept.max().await
    }
}
