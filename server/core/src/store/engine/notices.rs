//! What PostgreSQL tells its listeners, over a connection of its own. A notice says that something
//! changed and never what: the tables are the truth.

use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Connection, NoTls};

use super::EngineResult;
use super::postgres::{drivers, wait};
use crate::store_address::DatabaseLogin;

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
    pub(in crate::store) fn listen(login: &DatabaseLogin, channel: &str) -> EngineResult<Self> {
        wait(async {
            // One that waits stands for all that came since.
            let (tell, heard) = mpsc::channel(1);
            let client = match &login.tls {
                None => {
                    let (client, connection) = login.config.connect(NoTls).await?;
                    drivers().spawn(told(connection, tell));
                    client
                }
                Some(tls) => {
                    let (client, connection) = login.config.connect(tls.clone()).await?;
                    drivers().spawn(told(connection, tell));
                    client
                }
            };
            client.batch_execute(&format!("LISTEN {channel}")).await?;
            Ok(Self { _client: client, heard })
        })
    }

    /// Waits for the next one; nothing once the connection has ended.
    pub async fn next(&mut self) -> Option<()> {
        self.heard.recv().await
    }
}

async fn told<S, T>(mut connection: Connection<S, T>, tell: mpsc::Sender<()>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut messages =
        futures_util::stream::poll_fn(move |context| connection.poll_message(context));
    while let Some(Ok(message)) = messages.next().await {
        if matches!(message, AsyncMessage::Notification(_)) {
            // Full: one that waits is there already.
            let _ = tell.try_send(());
        }
    }
}
