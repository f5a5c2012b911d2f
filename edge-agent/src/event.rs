//! What wakes the agent, and what a look at the room says. It decides nothing.

use std::sync::mpsc::{Sender, SyncSender};

use delivery::mqtt::Delivered;
use presence::Observation;
use protocol::id::{EvidenceId, OrderId};
use protocol::trial::PolicyTrialAnswer;

use crate::clock::Now;
use crate::evidence::TakenPictures;
use crate::evidence::upload_errand::ErrandOutcome;
use crate::pipeline::{Guidance, PipelineFigures};

/// Everything that wakes the agent.
#[derive(Debug)]
pub enum Event {
    /// The pipeline is ready; it waits for the answer before its first frame.
    Begin(SyncSender<Guidance>),
    /// One look at the room; the pipeline waits for the answer before its next.
    Seen(Box<RoomLook>, SyncSender<Guidance>),
    /// The scripted source is over, at this time of its clock. Its pipeline takes guidance until
    /// the sender is dropped.
    Ended(Now, Sender<Guidance>),
    /// What the pipeline sealed for a finding.
    Taken(Box<TakenPictures>),
    /// What became of a released picture.
    Carried(EvidenceId, OrderId, ErrandOutcome),
    /// What a trial of policy numbers found.
    Tried(Box<PolicyTrialAnswer>),
    /// A verified message from the server.
    Delivered(Box<Delivered>),
    /// SIGTERM or SIGINT.
    Shutdown,
}

/// One look at the room.
#[derive(Debug, Clone)]
pub struct RoomLook {
    pub at: Now,
    /// Size of the picture in pixels; `None` where no frame came.
    pub size: Option<(u32, u32)>,
    pub observation: Observation,
    pub figures: PipelineFigures,
}
