//! Stands between a camera and the RTSP library on this machine's own loopback, and puts right what
//! cameras say wrongly and players bear: another source of packets than announced, answers to the
//! request before, empty numbers, lines of a description that nobody needs, addresses of another
//! network. It logs in, follows a camera that moved, takes UDP where TCP is refused, keeps the
//! session alive, and ends it by TEARDOWN.
//!
//! The camera's address, path and password stay on this side: the library sees a loopback address
//! with a random name, so none of its texts can hold them. It decodes nothing.

mod transport;
mod worker;

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use url::Url;

use super::{PATIENCE, fault::RtspFault};
use transport::CameraConnection;
use worker::Worker;

/// A camera that does not answer the goodbye has heard it all the same.
const PARTING: Duration = Duration::from_millis(700);

/// User and password for a camera. They never print.
#[derive(Clone)]
pub(super) struct CameraLogin {
    pub(super) user: String,
    pub(super) password: String,
    /// Where both stand.
    pub(super) file: PathBuf,
}

/// A relay that waits for the library.
pub(super) struct Relay {
    /// What the library connects to.
    pub(super) url: Url,
    fault: Arc<Mutex<Option<RtspFault>>>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Connects to the camera. To be called inside the runtime that will drive it.
    pub(super) async fn start(url: &Url, login: Option<CameraLogin>) -> Result<Self, RtspFault> {
        let camera = CameraConnection::to(url).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|why| RtspFault::network(&why))?;
        let port = listener.local_addr().map_err(|why| RtspFault::network(&why))?.port();
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|why| RtspFault::Network(why.to_string()))?;
        let name = format!("{:032x}", u128::from_be_bytes(name));
        let alias = format!("rtsp://127.0.0.1:{port}/{name}");
        let fault = Arc::new(Mutex::new(None));
        let worker = Worker::new(url.clone(), camera, login, alias.clone());
        let told = Arc::clone(&fault);
        let task = tokio::spawn(async move {
            let Ok(Ok((library, _))) = timeout(PATIENCE, listener.accept()).await else { return };
            drop(listener);
            worker.run(library, &told).await;
        });
        let url =
            alias.parse().map_err(|_| RtspFault::Network("no loopback address".to_owned()))?;
        Ok(Self { url, fault, task })
    }

    /// What went wrong on the camera's side.
    pub(super) fn fault(&self) -> Option<RtspFault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the camera was told that the session is over. The library's side must be gone.
    pub(super) async fn end(self) {
        let _ = timeout(PARTING * 2, self.task).await;
    }
}
