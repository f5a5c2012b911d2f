//! What PostgreSQL tells its listeners, over a connection of its own. A notice says that something
//! changed and never what: the tables are the truth.

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Config, NoTls};

use super::Result;
use super::postgres::{drivers, wait};

/// Ends when the connection does.
pub struct Notices {
    // It listens for as long as it lives.
    _client: tokio_postgres::Client,
    heard: mpsc::Receiver<()>,
}

impl std::fmt::Debug for Notices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notices")
    }
}

impl Notices {
    pub(in crate::store) fn listen(config: &Config, channel: &str) -> Result<Self> {
        wait(async {
            let (client, mut connection) = config.connect(NoTls).await?;
            // One that waits stands for all that came since.
            let (tell, heard) = mpsc::channel(1);
            drivers().spawn(async move {
                let mut messages =
                    futures_util::stream::poll_fn(move |context| connection.poll_message(context));
                while let Some(Ok(message)) = messages.next().await {
                    if matches!(message, AsyncMessage::Notification(_)) {
                        // Full: one that waits is there already.
                        let _ = tell.try_send(());
                    }
                }
            });
            client.batch_execute(&format!("LISTEN {channel}")).await?;
            Ok(Self { _client: client, heard })
        })
    }

    /// Waits for the next one; nothing once the connection has ended.
    pub async fn next(&mut self) -> Option<()> {
        self.heard.recv().await
    }
}
